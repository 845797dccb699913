"""A run whose table is slow commits less often, and stores the same."""

import time
from collections.abc import Iterator

import polars as pl
import pytest

from summarizer_assets.bucket_run.commits import Commits
from summarizer_assets.core import cadence
from summarizer_assets.core.cadence import Patience
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.storage.delta.changes import Append, Change
from summarizer_assets.storage.delta.writer import BucketWriter
from summarizer_assets.storage.errors import StorageError
from summarizer_assets_tests.bucket_run.house import BUCKET, House, housed

SLOW_S = 0.15


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    with housed(tmp_path, authors=60, group_size=1, max_in_flight=2, commit_rows=3) as made:
        made.app.use(Plan(latency_s=0.05))
        made.ingest()
        yield made


def appends_of(house: House, monkeypatch: pytest.MonkeyPatch, free_s: float) -> int:
    """Appends of a run to a table that takes its time, of which `free_s` seconds are not held against the run."""
    seen = []
    apply = BucketWriter.apply

    def slow(writer: BucketWriter, change: Change) -> None:
        time.sleep(SLOW_S)
        apply(writer, change)
        seen.append(change)

    with monkeypatch.context() as patched:
        patched.setattr(BucketWriter, "apply", slow)
        patched.setattr(cadence, "FREE_S", free_s)
        house.work()
    return sum(isinstance(change, Append) for change in seen)


def test_a_run_commits_less_often_to_a_slow_table_and_stores_the_same(house, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    with housed(tmp_path / "other", authors=60, group_size=1, max_in_flight=2, commit_rows=3) as other:
        other.app.use(Plan(latency_s=0.05))
        other.ingest()
        patient = appends_of(house, monkeypatch, 0.0)
        eager = appends_of(other, monkeypatch, 1000.0)
        assert house.summaries() == other.summaries()
    assert patient < eager / 2
    house.assert_settled()


def test_a_run_ends_at_once_though_its_last_commit_was_slow(house, monkeypatch):
    monkeypatch.setattr(cadence, "SHARE", 1e-6)
    assert appends_of(house, monkeypatch, 0.0) == 2  # the first three rows, and the rest when all is answered
    house.assert_settled()


def test_a_state_store_that_does_not_tell_who_writes_ends_no_run():
    told = list[str]()

    def out() -> int:
        raise StorageError("the state store is away")

    commits = Commits(Patience(1, 1.0), out, told.append)
    frame = pl.DataFrame({"author_id": ["1"]})
    assert [change.frame.height for change in commits.timed(Append(BUCKET, frame))] == [1]
    assert told == ["how many runs commit is not known (the state store is away); it stays with 0"]
    assert commits.replacements_due(1)
