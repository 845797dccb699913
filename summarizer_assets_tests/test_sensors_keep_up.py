"""The other sensors, on a real instance with real tables: lost runs, a changed source, changed authors."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import polars as pl
import pytest
import sqlalchemy as sa
from deltalake import write_deltalake

from summarizer_assets.jobs import INGEST
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets_tests.ticking import Ticking
from testing.installation import Installation, write_authors

AUTHORS, KEYS = 24, ["0000", "0001", "0002"]
HOLD = (
    "import sys\n"
    "from summarizer_assets.storage.state_db.database import Database\n"
    "from summarizer_assets.storage.state_db.state import StateStore\n"
    "with StateStore(Database(sys.argv[1]), sys.argv[2]).claim('0001', sys.argv[3]):\n"
    "    print('held', flush=True); sys.stdin.readline()\n"
)


@pytest.fixture
def house(tmp_path: Path) -> Installation:
    return Installation(
        tmp_path / "root", write_authors(tmp_path / "authors.parquet", AUTHORS), buckets=3, source_settle_s=0
    )


# Lost runs.


@pytest.fixture
def lost(house: Installation) -> Ticking:
    house.ingest()
    return Ticking(house, "report_lost_runs")


def status_of(ticking: Ticking, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = ticking.instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def lapse(house: Installation, seconds: float, *, host: str = "another-host/boot/pid") -> None:
    """All that is held was last renewed so long ago, on another host."""
    with house.summarizer.database.begin() as connection:
        now = house.summarizer.database.steady_now(connection)
        connection.execute(sa.text("UPDATE claims SET host = :h, expires_at = :e"), {"h": host, "e": now - seconds})


def test_a_run_whose_process_is_gone_is_reported_and_the_bucket_retried(lost: Ticking) -> None:
    run = lost.run_known_to_dagster(dg.DagsterRunStatus.STARTED, partition="0001")
    database = str(Path(lost.house.settings.root) / "state.sqlite")
    command = [sys.executable, "-c", HOLD, database, lost.house.summarizer.root_name, run.run_id]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert lost.tick().said == "1 runs at work, none lost"
        lost.house.summarizer.state.begin_run("0001", run.run_id, 5)
        holder.kill()
    assert lost.tick().said == "1 lost runs reported as failed, 0 at work"
    assert status_of(lost, run) is dg.DagsterRunStatus.FAILURE
    messages = [entry.message for entry in lost.instance.all_logs(run.run_id)]
    assert any("is gone. What it answered is in the table or in the journal" in message for message in messages)
    retry = Ticking(lost.house)
    assert retry.tick().buckets == ["0001"]


def test_a_claim_that_lapsed_elsewhere_is_waited_for_and_then_reported(lost: Ticking) -> None:
    run = lost.run_known_to_dagster(dg.DagsterRunStatus.STARTED, partition="0001")
    with lost.house.summarizer.state.claim("0001", run.run_id):
        lapse(lost.house, 30)
        assert lost.tick().said == "1 runs at work, none lost"
        lapse(lost.house, 61)
        lost.tick()
    assert status_of(lost, run) is dg.DagsterRunStatus.FAILURE


def test_a_run_that_is_being_cancelled_on_a_lost_host_ends_as_cancelled(lost: Ticking) -> None:
    run = lost.run_known_to_dagster(dg.DagsterRunStatus.STARTED, partition="0001")
    lost.instance.report_run_canceling(run)
    with lost.house.summarizer.state.claim("0001", run.run_id):
        lapse(lost.house, 90)
        lost.tick()
    assert status_of(lost, run) is dg.DagsterRunStatus.CANCELED


def test_a_run_that_holds_nothing_is_given_time_and_one_that_waits_is_not_touched(
    lost: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = lost.run_known_to_dagster(dg.DagsterRunStatus.STARTED, partition="0001")
    waiting = lost.instance.create_run_for_job(lost.job, tags={"dagster/partition": "0002"})
    assert lost.tick().said == "1 runs at work, none lost"
    later = SimpleNamespace(time=lambda: time.time() + 890)
    monkeypatch.setattr("summarizer_assets.sensors.lapsed.time", later)
    assert lost.tick().said == "1 runs at work, none lost"
    later.time = lambda: time.time() + 910
    assert lost.tick().said == "1 lost runs reported as failed, 0 at work"
    assert status_of(lost, run) is dg.DagsterRunStatus.FAILURE
    assert status_of(lost, waiting) is dg.DagsterRunStatus.NOT_STARTED


def test_a_run_that_waits_at_celery_s_broker_for_a_place_is_not_lost_and_one_that_began_may_be(
    lost: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    waiting, begun = (lost.run_known_to_dagster(status, partition="0001") for status in statuses)
    for run in (waiting, begun):
        lost.instance.add_run_tags(run.run_id, {"dagster-celery/task_id": "a task"})
    monkeypatch.setattr("summarizer_assets.sensors.lapsed.time", SimpleNamespace(time=lambda: time.time() + 1e5))
    assert lost.tick().said == "1 lost runs reported as failed, 1 at work"
    assert status_of(lost, waiting) is dg.DagsterRunStatus.STARTING
    assert status_of(lost, begun) is dg.DagsterRunStatus.FAILURE


def test_an_ingest_shows_that_it_lives_and_counts_as_no_run_on_the_account(house: Installation) -> None:
    state = house.summarizer.state
    with state.heartbeat("an ingest"):
        assert [sign.alive for sign in state.signs_of_life()["an ingest"]] == [True]
        assert state.active_runs() == 0
        assert state.holders() == {}
    assert state.signs_of_life() == {}
    assert house.ingest().success
    assert state.signs_of_life() == {}


# A changed source.


@pytest.fixture
def source(house: Installation) -> Ticking:
    return Ticking(house, "reingest_changed_source", job=INGEST)


def test_a_source_is_read_once_for_each_of_its_states(source: Ticking, tmp_path: Path) -> None:
    tick = source.tick()
    assert [request.tags["dagster/asset_partition_range_end"] for request in tick.requests] == ["0002"]
    assert [result.success for result in source.execute(tick)] == [True]
    assert source.house.frame("authors").height == AUTHORS
    assert source.tick().said.endswith("is read as it is")
    write_authors(tmp_path / "authors.parquet", AUTHORS + 6)
    source.execute(source.tick())
    assert source.house.frame("authors").height == AUTHORS + 6
    assert source.tick().said.endswith("is read as it is")


def test_an_ingest_by_hand_is_known_and_one_under_way_is_waited_for(source: Ticking, tmp_path: Path) -> None:
    old = time.time() - 3600
    os.utime(tmp_path / "authors.parquet", (old, old))
    source.house.ingest()
    assert source.tick().said.endswith("is read as it is")
    write_authors(tmp_path / "authors.parquet", AUTHORS + 1)
    source.run_known_to_dagster(dg.DagsterRunStatus.STARTED, job=INGEST, partition="0001")
    assert source.tick().said.endswith("an ingest is under way")


def test_a_state_that_cannot_be_read_is_not_tried_at_every_tick(source: Ticking, tmp_path: Path) -> None:
    (tmp_path / "authors.parquet").write_bytes(b"half of a file")
    assert [result.success for result in source.execute(source.tick())] == [False]
    assert "tried again later" in source.tick().said
    write_authors(tmp_path / "authors.parquet", AUTHORS)
    assert [result.success for result in source.execute(source.tick())] == [True]


def test_a_refused_ingest_is_not_tried_again_and_no_sensor_removes_a_summary(source: Ticking, tmp_path: Path) -> None:
    source.execute(source.tick())
    source.house.summarize()
    versions = source.house.versions()
    write_authors(tmp_path / "authors.parquet", AUTHORS // 2)
    assert [result.success for result in source.execute(source.tick())] == [False]
    for _ in range(3):
        tick = source.tick()
        assert not tick.requests
        assert "its last ingest was refused" in tick.said
    source.house.ingest(raise_on_error=False)  # nor when a person tries the same
    assert not source.tick().requests
    for name in ("retry_failed_authors", "summarize_changed_authors"):
        Ticking(source.house, name).until_quiet()
    assert source.house.versions() == versions
    write_authors(tmp_path / "authors.parquet", AUTHORS + 1)
    assert [result.success for result in source.execute(source.tick())] == [True]
    assert source.tick().said.endswith("is read as it is")


def test_a_yes_to_a_refused_ingest_ends_the_waiting(source: Ticking, tmp_path: Path) -> None:
    source.execute(source.tick())
    write_authors(tmp_path / "authors.parquet", AUTHORS // 2)
    [refused] = source.execute(source.tick())
    [failure] = [event.step_failure_data for event in refused.get_step_failure_events()]
    assert failure.user_failure_data is not None
    code = failure.user_failure_data.metadata["accept_loss"].value
    assert source.house.ingest(accept_loss=code).success
    assert source.tick().said.endswith("is read as it is")


def test_files_that_still_change_are_waited_for(tmp_path: Path) -> None:
    path = write_authors(tmp_path / "authors.parquet", AUTHORS)
    ticking = Ticking(Installation(tmp_path / "root", path, buckets=3), "reingest_changed_source", job=INGEST)
    assert "it is read when it stays as it is" in ticking.tick().said


def test_a_new_version_of_a_delta_table_is_read_at_once(tmp_path: Path) -> None:
    rows = pl.read_parquet(write_authors(tmp_path / "authors.parquet", AUTHORS))
    write_deltalake(tmp_path / "table", rows.head(20))
    house = Installation(tmp_path / "root", tmp_path / "table", buckets=3, source_settle_s=0)
    ticking = Ticking(house, "reingest_changed_source", job=INGEST)
    ticking.execute(ticking.tick())
    write_deltalake(tmp_path / "table", rows.tail(4), mode="append")
    ticking.execute(ticking.tick())
    assert house.frame("authors").height == AUTHORS
    assert "(version 1): is read as it is" in ticking.tick().said


# Changed authors.


@pytest.fixture
def asking(house: Installation) -> Ticking:
    house.ingest()
    return Ticking(house, "summarize_changed_authors")


def test_new_and_changed_authors_are_asked_and_nobody_else(asking: Ticking, tmp_path: Path) -> None:
    assert sorted(asking.tick().buckets) == KEYS  # nobody ever materialised them
    assert asking.until_quiet() == 3
    assert asking.house.frame("summaries").height == AUTHORS
    assert asking.tick().said.startswith("no author changed since version")

    rows = pl.read_parquet(tmp_path / "authors.parquet")
    rows.with_columns(
        primary_affiliation=pl.when(pl.col("daisngid") == 7).then(pl.lit("Elsewhere")).otherwise("primary_affiliation")
    ).write_parquet(tmp_path / "authors.parquet")
    asking.house.ingest()
    bucket = asking.house.frame("authors").filter(author_id="7")["bucket"].to_list()
    assert asking.tick().buckets == bucket
    assert asking.until_quiet() == 1


def test_a_change_that_asks_nobody_costs_one_run_and_a_new_prompt_none(tmp_path: Path) -> None:
    path = write_authors(tmp_path / "authors.parquet", AUTHORS)
    given = {"root": tmp_path / "root", "source": path, "buckets": 3, "ignore_changes_in": ("title",)}
    house = Installation(**given)
    house.ingest()
    ticking = Ticking(house, "summarize_changed_authors")
    ticking.until_quiet()
    before = house.frame("summaries").sort("author_id")
    renamed = pl.element().struct.with_fields(pl.lit("Another title").alias("title"))
    one = pl.col("daisngid") == 7
    papers = pl.when(one).then(pl.col("papers").list.eval(renamed)).otherwise("papers")
    pl.read_parquet(path).with_columns(papers=papers).write_parquet(path)
    house.ingest()
    assert ticking.until_quiet() == 1
    assert house.frame("summaries").sort("author_id").equals(before)

    other = Ticking(Installation(**given, words=120), "summarize_changed_authors", house._instance)
    assert other.tick().requests == []


def test_a_pilot_whose_limit_is_used_up_asks_for_nobody(tmp_path: Path) -> None:
    path = write_authors(tmp_path / "authors.parquet", AUTHORS)
    house = Installation(tmp_path / "root", path, buckets=3, limit=5)
    house.ingest()
    house.summarize("0000", "0001")
    tick = Ticking(house, "summarize_changed_authors").tick()
    assert tick.requests == []
    assert "SUMMARIZER_LIMIT is used up" in tick.said


def test_what_the_retry_sensor_sees_to_is_left_to_it(asking: Ticking) -> None:
    asking.house.summarizer.state.begin_run("0001", "killed", 5)
    retry = Ticking(asking.house, "retry_failed_authors", asking.instance)
    assert retry.tick().buckets == ["0001"]
    assert sorted(asking.tick().buckets) == ["0000", "0002"]


def test_a_state_store_out_of_reach_is_a_named_error(asking: Ticking, tmp_path: Path) -> None:
    asking.house.summarizer.database = Database(str(tmp_path / "authors.parquet"))
    with pytest.raises(StorageError, match=r"the state store .* does not answer"):
        asking.tick()
