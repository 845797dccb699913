"""The Markdown that people read, in the root and in docs/: its blocks of code, its links, a clone to run them in."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from summarizer_assets.settings import PREFIX

REPOSITORY = Path(__file__).parents[1]
README = REPOSITORY / "README.md"
DOCS = REPOSITORY / "docs"

#: What a clone holds that the commands need.
_CLONED = ("Makefile", "workspace.yaml", "pyproject.toml", "setup.cfg", "constraints.txt", "README.md", "CHANGELOG.md")
#: What the reader of these pages has done by then: the sample as a table of their own, with the settings of `.env`.
_OWN_TABLE = """
import sys
from summarizer_assets.cli.dagster_home import dagster_instance
from summarizer_assets.demo import run_demo
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings
settings = load_settings()
with dagster_instance(Summarizer(settings)) as instance:
    done = run_demo(settings, instance, step=lambda _: None, watch=lambda _: None)
sys.exit(len(done.failed_runs))
"""
_EXCUSE = re.compile(r"<!-- not run by the test: (.+) -->")


@dataclass(frozen=True)
class Block:
    """A fenced block of code, and where it stands."""

    path: str
    line: int
    language: str
    code: str
    excuse: str | None  # why it is not run

    def __str__(self) -> str:
        last = self.code.strip().splitlines()[-1].strip()[:60]
        return f"{self.path}:{self.line}: {last}"


def documents() -> list[Path]:
    return [README, REPOSITORY / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


def blocks_of(path: Path) -> Iterator[Block]:
    lines = path.read_text(encoding="utf-8").splitlines()
    start: int | None = None
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start is None:
            start = number
            continue
        excuse = _EXCUSE.fullmatch(lines[start - 1] if start else "")
        yield Block(
            str(path.relative_to(REPOSITORY)),
            start + 1,
            lines[start][3:],
            "\n".join(lines[start + 1 : number]),
            excuse[1] if excuse else None,
        )
        start = None


BLOCKS = [block for path in documents() for block in blocks_of(path)]


def of_language(*languages: str) -> list[Block]:
    """Blocks that are tried, each code once, wherever it stands more than once."""
    found: dict[str, Block] = {}
    for block in BLOCKS:
        if block.language in languages and block.excuse is None:
            found.setdefault(block.code, block)
    return list(found.values())


def run(command: list[str], folder: Path) -> str:
    """Run it in an environment that holds nothing of ours; returns what it printed."""
    ours = (PREFIX, "DAGSTER_", "MAKE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def run_bash(code: str, folder: Path) -> str:
    """As a reader would type it; only `make` is told that the environment stands, so that it installs nothing."""
    code = re.sub(r"^make ", "make -o .venv/bin/.runtime -o .venv/bin/.dev ", code, flags=re.MULTILINE)
    return run(["bash", "-euo", "pipefail", "-c", code], folder)


def fill_own_table(folder: Path) -> None:
    """Fill the clone's `data`, which the pages speak of once the demo was seen."""
    run([sys.executable, "-c", _OWN_TABLE], folder)


def clone_into(folder: Path) -> None:
    """The repository as cloned, its environment being ours."""
    for name in _CLONED:
        shutil.copy2(REPOSITORY / name, folder)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("docs", "summarizer_assets", "summarizer_assets_tests", "testing", "tools"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignored)
    (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    (folder / ".env").write_text(f"{PREFIX}BUCKETS=16\n")  # the pages name partitions of a table of some size


def links_of(path: Path) -> Iterator[tuple[Path, str]]:
    """Where each relative link and picture of a document leads: the file, and the heading within it or ''."""
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", _without_code(path)):
        file, _, heading = target.partition("#")
        yield (path.parent / file).resolve() if file else path, heading


def headings_of(path: Path) -> set[str]:
    """Under which names its headings can be linked to."""
    titles = re.findall(r"^#+ (.+)$", _without_code(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _without_code(path: Path) -> str:
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
