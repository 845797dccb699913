"""What a person chose to ask again, and agreed to pay for, goes on after an outage or a crash in the next run."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from summarizer_assets.core.choice import moment_of
from summarizer_assets.core.retry import PastRun
from summarizer_assets.sensors.runs import RunBook

_OP = "author_summaries"


def config_to_go_on(
    instance: dg.DagsterInstance, book: RunBook, bucket: str, past: Sequence[PastRun]
) -> Mapping[str, Any]:
    """The run configuration for the bucket's next run; empty: the last one had no choice, or reached all of it.

    `past` are the bucket's own records of its runs, newest first: of one that died or was stopped, what it left.
    """
    run_id = book.last_run(bucket)
    if run_id is None or not past or past[0].run_id != run_id or past[0].pending_after == 0:
        return {}
    run = instance.get_run_by_id(run_id)
    return {} if run is None else chosen(run.run_config, datetime.fromtimestamp(past[0].started_at, UTC))


def chosen(run_config: Mapping[str, Any], started_at: datetime) -> Mapping[str, Any]:
    """What of a run's configuration says whom to ask again.

    An age becomes the moment that it meant, so that what the first run renewed is not asked for once more.
    """
    config = run_config.get("ops", {}).get(_OP, {}).get("config", {})
    if not config.get("spend") or not (config.get("redrive") or config.get("resummarize")):
        return {}
    again = deepcopy(dict(config))
    resummarize = again.get("resummarize") or {}
    days = resummarize.pop("older_than_days", None)
    if days is not None:
        moment, given = started_at - timedelta(days=days), resummarize.get("before")
        resummarize["before"] = (moment if given is None else min(moment, moment_of(given))).isoformat()
    return {"ops": {_OP: {"config": again}}}
