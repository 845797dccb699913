"""Detection of runs that a Celery broker lost while they waited for a worker.

Dagster shows waiting runs as *Starting*, however long they wait, and they send no heartbeat. So the launcher is asked
whether the broker has them. At a single look it may not, because a worker has just taken the run; a run that is missing
at every look for longer than a started run would stay silent is lost.
"""

import json
from collections.abc import Mapping

import dagster as dg

#: Tag of a run that was sent to Celery. Until it starts, the broker stores it on its disk.
_AT_A_BROKER = "dagster-celery/task_id"
_QUEUE = "dagster-celery/queue"
_NOT_FOUND = "NOT_FOUND"


def waits_at_a_broker(run: dg.DagsterRun) -> bool:
    return run.status is dg.DagsterRunStatus.STARTING and _AT_A_BROKER in run.tags


class Missing:
    """Tracks since when each waiting run is missing at the broker.

    Args:
        instance: the instance whose launcher is asked; a launcher without health checks never misses a run.
        seen: the state after the last tick (`str` of this object); None at the first.
    """

    def __init__(self, instance: dg.DagsterInstance, seen: str | None) -> None:
        self._launcher = instance.run_launcher
        self._before: Mapping[str, float] = json.loads(seen) if seen else {}
        self._since: dict[str, float] = {}
        self._asked: dict[str | None, bool] = {}  # by queue: an unreachable broker is waited for once

    def for_s(self, run: dg.DagsterRun, now: float) -> float:
        """Check a run; return for how many seconds it has been missing, 0 if the broker has it or cannot tell."""
        if not self._is_missing(run):
            return 0.0
        since = self._since[run.run_id] = self._before.get(run.run_id, now)
        return now - since

    def __str__(self) -> str:
        return json.dumps(self._since)

    def _is_missing(self, run: dg.DagsterRun) -> bool:
        if not self._launcher.supports_check_run_worker_health:
            return False
        queue = run.tags.get(_QUEUE)
        if queue not in self._asked:
            self._asked[queue] = self._launcher.check_run_worker_health(run).status.value == _NOT_FOUND
        return self._asked[queue]
