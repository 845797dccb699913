"""The retry sensor: looks at the tables and at the runs, lets `core.retry` decide, and requests runs.

Dagster's own status of a partition is not asked: a green one may hold failures that are due, and one whose worker
vanished may be complete. One run a bucket at most is in flight; the claim on the bucket is the lock behind that.
"""

import time
from collections import Counter
from collections.abc import Iterable

import dagster as dg

from summarizer_assets.core.retry import BucketState, Decision, Verdict, decide
from summarizer_assets.resources import Summarizer

_IN_PROGRESS = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_PARTITION = "dagster/partition"
_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def build_retry_sensor(job_name: str, *, interval_s: int, runs_per_tick: int) -> dg.SensorDefinition:
    @dg.sensor(
        name="retry_failed_authors",
        job_name=job_name,
        minimum_interval_seconds=interval_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Runs buckets again that are unfinished (a crash, a stop) or hold failures that are due. It never "
        "starts a bucket that nobody materialised before, and leaves alone what a person cancelled.",
    )
    def retry_failed_authors(
        context: dg.SensorEvaluationContext, summarizer: dg.ResourceParam[Summarizer]
    ) -> dg.SensorResult | dg.SkipReason:
        history = _RunHistory(context.instance)
        facts = summarizer.retry_facts()
        in_flight = history.in_flight(facts.authors)
        states = [
            BucketState(
                bucket=bucket,
                authors=authors,
                summaries=facts.summaries.get(bucket, 0),
                failed=facts.failed.get(bucket, 0),
                next_due_at=facts.next_due_at.get(bucket),
                runs=facts.runs.get(bucket, ()),
                in_flight=bucket in in_flight or bucket in facts.claimed,
                asked_for=bool(facts.runs.get(bucket)) or bucket in facts.summaries or bucket in facts.failed,
            )
            for bucket, authors in sorted(facts.authors.items())
        ]
        decision = decide(
            states,
            now=time.time(),
            runs_per_tick=runs_per_tick,
            was_cancelled=history.was_cancelled,
            unfinished_counts=facts.unfinished_counts,
        )
        requests = [
            dg.RunRequest(
                # Spent for ever once used, so it names the run after which this one comes.
                run_key=f"{bucket}:{history.last_run(bucket) or 'first'}",
                partition_key=bucket,
                tags={"summarizer/retry": "true"},
            )
            for bucket in decision.run
        ]
        summary = _summary(decision)
        context.log.info(summary)
        parked = sorted(bucket for bucket, verdict in decision.verdicts.items() if verdict is Verdict.PARKED)
        if parked:
            context.log.warning("parked without progress in three runs: %s; see their last run", ", ".join(parked))
        return dg.SensorResult(run_requests=requests) if requests else dg.SkipReason(summary)

    return retry_failed_authors


class _RunHistory:
    """What Dagster knows of the runs of `author_summaries`."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._last: dict[str, dg.DagsterRun | None] = {}

    def in_flight(self, buckets: Iterable[str]) -> set[str]:
        """Buckets of queued and running runs, however they were launched."""
        keys = sorted(buckets)
        found: set[str] = set()
        for run in self._instance.get_runs(dg.RunsFilter(statuses=_IN_PROGRESS)):
            if not _is_summaries(run):
                continue
            if _PARTITION in run.tags:
                found.add(run.tags[_PARTITION])
            elif _RANGE_START in run.tags:
                found.update(key for key in keys if run.tags[_RANGE_START] <= key <= run.tags[_RANGE_END])
        return found

    def was_cancelled(self, bucket: str) -> bool:
        """Whether the bucket's last run was cancelled by a person."""
        last = self._last_of(bucket)
        return last is not None and last.status is dg.DagsterRunStatus.CANCELED

    def last_run(self, bucket: str) -> str | None:
        last = self._last_of(bucket)
        return last.run_id if last else None

    def _last_of(self, bucket: str) -> dg.DagsterRun | None:
        if bucket not in self._last:
            newest = []
            # Runs that a backfill launches carry a range of one key instead of a partition.
            for tags in ({_PARTITION: bucket}, {_RANGE_START: bucket, _RANGE_END: bucket}):
                records = self._instance.get_run_records(dg.RunsFilter(tags=tags), limit=5)
                newest += [record for record in records if _is_summaries(record.dagster_run)][:1]
            newest.sort(key=lambda record: record.create_timestamp)
            self._last[bucket] = newest[-1].dagster_run if newest else None
        return self._last[bucket]


def _is_summaries(run: dg.DagsterRun) -> bool:
    selection = run.asset_selection
    return selection is None or dg.AssetKey("author_summaries") in selection


def _summary(decision: Decision) -> str:
    counts = Counter(str(verdict) for verdict in decision.verdicts.values())
    return "; ".join(f"{number} {text}" for text, number in sorted(counts.items())) or "no authors yet"
