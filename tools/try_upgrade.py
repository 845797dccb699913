"""Tries an upgrade and a rollback on real tables: an earlier version and this one take turns on one root.

    python tools/try_upgrade.py COMMIT [--state postgres]

The earlier version is checked out into a passing folder and run with the packages installed here. The provider is a
server of this machine that counts what it is asked. With `--state postgres` the state lies on a server of its own.
Prints a table of what was tried; ends with status 1 if something does not hold.
"""
# ruff: noqa: ANN401, S603, S607 - what a run is told is JSON; the programs are git and our own

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # before what takes long to import
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="of the earlier version")
    parser.add_argument("--state", choices=["sqlite", "postgres"], default="sqlite")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1]))

import polars as pl
from deltalake import DeltaTable

from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from testing.installation import write_authors
from testing.postgres import postgres
from testing.provider import answer, serving

#: Of whom one is refused by the provider, always.
AUTHORS, REFUSED, GROUP = 60, "55", 5
BUCKETS = ("0000", "0001")
TABLES = ("authors", "author_summaries", "failed_authors")

#: What any version can be told to do: materialise assets, by the names that are promised. In a process of its own.
PROGRAM = """
import json, logging, sys
from pathlib import Path
import dagster as dg
import summarizer_assets
from summarizer_assets.definitions import build_defs
told = json.loads(sys.argv[1])
imported = Path(summarizer_assets.__file__).resolve().parents[1]
assert imported == Path(told["version"]), f"{imported} was imported instead of {told['version']}"
logging.disable(logging.WARNING)
job = build_defs().resolve_implicit_global_asset_job_def()
with dg.DagsterInstance.ephemeral(told["home"]) as instance:
    if told["ingest"]:
        tags = {f"dagster/asset_partition_range_{end}": key for end, key in zip(("start", "end"), told["range"])}
        job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("authors")], tags=tags)
    config = {"ops": {"author_summaries": {"config": told["config"]}}} if told["config"] else {}
    for key in told["buckets"]:
        pair = [dg.AssetKey("author_summaries"), dg.AssetKey("failed_authors")]
        job.execute_in_process(instance=instance, asset_selection=pair, partition_key=key, run_config=config)
    if told["maintain"]:
        job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("table_maintenance")])
"""


@dataclass
class Trial:
    """One root, on which versions take turns. `rows` are what was tried, and whether it held."""

    folder: Path
    versions: Mapping[str, Path]
    environment: dict[str, str]
    provider: FaultyProvider
    rows: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def source(self, count: int, changed: int = 0) -> None:
        """So many authors, of whom the first `changed` have another name than before."""
        path = write_authors(self.folder / "authors.parquet", count)
        frame = pl.read_parquet(path).with_row_index()
        mark = pl.when(pl.col("index") < changed).then(pl.lit(f" {time.monotonic_ns()}")).otherwise(pl.lit(""))
        frame.select(pl.exclude("index", "author_name"), pl.col("author_name") + mark).write_parquet(path)

    def start(self, version: str, *, ingest: bool, maintain: bool = False, **config: Any) -> "subprocess.Popen[str]":
        words = config.pop("words", None)
        home = Path(tempfile.mkdtemp(dir=self.folder))
        told = {"home": str(home), "ingest": ingest, "maintain": maintain, "config": config}
        told |= {
            "range": [BUCKETS[0], BUCKETS[-1]],
            "buckets": BUCKETS,
            "version": str(self.versions[version].resolve()),
        }
        own = {"PYTHONPATH": str(self.versions[version]), **({"SUMMARIZER_WORDS": str(words)} if words else {})}
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps(told)],
            cwd=home,
            env=os.environ | self.environment | own,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, version: str, **how: Any) -> tuple[list[str], str]:
        """The authors that were asked, and what went wrong."""
        before = len(self.provider.entries)
        _, errors = (process := self.start(version, **how)).communicate()
        asked = [author for entry in self.provider.entries[before:] for author in entry.ids]
        return asked, "" if process.returncode == 0 else errors.strip().splitlines()[-1]

    def frame(self, name: str) -> pl.DataFrame:
        return pl.scan_delta(f"{self.environment['SUMMARIZER_ROOT']}/{name}").collect()

    def tables(self) -> dict[str, int]:
        root = self.environment["SUMMARIZER_ROOT"]
        return {name: DeltaTable(f"{root}/{name}").version() for name in TABLES}

    def note(self, version: str, what: str, found: str, *, held: bool) -> None:
        self.rows.append((version, what, found, held))
        print(f"| {version} | {what} | {found} | {'yes' if held else '**no**'} |", flush=True)

    def turn(
        self, version: str, what: str, asks: int, *, refused: bool = False, writes: bool | None = None, **how: Any
    ) -> None:
        """A run of everything by one version, which is to ask so many authors, beside them the one who is `refused` or
        not, and (unless None) to write or not.
        """
        before = self.tables() if writes is not None else {}
        asked, wrong = self.run(version, ingest=True, **how)
        others = set(asked) - {REFUSED}
        also = " and the failed one" if REFUSED in asked else ""
        found = wrong or f"{len(others)} asked{also}{self._misplaced()}"
        held = not wrong and len(others) == asks and (REFUSED in asked) == refused and not self._misplaced()
        if writes is not None and not wrong:
            made = sum(self.tables().values()) - sum(before.values())
            found += f", {made} table versions"
            held = held and bool(made) == writes
        self.note(version, what, found, held=held)

    def _misplaced(self) -> str:
        """Authors who are not in exactly one place."""
        authors = sorted(self.frame("authors")["author_id"])
        placed = sorted([*self.frame("author_summaries")["author_id"], *self.frame("failed_authors")["author_id"]])
        return "" if authors == placed else f", {len(set(authors) ^ set(placed))} authors misplaced"


def upgrade_and_rollback(trial: Trial, old: str) -> None:
    trial.source(AUTHORS)
    asked, wrong = trial.run(old, ingest=True)
    failed = trial.frame("failed_authors")["author_id"].to_list() if not wrong else []
    trial.note(
        old, "makes the tables", wrong or f"{len(set(asked))} asked, {len(failed)} fails", held=failed == [REFUSED]
    )
    trial.turn("new", "runs on them, nothing is new", 0, writes=False)
    trial.source(AUTHORS + 5, changed=10)
    trial.turn("new", "10 authors changed, 5 are new", 15, writes=True)
    trial.turn("new", "maintains the tables", 0, maintain=True)
    trial.turn(old, "rolled back: runs on what the new one wrote", 0, writes=False)
    trial.source(AUTHORS + 10, changed=10)
    trial.turn(old, "10 changed again, 5 more are new", 15, writes=True)
    trial.turn("new", "upgraded again", 0, writes=False)


def journals(trial: Trial, old: str) -> None:
    """A run that is killed leaves answers in its journal; the other version finds them."""
    for killed, heir in ((old, "new"), ("new", old)):
        trial.source(AUTHORS + 10, changed=40)
        before = len(trial.provider.entries)
        trial.provider.use(Plan(rules=(Rule("refusal", authors=(REFUSED,)),), latency_s=0.2))
        process = trial.start(killed, ingest=True)
        while sum(entry.answered_s is not None for entry in trial.provider.entries[before:]) < 4:
            time.sleep(0.02)
            if process.poll() is not None:
                break
        process.kill()
        process.communicate()
        trial.provider.use(Plan(rules=(Rule("refusal", authors=(REFUSED,)),)))
        _, wrong = trial.run(heir, ingest=True)
        asked = [author for entry in trial.provider.entries[before:] for author in entry.ids if author != REFUSED]
        twice = len(asked) - len(set(asked))
        trial.note(
            f"{killed}, then {heir}",
            "the first is killed after 4 answers, the second goes on",
            wrong or f"{len(set(asked))} asked, {twice} of them twice ({GROUP} were in flight)",
            held=not wrong and len(set(asked)) == 40 and twice <= GROUP,
        )


def prompts(trial: Trial) -> None:
    """This version alone: another prompt, back again, all made anew on purpose, and that undone."""
    root = trial.environment["SUMMARIZER_ROOT"]
    trial.turn("new", "another prompt (SUMMARIZER_WORDS)", 0, words=40, refused=True)
    trial.turn("new", "the prompt rolled back", 0)
    before = trial.frame("author_summaries").sort("author_id")
    version = trial.tables()["author_summaries"]
    choice = {"resummarize": {"other_prompt_or_model": True}, "spend": True}
    trial.turn("new", "all made anew with the other prompt, on purpose", before.height, words=40, **choice)
    prompts_now = trial.frame("author_summaries")["prompt_version"].n_unique()
    DeltaTable(f"{root}/author_summaries").restore(version)
    after = trial.frame("author_summaries").sort("author_id")
    trial.note(
        "new",
        "the summaries restored to the version before",
        f"{after.height} summaries, {'as they were' if after.equals(before) else 'not as they were'}",
        held=after.equals(before) and prompts_now == 1,
    )
    trial.turn("new", "runs with the old prompt", 0)
    trial.turn("new", "runs with the other prompt", 0, words=40)
    trial.source(AUTHORS + 12, changed=40)
    trial.turn("new", "40 changed, 2 are new, after all that", 42)


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "old"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(place), commit], check=True)
        try:
            yield place
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(place)], check=True)


def main(options: argparse.Namespace) -> int:
    provider = FaultyProvider(answer, Plan(rules=(Rule("refusal", authors=(REFUSED,)),)))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        old = stack.enter_context(checked_out(options.commit))
        state = str(folder / "state.sqlite")
        if options.state == "postgres":
            state = stack.enter_context(postgres()).url
        settings = {
            "root": folder / "root",
            "source": folder / "authors.parquet",
            "state": state,
            "buckets": len(BUCKETS),
            "llm_base_url": stack.enter_context(serving(provider)),
            "llm_model": "test-model",
            "group_size": GROUP,
            "max_in_flight": 1,
            "retry_after_s": 86_400,  # a slow machine does not let the failed one fall due in the middle
        }
        environment = {f"SUMMARIZER_{name.upper()}": str(value) for name, value in settings.items()}
        versions = {options.commit: old, "new": Path(__file__).parents[1]}
        trial = Trial(folder, versions, environment, provider)
        print("| version | what was tried | found | held |\n|---|---|---|---|")
        upgrade_and_rollback(trial, options.commit)
        journals(trial, options.commit)
        prompts(trial)
    return 0 if all(held for *_, held in trial.rows) else 1


if __name__ == "__main__":
    sys.exit(main(options))
