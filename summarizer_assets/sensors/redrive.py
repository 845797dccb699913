"""Continuation of a person's redrive or resummarize choice, already agreed and priced, after an outage or crash."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from summarizer_assets.core.authors.redrive import moment_of
from summarizer_assets.core.run_records import PastRun

_CHOICES = ("redrive", "resummarize")


def config_to_go_on(
    instance: dg.DagsterInstance, last_run: str | None, past: Sequence[PastRun], op: str
) -> Mapping[str, Any]:
    """The run configuration for the bucket's next run; empty if the last run had no choice, or completed it.

    `past`: the bucket's run records, newest first, with what a run that died or stopped left pending. `op`: the op
    under which the choice stands in a run's configuration. A run that failed before writing a record made no request,
    so its choice, perhaps inherited from an earlier run, still applies.
    """
    record = None if last_run is None else instance.get_run_record_by_id(last_run)
    if record is None:
        return {}
    run = record.dagster_run
    if last_run not in {one.run_id for one in past}:
        failed = run.status is dg.DagsterRunStatus.FAILURE
        return chosen(run.run_config, record.create_timestamp, op) if failed else {}
    if past[0].run_id != last_run or past[0].pending_after == 0:
        return {}
    return chosen(run.run_config, datetime.fromtimestamp(past[0].started_at, UTC), op)


def chosen(run_config: Mapping[str, Any], started_at: datetime, op: str) -> Mapping[str, Any]:
    """The part of a run's configuration that selects authors to ask again, limited to those the run did not reach.

    Both choices are limited to rows from before the run, so authors whom it renewed or who failed in it are not asked
    again.
    """
    config = _config(run_config, op)
    redrive, resummarize = (_given(config.get(name)) for name in _CHOICES)
    if not config.get("spend") or not (redrive or resummarize):
        return {}
    days = resummarize.pop("older_than_days", None)
    again: dict[str, Any] = {"spend": True}
    if resummarize or days is not None:
        moment = started_at - timedelta(days=days or 0)
        again["resummarize"] = {**resummarize, "before": _earlier(moment, resummarize.get("before"))}
    if redrive:
        again["redrive"] = {**redrive, "failed_before": _earlier(started_at, redrive.get("failed_before"))}
    return {"ops": {op: {"config": again}}}


def asks_nobody(run: dg.DagsterRun, op: str) -> bool:
    """Whether a run only computes a price, so that its end says nothing about the bucket's pending work."""
    config = _config(run.run_config, op)
    if config.get("spend") is not None:
        return not config["spend"]
    return any(_given(config.get(name)) for name in _CHOICES)


def _config(run_config: Mapping[str, Any], op: str) -> Mapping[str, Any]:
    found = run_config.get("ops", {}).get(op, {}).get("config", {})
    return found if isinstance(found, Mapping) else {}


def _given(choice: Mapping[str, Any] | None) -> dict[str, Any]:
    """The filters that are set; an age of 0 is set."""
    said = (choice or {}).items()
    return {name: value for name, value in said if value is not None and value is not False and value != []}


def _earlier(moment: datetime, given: str | None) -> str:
    return (moment if given is None else min(moment, moment_of(given))).isoformat()
