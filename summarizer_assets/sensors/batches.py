"""The sensor on batch jobs: looks at the provider's list, stores what became of ours, and starts runs to collect them.

It ends jobs that are overdue, deletes files that a run left, asks for no summary and spends nothing. Deadlines keep a
tick short, whatever the provider does.
"""

from collections import Counter
from collections.abc import Callable

import dagster as dg

from summarizer_assets.bucket_run.batches.files import delete_files
from summarizer_assets.bucket_run.batches.look import LOOKED_AT, look
from summarizer_assets.core.batches.states import JobState
from summarizer_assets.installation import Summarizer
from summarizer_assets.llm.batches.errors import BatchCallFailed
from summarizer_assets.llm.http.event_loop import run
from summarizer_assets.names import Names
from summarizer_assets.quality.names import SUMMARIES
from summarizer_assets.routes import batch_account, batch_api, route_rule
from summarizer_assets.sensors.runs import RunBook
from summarizer_assets.sensors.tick import TickLimits
from summarizer_assets.storage.roots import RUN_MARK
from summarizer_assets.storage.state_db.batch_jobs import JobRow

BATCH_SENSOR = "collect_batches"
_LOOKING_S, _DELETING_S = 14.0, 4.0  # with what the calls take that are cut off, and the store, below 20 s


def build_batch_sensor(names: Names, job: str, *, interval_s: int, limits: TickLimits) -> dg.SensorDefinition:
    @dg.sensor(
        name=names.of(BATCH_SENSOR),
        job_name=names.of(job),
        required_resource_keys={names.summarizer},
        minimum_interval_seconds=interval_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks at the batch jobs under way, and runs the bucket of each job that ended, which stores its "
        "answers. Without batch jobs it does nothing.",
    )
    def collect_batches(context: dg.SensorEvaluationContext, **_: object) -> dg.SensorResult:
        summarizer = names.summarizer_of(context)
        if summarizer.root.found is None:
            return dg.SensorResult(skip_reason="no authors yet")
        rows = summarizer.jobs.live()
        if rows or summarizer.jobs.to_delete(batch_account(summarizer.settings), 1):
            rows = _looked_at(summarizer, rows, context.log.info)
        if not rows:
            return dg.SensorResult(skip_reason="no batch job is under way")
        book = RunBook(context.instance, names.of(job), names.asset(SUMMARIES), summarizer.root)
        ended = {row.bucket: row for row in rows if row.state is JobState.ENDED}
        busy = book.in_flight(sorted(ended)) | summarizer.state.holders().keys()
        by_key = {
            f"{row.key}:{row.state}:{row.verdict}": bucket
            for bucket, row in sorted(ended.items())
            if bucket not in busy
        }
        before = book.launched(list(by_key))
        wanted = [(key, bucket) for key, bucket in by_key.items() if key not in before]
        room = max(0, min(limits.runs_per_tick, limits.most_queued - book.queued))  # the daemon takes its time for each
        requests = [
            dg.RunRequest(run_key=key, partition_key=bucket, tags={RUN_MARK: summarizer.root.mark})
            for key, bucket in wanted[:room]
        ]
        states = Counter(str(row.remote_status or row.state) for row in rows)
        said = f"{len(rows)} batch jobs: " + ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        return dg.SensorResult(run_requests=requests, skip_reason=None if requests else said)

    return collect_batches


def _looked_at(summarizer: Summarizer, rows: list[JobRow], log: Callable[[str], None]) -> list[JobRow]:
    """The rows after a look at those of this account."""
    settings, jobs, account = summarizer.settings, summarizer.jobs, batch_account(summarizer.settings)
    mine = [row for row in rows if row.account == account and row.state in LOOKED_AT]
    found: dict[str, JobRow] = {}

    async def looking() -> None:
        api = batch_api(settings)
        try:
            found.update(await look(api, jobs, mine, log, rule=route_rule(settings), within_s=_LOOKING_S))
            await delete_files(api, jobs, account, log, within_s=_DELETING_S)
        finally:
            await api.aclose()

    try:
        run(looking())
    except BatchCallFailed as error:
        log(f"the provider's batch jobs could not be looked at: {error}")
    return [found.get(row.key, row) for row in rows]
