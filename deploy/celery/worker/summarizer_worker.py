"""The app of a worker: dagster-celery's tasks, which give back what they cannot begin and begin nothing twice.

Two things that its own tasks do cost runs:

- Dagster's storage out when a run is taken up: the task fails before the run began, Celery throws its message away, and
  Dagster shows the run as *Starting* for ever. Here the message goes back to the broker.
- A connection to the broker that broke: the broker gives the message of a run at work out again, and Dagster reports
  the living run as failed. Here the worker first looks whether the run renews what it holds.
"""

import logging
import time

from celery import Task
from celery.exceptions import Reject
from dagster._grpc.types import ExecuteRunArgs  # how dagster-celery packs what a task is given
from dagster._serdes import unpack_value  # the same
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task
from dagster_postgres.utils import DagsterPostgresException
from dagster_shared.serdes.serdes import JsonSerializableValue
from sqlalchemy.exc import SQLAlchemyError

from summarizer_assets.core.lost_runs import renewed
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings
from summarizer_assets.storage.errors import StorageError

_PAUSE_S = 5.0
_LOG = logging.getLogger(__name__)


class RunTask(Task):  # type: ignore[misc] # celery comes without types
    def __call__(self, execute_job_args_packed: JsonSerializableValue) -> object:
        run_id = unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs).run_id
        try:
            if (self.request.delivery_info or {}).get("redelivered") and is_at_work(run_id):
                _LOG.warning("run %s is at work elsewhere: its message, given out again, is dropped", run_id)
                return 0
            return super().__call__(execute_job_args_packed)
        except (SQLAlchemyError, DagsterPostgresException, StorageError) as error:
            # Whatever the run had begun: a worker that takes it up again tells Dagster so, and the sensor starts anew.
            _LOG.warning("run %s goes back to the broker: %s", run_id, error)
            time.sleep(_PAUSE_S)
            raise Reject(error, requeue=True) from error


def is_at_work(run_id: str) -> bool:
    """Whether somebody renews what this run holds. Takes as long as a renewal, where it holds something."""
    state = Summarizer(load_settings(None)).state
    before = state.signs_of_life().get(run_id, [])
    if not before:
        return False
    began = time.monotonic()
    time.sleep(state.lease_s / 3)  # it is renewed each fourth of a lease
    after = state.signs_of_life().get(run_id, [])
    return renewed(before, after, time.monotonic() - began)


app = make_app()
execute_job = create_execute_job_task(app, base=RunTask)
