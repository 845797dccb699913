"""The retry sensor: looks at the tables and at the runs, lets `core.retry` decide, and requests runs.

Dagster's own status of a partition is not asked: a green one may hold failures that are due, and one whose worker
vanished may be complete. One run a bucket at most is in flight; the claim on the bucket is the lock behind that.
"""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import dagster as dg

from summarizer_assets.core.retry import PARKED_AFTER_RUNS, BucketState, Decision, Verdict, decide
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


def build_retry_sensor(
    job_name: str, *, interval_s: int, runs_per_tick: int, probe_wait_s: float
) -> dg.SensorDefinition:
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
        facts = summarizer.retry_facts()
        recorded = {run.run_id for runs in facts.runs.values() for run in runs}
        history = _RunHistory(context.instance, job_name, recorded)
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
            held_back=history.held_back,
            unfinished_counts=facts.unfinished_counts,
            probe_wait_s=probe_wait_s,
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

    def __init__(self, instance: dg.DagsterInstance, job_name: str, recorded: Collection[str]) -> None:
        self._instance = instance
        self._job_name = job_name
        self._recorded = recorded  # runs that came so far as to leave their own record
        self._last: dict[str, Sequence[dg.DagsterRun]] = {}

    def in_flight(self, buckets: Iterable[str]) -> set[str]:
        """Buckets of queued and running runs, however they were launched."""
        keys = sorted(buckets)
        found: set[str] = set()
        for run in self._instance.get_runs(dg.RunsFilter(statuses=_IN_PROGRESS)):
            if not self._is_summaries(run):
                continue
            if _PARTITION in run.tags:
                found.add(run.tags[_PARTITION])
            elif _RANGE_START in run.tags:
                found.update(key for key in keys if run.tags[_RANGE_START] <= key <= run.tags[_RANGE_END])
        return found

    def held_back(self, bucket: str) -> Verdict | None:
        """Why the bucket is not to be run again: a person cancelled its last run, or its runs fail before they begin.

        The latter leave no record of their own; without this, they would be launched again at every tick for ever.
        """
        last = self._last_of(bucket)
        if last and last[0].status is dg.DagsterRunStatus.CANCELED:
            return Verdict.CANCELLED
        unheard = [
            run.status is dg.DagsterRunStatus.FAILURE and run.run_id not in self._recorded
            for run in last[:PARKED_AFTER_RUNS]
        ]
        return Verdict.PARKED if len(unheard) == PARKED_AFTER_RUNS and all(unheard) else None

    def last_run(self, bucket: str) -> str | None:
        last = self._last_of(bucket)
        return last[0].run_id if last else None

    def _last_of(self, bucket: str) -> Sequence[dg.DagsterRun]:
        """The bucket's last runs, newest first."""
        if bucket not in self._last:
            found: list[dg.RunRecord] = []
            # Runs that a backfill launches carry a range of one key instead of a partition.
            for tags in ({_PARTITION: bucket}, {_RANGE_START: bucket, _RANGE_END: bucket}):
                found += self._instance.get_run_records(dg.RunsFilter(tags=tags), limit=4 * PARKED_AFTER_RUNS)
            found.sort(key=lambda record: record.create_timestamp, reverse=True)
            self._last[bucket] = [record.dagster_run for record in found if self._is_summaries(record.dagster_run)]
        return self._last[bucket]

    def _is_summaries(self, run: dg.DagsterRun) -> bool:
        """A run of the sensor's job, which may name no assets, or one launched for the assets themselves."""
        return run.job_name == self._job_name or dg.AssetKey("author_summaries") in (run.asset_selection or ())


def _summary(decision: Decision) -> str:
    counts = Counter(str(verdict) for verdict in decision.verdicts.values())
    return "; ".join(f"{number} {text}" for text, number in sorted(counts.items())) or "no authors yet"
