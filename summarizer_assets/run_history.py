"""The job that prunes Dagster's run history: it deletes old runs that nothing reads any more.

The tables are not touched; all results are in them, not in the run history.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from summarizer_assets.core.forgettable_runs import DAY_S, PastRun, forgettable
from summarizer_assets.core.run_records import PARKED_AFTER_RUNS
from summarizer_assets.storage.roots import RUN_MARK

PRUNE = "prune_run_history"
NIGHTLY = "30 3 * * *"
_PAGE = 1000
_OF_TICKS = "__repository__"  # Dagster's name for an unnamed repository
_LAUNCHES = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


class PruneConfig(dg.Config):
    """What a person may choose in the launchpad."""

    keep_days: float = Field(default=30, gt=0, description="Runs and tick logs of the last so many days are all kept.")


@dg.op(description="Deletes old runs, their events and logs. The newest of each bucket are kept.")
def forget_old_runs(context: dg.OpExecutionContext, config: PruneConfig) -> None:
    runs, files = prune(context.instance, now=time.time(), keep_days=config.keep_days)
    context.log.info("%d runs deleted, and %d logs of ticks older than %g days", runs, files, config.keep_days)
    context.add_output_metadata({"runs_deleted": runs, "tick_logs_deleted": files})


def prune(instance: dg.DagsterInstance, *, now: float, keep_days: float) -> tuple[int, int]:
    """Delete old runs and tick logs; return the number of each. `now`: epoch seconds."""
    gone = forgettable(
        [_past(record) for record in _all_runs(instance)],
        set(_runs_of_newest_materialisations(instance)),
        now=now,
        keep_days=keep_days,
        keep_runs=PARKED_AFTER_RUNS,  # the number that the retry sensor reads
    )
    for run_id in gone:
        forget(instance, run_id)
    return len(gone), _forget_tick_logs(instance, now - keep_days * DAY_S)


def prune_job() -> dg.JobDefinition:
    @dg.job(
        name=PRUNE,
        description="Keeps the UI quick and the disk small: deletes old runs, but not the newest of a bucket, nor one "
        "that made a partition green. It changes no table.",
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        forget_old_runs()

    return job


def build_prune_schedule() -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="prune_run_history_nightly",
        job_name=PRUNE,
        cron_schedule=NIGHTLY,
        execution_timezone="UTC",
        description="Deletes runs older than 30 days, every night.",
    )


def forget(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run with its events and captured logs; on SQLite also its event file, which Dagster leaves behind."""
    instance.delete_run(run_id)
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    events: Any = instance.event_log_storage
    if hasattr(events, "path_for_shard"):
        Path(events.path_for_shard(run_id)).unlink(missing_ok=True)


def _all_runs(instance: dg.DagsterInstance) -> Iterator[dg.RunRecord]:
    cursor = None
    while page := instance.get_run_records(limit=_PAGE, cursor=cursor):
        yield from page
        cursor = page[-1].dagster_run.run_id


def _past(record: dg.RunRecord) -> PastRun:
    run = record.dagster_run
    assets = sorted(key.to_user_string() for key in run.asset_selection or ())
    kind = (run.job_name, run.tags.get(RUN_MARK, ""), *assets, *(run.tags.get(tag, "") for tag in _LAUNCHES))
    return PastRun(run.run_id, "\n".join(kind), record.create_timestamp.timestamp(), run.is_finished)


def _runs_of_newest_materialisations(instance: dg.DagsterInstance) -> Iterator[str]:
    """Ids of the runs with the newest materialisation of each partition, and of each unpartitioned asset."""
    for asset in instance.get_asset_keys():
        yield from (record.run_id for record in newest_materialisations(instance, asset))


def newest_materialisations(instance: dg.DagsterInstance, asset: dg.AssetKey) -> Iterator[dg.EventLogRecord]:
    """The newest materialisation of each partition of the asset, or of the asset if it is unpartitioned."""
    missing: set[str | None] = set(instance.get_materialized_partitions(asset)) or {None}
    cursor = None
    while missing:
        page = instance.fetch_materializations(asset, limit=_PAGE, cursor=cursor)
        for record in page.records:
            if record.partition_key in missing:
                missing.discard(record.partition_key)
                yield record
        if not page.has_more:
            break
        cursor = page.cursor


def _forget_tick_logs(instance: dg.DagsterInstance, before: float) -> int:
    """Delete log files of ticks before that moment (epoch seconds), which Dagster leaves when it deletes the ticks."""
    logs = Path(instance.storage_directory()) / _OF_TICKS
    old = [file for file in logs.glob("*/*") if file.is_file() and file.stat().st_mtime < before]
    for file in old:
        file.unlink()
    return len(old)
