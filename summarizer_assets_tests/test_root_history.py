"""One Dagster instance that saw two roots: the history of the one is not taken for that of the other."""

from pathlib import Path

import dagster as dg
import pytest

from summarizer_assets import rebuild_status
from summarizer_assets.cli.rebuild_status import told
from summarizer_assets.jobs import INGEST, SUMMARIZE
from summarizer_assets.run_history import prune
from summarizer_assets.sensors.runs import RunBook
from summarizer_assets.storage.roots import RUN_MARK
from summarizer_assets_tests.ticking import Ticking
from testing.installation import Installation, metadata_of, write_authors


@pytest.fixture
def both(tmp_path: Path) -> tuple[Installation, Installation]:
    """Two roots in one instance; the first is done, the second has its authors."""
    source = write_authors(tmp_path / "authors.parquet", 12)
    first, second = (Installation(tmp_path / name, source, buckets=2, source_settle_s=0) for name in ("one", "two"))
    second._instance = first._instance
    first.ingest()
    first.summarize()
    second.ingest()
    return first, second


def test_every_run_tells_its_root_and_carries_its_mark(both: tuple[Installation, Installation]) -> None:
    for house in both:
        (done,) = house.summarize("0000")
        run = house._instance.get_run_by_id(done.run_id)
        assert run is not None
        assert run.tags[RUN_MARK] == house.summarizer.root.require().id
        assert metadata_of(done)["root"] == house.settings.root
        said = [entry.user_message for entry in house._instance.all_logs(done.run_id)]
        assert f"root: {house.settings.root}" in said


def test_the_first_ingest_of_a_root_is_known_by_its_place(both: tuple[Installation, Installation]) -> None:
    first, second = both
    for house, other in ((first, second), (second, first)):
        book = RunBook(house._instance, INGEST, dg.AssetKey("authors"), house.summarizer.root)
        [ingest] = book.of_all(house.keys)
        run = house._instance.get_run_by_id(ingest.run_id)
        assert run is not None
        assert run.tags[RUN_MARK] == house.settings.root
        assert book.is_ours(run)
        assert not RunBook(house._instance, INGEST, dg.AssetKey("authors"), other.summarizer.root).is_ours(run)


def test_a_tick_goes_by_the_runs_of_its_own_root(both: tuple[Installation, Installation]) -> None:
    first, second = both
    book = RunBook(second._instance, SUMMARIZE, dg.AssetKey("author_summaries"), second.summarizer.root)
    assert book.last(second.keys) == {"0000": [], "0001": []}
    seen = RunBook(first._instance, SUMMARIZE, dg.AssetKey("author_summaries"), first.summarizer.root).last(first.keys)
    assert [len(seen[key]) for key in first.keys] == [1, 1]
    source = Ticking(second, "reingest_changed_source", job=INGEST)
    source.tick()
    [request] = source.tick().requests  # the other root's ingests of the same source say nothing of this one
    assert request.tags[RUN_MARK] == second.summarizer.root.mark


def test_a_run_that_is_executed_again_on_another_root_gets_that_one_s_mark(
    both: tuple[Installation, Installation],
) -> None:
    first, second = both
    from summarizer_assets.definitions import build_defs  # noqa: PLC0415

    job = build_defs(second.settings).resolve_job_def(SUMMARIZE)
    tags = {RUN_MARK: first.summarizer.root.mark}
    done = job.execute_in_process(instance=second._instance, partition_key="0000", tags=tags)
    run = second._instance.get_run_by_id(done.run_id)
    assert run is not None
    assert run.tags[RUN_MARK] == second.summarizer.root.mark


def test_what_dagster_shows_of_another_root_is_no_reason_to_leave_a_partition_alone(
    both: tuple[Installation, Installation],
) -> None:
    first, second = both
    instance = second._instance
    found = rebuild_status.rebuild(second.summarizer, instance)
    assert found.green == {"authors": 2}
    assert sorted(found.unfinished) == ["0000", "0001"]
    [line] = [line for line in told(found, instance) if "another root" in line]
    assert f"Dagster shows buckets 0000, 0001 as done, by runs on another root ({first.settings.root})" in line

    second.summarize("0000")
    found = rebuild_status.rebuild(first.summarizer, instance)
    assert found.reported == {"authors": 2, "author_summaries": 1, "failed_authors": 1}
    assert found.green == {"author_summaries": 1, "failed_authors": 1}
    assert not [line for line in told(found, instance) if "another root" in line]


def test_the_newest_runs_of_each_root_are_kept(both: tuple[Installation, Installation]) -> None:
    first, second = both
    for _ in range(4):
        second.summarize("0000")
    prune(first._instance, now=2e9 * 2, keep_days=1)
    kept = first._instance.get_runs(dg.RunsFilter(job_name=SUMMARIZE))
    assert {run.tags[RUN_MARK] for run in kept} == {house.summarizer.root.mark for house in both}
