"""dagster-celery's launcher, which says that a run is being cancelled before it tells its worker so.

The one it comes with only signals the worker. The run then ends as interrupted, which is a failure, and a sensor that
mends failures would start again what a person wanted to end.
"""

import dagster as dg
from dagster_celery import launcher

from summarizer_assets.core.launches import CANCEL_ASKED


class CeleryRunLauncher(launcher.CeleryRunLauncher):
    def terminate(self, run_id: str) -> bool:
        """End a run in order, or keep one from starting that still waits at the broker; False: it has ended."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        waits = run.status is dg.DagsterRunStatus.STARTING
        self._instance.add_run_tags(run_id, {CANCEL_ASKED: "yes"})
        self._instance.report_run_canceling(run)
        told = super().terminate(run_id)
        if waits:
            # Nobody else would say so. A worker that takes it in this moment finds it cancelled, and begins nothing.
            self._instance.report_run_canceled(run, "It was waiting at the broker; no worker had begun it.")
        return told
