"""An installation of one bucket over a loopback provider, run without Dagster, and broken off at a chosen commit."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from summarizer_assets.bucket_run.run import BucketRun
from summarizer_assets.core.authors.redrive import Choice
from summarizer_assets.core.records import SUMMARIES
from summarizer_assets.ingest.guard import LossRefused
from summarizer_assets.installation import Summarizer
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.storage.delta.changes import Append, Change
from summarizer_assets.storage.delta.stream import persist
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.delta.writer import BucketWriter
from summarizer_assets.storage.journal import replay
from testing.installation import Installation, write_authors
from testing.provider import answer, serving

AUTHORS, BUCKET = 30, "0000"


class Killed(BaseException):
    """What ends a run at once, as a signal would that nobody handles."""


@dataclass
class Fuse:
    """Breaks the run off at its `at`-th commit, over both tables: before it, or when it is done and nobody knows."""

    at: int = 0
    after: bool = False
    commits: int = 0

    def commit(self, work: Callable[[], None]) -> None:
        self.commits += 1
        if self.commits == self.at and not self.after:
            raise Killed
        work()
        if self.commits == self.at:
            raise Killed


class FusedWriter(BucketWriter):
    def __init__(self, table: BucketedTable, bucket: str, fence: int | None, fuse: Fuse) -> None:
        super().__init__(table, bucket, fence)
        self._fuse = fuse

    def apply(self, change: Change) -> None:
        self._fuse.commit(lambda: super(FusedWriter, self).apply(change))


@dataclass(frozen=True)
class FusedTable(BucketedTable):
    fuse: Fuse = field(default_factory=Fuse, repr=False)

    def writer(self, bucket: str, fence: int | None) -> BucketWriter:
        return FusedWriter(self, bucket, fence, self.fuse)


def fused(table: BucketedTable, fuse: Fuse) -> FusedTable:
    return FusedTable(table.uri, table.schema, table.buckets, table.options, fuse)


@dataclass
class House:
    """An installation of one bucket, run without Dagster."""

    installation: Installation
    app: FaultyProvider
    runs: int = 0

    @property
    def summarizer(self) -> Summarizer:
        return self.installation.summarizer

    def with_settings(self, **settings: Any) -> "House":
        given = {name: value for name, value in self.installation.given.items() if name not in {"root", "source"}}
        root, source = self.installation.given["root"], self.installation.given["source"]
        return House(Installation(root, source, **{**given, **settings}), self.app, self.runs + 100)

    def ingest(self, accepted: str = "") -> None:
        """With a yes to whatever it takes."""
        quiet: Any = {"log": lambda _: None, "describe": lambda *_: None}
        try:
            persist(self.summarizer.tables.authors, self.summarizer.ingest([BUCKET], accepted=accepted, **quiet))
        except LossRefused as refused:
            assert not accepted
            self.ingest(refused.loss.code)

    def prepare(
        self,
        *,
        retry_all: bool = False,
        choice: Choice | None = None,
        log: Callable[[str], None] = lambda _: None,
    ) -> BucketRun:
        self.runs += 1
        choice = choice or Choice(retry_all=retry_all)
        return self.summarizer.bucket_run(BUCKET, f"run{self.runs}", log=log, choice=choice)

    def work(self, fuse: Fuse | None = None, *, run: BucketRun | None = None, retry_all: bool = False) -> BucketRun:
        """What the asset does with a bucket; the metadata of the run must add up, whatever happened."""
        run = run or self.prepare(retry_all=retry_all)
        fuse = fuse or Fuse()
        tables = self.summarizer.tables
        with run:
            summaries, failures = run.summaries, run.failures
            persist(fused(tables.summaries, fuse), summaries)
            told = summaries.metadata()
            persist(fused(tables.failures, fuse), failures)
            fuse.commit(run.finish)
        assert told["authors"] == told["summaries"] + told["failed"] + told["pending"]
        assert min(told["summaries"], told["failed"], told["pending"]) >= 0
        return run

    def killed(self, fuse: Fuse) -> None:
        with pytest.raises(Killed):
            self.work(fuse)

    def killed_with(self, fuse: Fuse, **options: Any) -> None:
        with pytest.raises(Killed):
            self.work(fuse, run=self.prepare(**options))

    def frame(self, name: str) -> pl.DataFrame:
        return self.installation.frame(name)

    def summaries(self) -> dict[str, str]:
        return dict(self.frame("summaries").select("author_id", "summary").iter_rows())

    def failures(self) -> dict[str, str]:
        return dict(self.frame("failures").select("author_id", "reason").iter_rows())

    def asked(self) -> Counter[str]:
        return Counter(author_id for entry in self.app.entries for author_id in entry.ids)

    def asked_by(self, work: Callable[[], object]) -> Counter[str]:
        before = self.asked()
        work()
        return self.asked() - before

    def journaled(self) -> set[str]:
        """Ids of all that the journal holds, answers and failures."""
        records = replay(self.summarizer.journal / BUCKET).records
        return {
            row["author_id"] if record["kind"] == "failures" else row[0] for record in records for row in record["rows"]
        }

    def change_source(self, *expressions: pl.Expr) -> None:
        source = Path(self.installation.given["source"])
        pl.read_parquet(source).with_columns(*expressions).write_parquet(source)

    def last_record(self) -> Any:
        return self.summarizer.state.recent_runs()[BUCKET][0]

    def assert_settled(self) -> None:
        """Everybody in one place, nothing left behind, and nothing to do any more."""
        self.installation.assert_each_author_in_one_place()
        assert not self.journaled()
        assert not self.summarizer.state.holders()
        assert self.last_record().pending_after == 0
        before = self.installation.versions()
        assert self.asked_by(self.work) == {}
        assert self.installation.versions() == before


@contextmanager
def housed(
    folder: Path, authors: int = AUTHORS, reply: Callable[[bytes], bytes] = answer, **settings: Any
) -> Iterator[House]:
    app = FaultyProvider(reply)
    with serving(app) as url:
        given = {
            "llm_base_url": url,
            "llm_model": "test-model",
            "group_size": 4,
            "max_in_flight": 3,
            "commit_rows": 8,
            "retry_after_s": 3600,
            **settings,
        }
        yield House(Installation(folder / "root", write_authors(folder / "a.parquet", authors), **given), app)


def rival(house: House) -> Append:
    """A commit to the bucket's summaries by somebody else."""
    row = dict.fromkeys(SUMMARIES.names()) | {"author_id": "stranger", "summary": "?", "bucket": BUCKET}
    return Append(BUCKET, pl.DataFrame([row], schema=SUMMARIES))


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("asker", "claim"))]


def new_titles(*numbers: int) -> pl.Expr:
    title = pl.element().struct.with_fields(title=pl.lit("On lighthouses"))
    return (
        pl.when(pl.col("daisngid").is_in(numbers))
        .then(pl.col("papers").list.eval(title))
        .otherwise("papers")
        .alias("papers")
    )
