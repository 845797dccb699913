"""dagster-celery's launcher, which says what becomes of a run that no worker has, or that a person ends.

The one it comes with only signals the worker when a run is to end. The run then ends as interrupted, which is a
failure, and a sensor that mends failures would start again what a person wanted to end. And of a run that waits at the
broker it can tell nothing.
"""

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus  # of its interface, without a public name
from dagster_celery import launcher
from kombu import Connection
from kombu.exceptions import OperationalError

from summarizer_assets.core.run_records import CANCEL_ASKED

_QUEUE = "dagster-celery/queue"


class CeleryRunLauncher(launcher.CeleryRunLauncher):
    def terminate(self, run_id: str) -> bool:
        """End a run in order, or keep one from starting that still waits at the broker; False: it has ended."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        waits = run.status is dg.DagsterRunStatus.STARTING
        self._instance.add_run_tags(run_id, {CANCEL_ASKED: run_id})
        self._instance.report_run_canceling(run)
        told = super().terminate(run_id)
        if waits:
            # Nobody else would say so. A worker that takes it in this moment finds it cancelled, and begins nothing.
            self._instance.report_run_canceled(run, "It was waiting at the broker; no worker had begun it.")
        return told

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Of a run that no worker began: not found, when nothing waits in its queue."""
        if run.status is not dg.DagsterRunStatus.STARTING:
            return super().check_run_worker_health(run)
        queue = run.tags.get(_QUEUE, self.default_queue)
        try:
            with self.celery.connection_for_read() as connection:
                waiting = _waiting(connection, queue)
        except OperationalError as error:
            return CheckRunHealthResult(WorkerStatus.UNKNOWN, f"the broker does not answer: {error}")
        if waiting:
            return CheckRunHealthResult(WorkerStatus.UNKNOWN, f"{waiting} runs wait in the queue {queue}")
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"nothing waits in the queue {queue}")


def _waiting(connection: Connection, queue: str) -> int:
    try:
        return int(connection.default_channel.queue_declare(queue, passive=True).message_count)
    except connection.channel_errors as error:
        if getattr(error, "code", None) == 404:
            return 0  # a broker that lost its disk does not know the queue
        raise
