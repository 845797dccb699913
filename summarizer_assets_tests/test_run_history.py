"""The pruning of Dagster's run history, on a real instance on SQLite."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.forgettable_runs import DAY_S, PastRun, forgettable
from summarizer_assets.run_history import prune

BUCKETS = dg.StaticPartitionsDefinition(["0000", "0001"])
LATER = 40 * DAY_S


@dg.asset(partitions_def=BUCKETS)
def bucketed() -> None: ...


@dg.asset
def whole() -> None: ...


@pytest.fixture
def instance(tmp_path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def run(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, bucket: str | None = None) -> str:
    return dg.materialize([asset], instance=instance, partition_key=bucket).run_id


def files(instance: dg.DagsterInstance) -> set[str]:
    """The runs of which events or logs lie on the disk."""
    home = Path(instance.root_directory)
    found = {file.stem for file in (home / "history/runs").glob("*-*.db")}
    return found | {file.name for file in (home / "storage").iterdir() if file.is_dir()}


def test_old_runs_go_with_their_files_and_the_newest_of_each_bucket_stay(instance):
    oldest, *newer = [run(instance, bucketed, "0000") for _ in range(4)]
    only = run(instance, bucketed, "0001")
    once = run(instance, whole)
    assert prune(instance, now=time.time(), keep_days=30) == (0, 0)
    deleted, _ = prune(instance, now=time.time() + LATER, keep_days=30)
    left = {*newer, only, once}
    assert deleted == 1
    assert instance.get_run_by_id(oldest) is None
    assert {found.run_id for found in instance.get_runs()} == left
    assert files(instance) == left
    assert instance.get_materialized_partitions(dg.AssetKey("bucketed")) == {"0000", "0001"}


def test_the_run_that_made_a_partition_green_stays_however_many_failed_after_it(instance):
    @dg.asset(name="bucketed", partitions_def=BUCKETS)
    def failing() -> None:
        raise dg.Failure("no")

    green = run(instance, bucketed, "0000")
    for _ in range(4):
        dg.materialize([failing], instance=instance, partition_key="0000", raise_on_error=False)
    deleted, _ = prune(instance, now=time.time() + LATER, keep_days=30)
    assert deleted == 1
    assert instance.get_run_by_id(green) is not None
    assert instance.get_materialized_partitions(dg.AssetKey("bucketed")) == {"0000"}


def test_logs_of_old_ticks_go_too(instance):
    logs = Path(instance.storage_directory()) / "__repository__" / "retry_failed_authors"
    logs.mkdir(parents=True)
    (logs / "1.err").write_text("nothing to do", encoding="utf-8")
    assert prune(instance, now=time.time(), keep_days=30) == (0, 0)
    assert prune(instance, now=time.time() + LATER, keep_days=30) == (0, 1)
    assert not list(logs.iterdir())


@given(
    runs=st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 100 * DAY_S), st.booleans()), max_size=30),
    needed=st.sets(st.integers(0, 29)),
    keep_runs=st.integers(0, 4),
)
def test_nothing_young_unfinished_needed_or_newest_is_forgotten(runs, needed, keep_runs):
    past = [PastRun(str(number), kind, at, finished) for number, (kind, at, finished) in enumerate(runs)]
    wanted, now = {str(number) for number in needed}, 100 * DAY_S
    gone = set(forgettable(past, wanted, now=now, keep_days=30, keep_runs=keep_runs))
    for one in past:
        newer = [other for other in past if other.kind == one.kind and other.created_at > one.created_at]
        if one.run_id in gone:
            assert now - one.created_at > 30 * DAY_S
            assert one.finished
            assert one.run_id not in wanted
        elif now - one.created_at > 30 * DAY_S and one.finished and one.run_id not in wanted:
            assert len(newer) < keep_runs
