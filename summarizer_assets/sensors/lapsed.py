"""The sensor that reports lost runs: when a host vanishes, Dagster shows its runs as started forever.

Dagster's default launcher notices a dead worker only while the code server that started it is alive. This sensor uses a
run's claims and heartbeats in the state store instead. It spends nothing and launches nothing.
"""

import time

import dagster as dg

from summarizer_assets.core.lost_runs import lost_because
from summarizer_assets.names import Names
from summarizer_assets.quality.names import AUTHORS, SUMMARIES
from summarizer_assets.sensors.broker import Missing, waits_at_a_broker
from summarizer_assets.sensors.retry import RETRY_SENSOR
from summarizer_assets.sensors.runs import RunBook
from summarizer_assets.sensors.source import SOURCE_SENSOR

LOST_SENSOR = "report_lost_runs"
_ALIVE = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def build_lost_sensor(
    names: Names, *, summarize: str, ingest: str, interval_s: int, lost_after_s: float
) -> dg.SensorDefinition:
    @dg.sensor(
        name=names.of(LOST_SENSOR),
        required_resource_keys={names.summarizer},
        minimum_interval_seconds=interval_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reports runs as failed whose host or process vanished: their claim in the state store lapsed. "
        "Queued runs, and runs that are at work or only asleep on this host, are not touched. It launches nothing.",
    )
    def report_lost_runs(context: dg.SensorEvaluationContext, **_: object) -> dg.SkipReason:
        summarizer = names.summarizer_of(context)
        instance = context.instance
        ingests = RunBook(instance, names.of(ingest), names.asset(AUTHORS), summarizer.root)
        summaries = RunBook(instance, names.of(summarize), names.asset(SUMMARIES), summarizer.root)
        records = [
            record
            for record in instance.get_run_records(dg.RunsFilter(statuses=_ALIVE))
            if ingests.is_ours(record.dagster_run) or summaries.is_ours(record.dagster_run)
        ]
        if not records:
            return dg.SkipReason("no run at work")
        signs = summarizer.state.signs_of_life()
        missing = Missing(instance, context.cursor)
        reported = 0
        for record in records:
            run = record.dagster_run
            mine = signs.get(run.run_id, [])
            if not mine and not _of_this_location(run, context):
                continue  # runs of another code location have their claims in another store
            if waits_at_a_broker(run):
                cause = _lost_by_its_broker(record, instance, missing, lost_after_s)
            else:
                cause = lost_because(
                    mine,
                    lease_s=summarizer.state.lease_s,
                    quiet_s=0.0 if mine else _quiet_s(record, instance, lost_after_s),
                    lost_after_s=lost_after_s,
                )
            remedy = _remedy(names, is_ingest=ingests.is_ours(run))
            if cause is not None and _report(run.run_id, cause, instance, remedy):
                reported += 1
                context.log.warning("run %s is lost: %s", run.run_id, cause)
        context.update_cursor(str(missing))
        at_work = len(records) - reported
        return dg.SkipReason(
            f"{reported} lost runs reported as failed, {at_work} at work"
            if reported
            else f"{at_work} runs at work, none lost"
        )

    return report_lost_runs


def _lost_by_its_broker(
    record: dg.RunRecord, instance: dg.DagsterInstance, missing: Missing, lost_after_s: float
) -> str | None:
    """The cause of the loss; None if the run is still waiting for a worker, which may take any time."""
    now = time.time()
    if _quiet_s(record, instance, lost_after_s) < lost_after_s:
        return None
    for_s = missing.for_s(record.dagster_run, now)
    if for_s < lost_after_s:
        return None
    return f"no worker began it, and its broker has not had it for {for_s / 60:.0f} minutes"


def _report(run_id: str, cause: str, instance: dg.DagsterInstance, remedy: str) -> bool:
    """Report the run as failed; return False if it ended meanwhile."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.status not in _ALIVE:
        return False
    message = f"This run is lost: {cause}. {remedy}"
    if run.status is dg.DagsterRunStatus.CANCELING:  # a person cancelled it, and starts it again if wanted
        instance.report_run_canceled(run, f"{message} It was being cancelled: its bucket is left alone.")
    else:
        instance.report_run_failed(run, message)
    return True


def _remedy(names: Names, *, is_ingest: bool) -> str:
    if is_ingest:
        again = f"materialise `{names.asset(AUTHORS).to_user_string()}` again"
        return f"What it committed stays; {again} ({names.of(SOURCE_SENSOR)} does, where it is on)."
    return f"What it answered is in the table or in the journal; {names.of(RETRY_SENSOR)} starts the bucket again."


def _quiet_s(record: dg.RunRecord, instance: dg.DagsterInstance, lost_after_s: float) -> float:
    """Seconds since the run's last event; read only for a run that is old enough to be lost."""
    now = time.time()
    began = record.start_time or record.create_timestamp.timestamp()
    if now - began < lost_after_s:
        return now - began
    events = instance.get_records_for_run(record.dagster_run.run_id, limit=1, ascending=False).records
    return now - events[0].timestamp if events else now - began


def _of_this_location(run: dg.DagsterRun, context: dg.SensorEvaluationContext) -> bool:
    """Whether this code location launched the run; another location may have jobs with the same names."""
    if context.code_location_origin is None:
        return True
    origin = run.remote_job_origin
    ours = context.code_location_origin.location_name
    return origin is not None and origin.repository_origin.code_location_origin.location_name == ours
