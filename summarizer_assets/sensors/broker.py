"""Runs that wait at a broker for a worker's place, and those of them that the broker lost.

Dagster shows them as *Starting*, however long they wait, and nothing is heard of them meanwhile. So the launcher is
asked whether the broker has them. In one moment it may not, for a worker just took the run up; a run that it has at no
look for so long that a run which began would have been heard of is lost.
"""

import json
from collections.abc import Mapping

import dagster as dg

#: On a run that was handed to Celery. Until it starts, the broker holds it, on its disk.
_AT_A_BROKER = "dagster-celery/task_id"
_QUEUE = "dagster-celery/queue"
_NOT_FOUND = "NOT_FOUND"


def waits_at_a_broker(run: dg.DagsterRun) -> bool:
    return run.status is dg.DagsterRunStatus.STARTING and _AT_A_BROKER in run.tags


class Missing:
    """Since when the broker has not had each run that should wait there, by every look.

    Args:
        instance: whose launcher is asked; one that cannot tell misses nothing.
        seen: what the last look left (`str` of it); None: there was none.
    """

    def __init__(self, instance: dg.DagsterInstance, seen: str | None) -> None:
        self._launcher = instance.run_launcher
        self._before: Mapping[str, float] = json.loads(seen) if seen else {}
        self._since: dict[str, float] = {}
        self._asked: dict[str | None, bool] = {}  # of each queue: a broker that is out must not be waited for a run

    def for_s(self, run: dg.DagsterRun, now: float) -> float:
        """Look; 0: the broker has it, or nobody knows."""
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
