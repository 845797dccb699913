"""The sensor on batch jobs: looks at the provider's list, stores what became of ours, and starts runs to collect them.

It asks for no summary and spends nothing. A deadline keeps a tick short, whatever the provider does.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

import dagster as dg

from summarizer_assets.bucket_run.batches.look import LOOKED_AT, look
from summarizer_assets.core.batches.states import JobState
from summarizer_assets.installation import Summarizer
from summarizer_assets.llm.batches.errors import BatchCallFailed
from summarizer_assets.llm.http.event_loop import run
from summarizer_assets.names import Names
from summarizer_assets.quality.names import SUMMARIES
from summarizer_assets.routes import batch_account, batch_api
from summarizer_assets.sensors.runs import RunBook
from summarizer_assets.storage.roots import RUN_MARK
from summarizer_assets.storage.state_db.batch_jobs import JobRow

BATCH_SENSOR = "collect_batches"
_DEADLINE_S = 20.0


def build_batch_sensor(names: Names, job: str, *, interval_s: int) -> dg.SensorDefinition:
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
        if not rows:
            return dg.SensorResult(skip_reason="no batch job is under way")
        rows = _looked_at(summarizer, rows, context.log.info)
        book = RunBook(context.instance, names.of(job), names.asset(SUMMARIES), summarizer.root)
        ended = {row.bucket: row for row in rows if row.state is JobState.ENDED}
        busy = book.in_flight(sorted(ended)) | summarizer.state.holders().keys()
        requests = [
            dg.RunRequest(
                run_key=f"{row.key}:{row.state}:{row.verdict}",  # Dagster uses a run key only once
                partition_key=bucket,
                tags={RUN_MARK: summarizer.root.mark},
            )
            for bucket, row in sorted(ended.items())
            if bucket not in busy
        ]
        states = Counter(str(row.remote_status or row.state) for row in rows)
        said = f"{len(rows)} batch jobs: " + ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        return dg.SensorResult(run_requests=requests, skip_reason=None if requests else said)

    return collect_batches


def _looked_at(summarizer: Summarizer, rows: list[JobRow], log: Callable[[str], None]) -> list[JobRow]:
    """The rows after a look at those of this account."""
    mine = [row for row in rows if row.account == batch_account(summarizer.settings) and row.state in LOOKED_AT]

    async def looking() -> dict[str, JobRow]:
        api = batch_api(summarizer.settings)
        try:
            async with asyncio.timeout(_DEADLINE_S):
                return await look(api, summarizer.jobs, mine, log)
        finally:
            await api.aclose()

    if not mine:
        return rows
    try:
        found = run(looking())
    except (BatchCallFailed, TimeoutError) as error:
        log(f"the provider's batch jobs could not be looked at: {error or 'it took too long'}")
        return rows
    return [found.get(row.key, row) for row in rows]
