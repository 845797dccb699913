"""What a person cancels on Celery ends as cancelled, so that no sensor starts it again."""

import importlib
import sys
from collections.abc import Iterator

import dagster as dg
import pytest

from summarizer_assets_tests.documents import REPOSITORY
from summarizer_assets_tests.installation import Installation, write_authors
from summarizer_assets_tests.ticking import Ticking


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
