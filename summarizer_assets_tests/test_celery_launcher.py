"""Runs on Celery: what a person cancels ends as cancelled; what the broker lost, or no worker could begin, goes on."""

import importlib
import sys
import time
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import dagster as dg
import pytest
from celery.exceptions import Reject
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import pack_value
from dagster_postgres.utils import DagsterPostgresException

from summarizer_assets.core.lost_runs import Sign, renewed
from summarizer_assets.storage.state_db.state import StateStore
from summarizer_assets_tests.ticking import Ticking
from testing.documents import REPOSITORY
from testing.installation import Installation, write_authors

_DEFINITIONS = ModuleCodePointer("summarizer_assets.definitions", "defs")


@pytest.fixture
def ticking(tmp_path) -> Ticking:
    return Ticking(Installation(tmp_path / "root", write_authors(tmp_path / "authors.parquet", 4)))


@pytest.fixture
def launcher(ticking, monkeypatch) -> Iterator[object]:
    monkeypatch.syspath_prepend(str(REPOSITORY / "deploy" / "celery" / "worker"))
    launcher = importlib.import_module("summarizer_celery").CeleryRunLauncher(
        default_queue="dagster", broker="memory://"
    )
    launcher.register_instance(ticking.instance)
    yield launcher
    launcher.celery.close()
    sys.modules.pop("summarizer_celery")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING),  # its worker ends it, and says so
        (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELED),  # no worker has it
    ],
)
def test_a_run_that_is_terminated_is_a_cancelled_one_before_its_worker_hears_of_it(ticking, launcher, before, after):
    run = ticking.run_known_to_dagster(before, partition="0000")
    ticking.instance.add_run_tags(run.run_id, {"dagster-celery/task_id": "a task"})
    assert launcher.terminate(run.run_id)
    found = ticking.instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is after


def test_a_run_whose_worker_died_while_it_was_being_cancelled_is_not_begun_again(ticking, launcher):
    ticking.house.ingest()
    ticking.run_known_to_dagster(dg.DagsterRunStatus.FAILURE, partition="0000")
    assert ticking.tick().buckets == ["0000"]  # of a run that failed by itself
    run = ticking.run_known_to_dagster(dg.DagsterRunStatus.STARTED, partition="0000")
    ticking.instance.add_run_tags(run.run_id, {"dagster-celery/task_id": "a task"})
    assert launcher.terminate(run.run_id)
    # What Dagster says of it when the broker gives its task to another worker.
    ticking.instance.report_run_failed(run, "started a new run worker while the run was already in state CANCELING")
    assert ticking.tick().buckets == []


def test_a_run_that_has_ended_is_left_as_it_is(ticking, launcher):
    run = ticking.run_known_to_dagster(dg.DagsterRunStatus.FAILURE, partition="0000")
    assert not launcher.terminate(run.run_id)
    assert not launcher.terminate("no such run")


# A run that the broker lost.


@pytest.fixture
def lost(ticking, launcher, monkeypatch) -> Ticking:
    ticking.house.ingest()
    monkeypatch.setattr(ticking.instance, "_run_launcher", launcher)
    return Ticking(ticking.house, "report_lost_runs")


def test_a_run_that_waits_at_the_broker_is_left_there_and_one_that_the_broker_has_not_is_lost(
    lost, launcher, monkeypatch
):
    later = SimpleNamespace(time=lambda: time.time() + 1e4)  # quiet for longer than a run that began could be
    monkeypatch.setattr("summarizer_assets.sensors.lapsed.time", later)
    run = lost.run_known_to_dagster(dg.DagsterRunStatus.STARTING, partition="0000")
    lost.instance.add_run_tags(run.run_id, {"dagster-celery/task_id": "a task"})
    launcher.celery.send_task("execute_job", queue="dagster")
    assert lost.tick().said == "1 runs at work, none lost"
    assert lost.cursor == "{}"
    with launcher.celery.connection_for_write() as connection:
        assert connection.default_channel.queue_purge("dagster") == 1
    assert lost.tick().said == "1 runs at work, none lost"  # a worker may just have taken it up
    later.time = lambda: time.time() + 1e4 + 880
    assert lost.tick().said == "1 runs at work, none lost"
    later.time = lambda: time.time() + 1e4 + 910
    assert lost.tick().said == "1 lost runs reported as failed, 0 at work"
    found = lost.instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.FAILURE
    assert Ticking(lost.house).tick().buckets == ["0000"]


def test_of_a_broker_that_does_not_answer_nothing_is_concluded(lost, launcher, monkeypatch):
    run = lost.run_known_to_dagster(dg.DagsterRunStatus.STARTING, partition="0000")
    monkeypatch.setattr(launcher.celery.conf, "broker_read_url", "amqp://guest@127.0.0.1:1//")
    assert launcher.check_run_worker_health(run).status.value == "UNKNOWN"


# A worker.


@pytest.fixture
def worker(monkeypatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(REPOSITORY / "deploy" / "celery" / "worker"))
    monkeypatch.setenv("DAGSTER_CELERY_BROKER", "memory://")
    worker = importlib.import_module("summarizer_worker")
    monkeypatch.setattr(worker, "_PAUSE_S", 0)
    yield worker
    worker.app.close()
    for name in ("summarizer_worker", "dagster_celery_config"):
        sys.modules.pop(name)


def task_of(run: dg.DagsterRun) -> object:
    return pack_value(
        ExecuteRunArgs(
            job_origin=JobPythonOrigin(run.job_name, RepositoryPythonOrigin(sys.executable, _DEFINITIONS)),
            run_id=run.run_id,
            instance_ref=None,
            set_exit_code_on_failure=True,
        )
    )


def test_a_run_that_cannot_begin_since_postgres_is_out_goes_back_to_the_broker(ticking, worker, monkeypatch):
    def out() -> None:
        raise DagsterPostgresException("too many retries for DB connection")

    monkeypatch.setattr(dg.DagsterInstance, "get", staticmethod(out))
    run = ticking.run_known_to_dagster(dg.DagsterRunStatus.STARTING, partition="0000")
    with pytest.raises(Reject) as given:
        worker.execute_job(execute_job_args_packed=task_of(run))
    assert given.value.requeue


def test_a_message_that_the_broker_gives_out_again_is_dropped_while_its_run_is_at_work(ticking, worker, monkeypatch):
    began = []
    monkeypatch.setattr(worker.execute_job, "run", lambda *_: began.append("began"))
    house = ticking.house
    state = StateStore(house.summarizer.database, house.summarizer.root_name, lease_s=0.6)
    monkeypatch.setattr(worker, "Summarizer", lambda _: SimpleNamespace(state=state))
    monkeypatch.setattr(worker, "load_settings", lambda _: None)
    run = ticking.run_known_to_dagster(dg.DagsterRunStatus.STARTED, partition="0000")

    def give_out_again() -> None:
        worker.execute_job.push_request(delivery_info={"redelivered": True})
        try:
            worker.execute_job(execute_job_args_packed=task_of(run))
        finally:
            worker.execute_job.pop_request()

    with state.claim("0000", run.run_id) as claim:
        give_out_again()
        assert began == []
        claim._stopped.set()  # its host is dead: nobody renews it
        claim._thread.join()
        give_out_again()
    assert began == ["began"]


def test_what_was_renewed_is_told_from_what_only_lasts():
    def sign(silent_s: float) -> Sign:
        return Sign("bucket 0000", "host", silent_s, "elsewhere")

    assert not renewed([sign(-50)], [sign(-30)], 20)
    assert renewed([sign(-50)], [sign(-55)], 20)
    assert renewed([sign(-50)], [], 20)
    assert not renewed([sign(10)], [sign(30)], 20)
