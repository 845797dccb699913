"""The README is true: its commands and snippets run, its tables are those of the code."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from summarizer_assets.core.records import FailureReason
from summarizer_assets.settings import PREFIX, Settings, load_settings

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")

#: What a clone holds that the commands need.
_CLONED = ("Makefile", "dagster.yaml", "workspace.yaml", "pyproject.toml", "setup.cfg", "constraints.txt", "README.md")


@dataclass(frozen=True)
class Block:
    language: str
    code: str
    excuse: str | None

    def __str__(self) -> str:
        return self.code.strip().splitlines()[-1].strip()[:60]


def blocks() -> Iterator[Block]:
    lines = README.splitlines()
    start: int | None = None
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start is None:
            start = number
            continue
        before = lines[start - 1] if start else ""
        excuse = re.fullmatch(r"<!-- not run by the test: (.+) -->", before)
        yield Block(lines[start][3:], "\n".join(lines[start + 1 : number]), excuse[1] if excuse else None)
        start = None


BLOCKS = list(blocks())


def runnable(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language and block.excuse is None]


def run(command: list[str], folder: Path) -> str:
    ours = (PREFIX, "DAGSTER_", "MAKE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def run_bash(code: str, folder: Path) -> str:
    """As a reader would type it; only `make` is told that the environment stands, so that it installs nothing."""
    code = re.sub(r"^make ", "make -o .venv/bin/.runtime -o .venv/bin/.dev ", code, flags=re.MULTILINE)
    return run(["bash", "-euo", "pipefail", "-c", code], folder)


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """The repository as cloned, its environment being ours, after the README's first command."""
    folder = tmp_path_factory.mktemp("clone")
    for name in _CLONED:
        shutil.copy2(REPOSITORY / name, folder)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("summarizer_assets", "tools"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignored)
    (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    first = runnable("bash")[0]
    assert first.code.strip() == "make demo"
    (folder / "report.txt").write_text(run_bash(first.code, folder), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_the_first_command_ends_with_a_report_a_stranger_can_read(clone):
    report = (clone / "report.txt").read_text(encoding="utf-8")
    for part in ("have a summary", "data/author_summaries", "Three of the summaries", "make ui"):
        assert part in report
    assert "DEBUG" not in report
    assert "Warning" not in report


@pytest.mark.slow
@pytest.mark.parametrize("block", runnable("bash")[1:], ids=str)
def test_a_command_of_the_readme_runs(clone, block):
    run_bash(block.code, clone)


@pytest.mark.slow
@pytest.mark.parametrize("block", runnable("python"), ids=str)
def test_a_python_snippet_of_the_readme_runs_and_prints(clone, block):
    assert run([sys.executable, "-W", "error", "-c", block.code], clone).strip()


@pytest.mark.parametrize("block", runnable("ini"), ids=str)
def test_an_example_of_settings_is_accepted(block, tmp_path, monkeypatch):
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    file = tmp_path / ".env"
    file.write_text(block.code, encoding="utf-8")
    settings = load_settings(file)
    for name, text in dotenv_values(file).items():
        value = getattr(settings, name.removeprefix(PREFIX).lower())
        value = value.get_secret_value() if isinstance(value, SecretStr) else value
        assert value == text or str(value) == text or value == json.loads(text or "null")


def test_every_block_is_run_or_says_why_not():
    for block in BLOCKS:
        assert block.language in {"bash", "python", "ini", "yaml"}, block
        assert block.excuse is None or block.language in {"bash", "python"}, block


def test_the_launchpad_examples_are_known_and_the_first_is_the_configuration_of_a_command():
    yaml = [block.code for block in BLOCKS if block.language == "yaml"]
    assert yaml == [
        "ops:\n  author_summaries:\n    config:\n      retry_all: true",
        "ops:\n  authors:\n    config:\n      read_whole_source: true",
    ]
    assert '{"ops": {"author_summaries": {"config": {"retry_all": true}}}}' in README


def test_every_linked_file_is_there():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (REPOSITORY / target).is_file(), target


def section(name: str) -> list[str]:
    inside = README.partition(f"<!-- {name} -->\n")[2].partition(f"\n<!-- /{name} -->")[0]
    return inside.splitlines()


def default_of(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is None or value in ({}, ()):
        return "unset"
    return f"`{json.dumps(value) if isinstance(value, bool) else value}`"


def settings_table() -> list[str]:
    rows = [
        f"| `{PREFIX}{name.upper()}` | {default_of(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return ["| variable | default | meaning |", "|---|---|---|", *rows]


def reasons_table() -> list[str]:
    def retried(reason: FailureReason) -> str:
        return "yes" if reason.retryable else "no request is made" if reason.skipped else "no"

    rows = [
        f"| [`{reason}`](docs/failures/{reason}.md) | {reason.meaning} | {retried(reason)} |" for reason in FailureReason
    ]
    return ["| reason | meaning | retried |", "|---|---|---|", *rows]


TABLES = {"settings": settings_table, "reasons": reasons_table}
_RENEW = "renew the README's tables with: python -m summarizer_assets_tests.test_readme"


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_readme_is_that_of_the_code(name):
    assert section(name) == TABLES[name](), _RENEW


def renew_tables() -> None:
    text = README
    for name, table in TABLES.items():
        old = f"<!-- {name} -->\n" + "\n".join(section(name))
        text = text.replace(old, f"<!-- {name} -->\n" + "\n".join(table()))
    (REPOSITORY / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    renew_tables()
