"""What a person chose to ask again, and agreed to pay for, goes on after an outage or a crash in the next run."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import dagster as dg

from summarizer_assets.core.retry import PastRun
from summarizer_assets.sensors.runs import RunBook

_OP = "author_summaries"
_DAY_S = 86_400.0


def config_to_go_on(
    instance: dg.DagsterInstance, book: RunBook, bucket: str, past: Sequence[PastRun], now: float
) -> Mapping[str, Any]:
    """The run configuration for the bucket's next run; empty: the last one had no choice, or reached all of it.

    `past` are the bucket's own records of its runs, newest first: of one that died or was stopped, what it left. `now`
    is in epoch seconds.
    """
    run_id = book.last_run(bucket)
    if run_id is None or not past or past[0].run_id != run_id or past[0].pending_after == 0:
        return {}
    run = instance.get_run_by_id(run_id)
    return {} if run is None else chosen(run.run_config, now - past[0].started_at)


def chosen(run_config: Mapping[str, Any], seconds_ago: float) -> Mapping[str, Any]:
    """What of a run's configuration says whom to ask again, as it would be written so much later.

    An age is counted to the same moment as then, so that what the first run renewed is not asked for once more.
    """
    config = run_config.get("ops", {}).get(_OP, {}).get("config", {})
    if not config.get("spend") or not (config.get("redrive") or config.get("resummarize")):
        return {}
    again = deepcopy(dict(config))
    resummarize = again.get("resummarize") or {}
    if resummarize.get("older_than_days") is not None:
        resummarize["older_than_days"] += seconds_ago / _DAY_S
    return {"ops": {_OP: {"config": again}}}
