"""What Dagster knows of our runs, asked for many buckets at a time: a tick must not cost a query a bucket."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import dagster as dg

from summarizer_assets.core.run_records import CANCEL_ASKED, PARKED_AFTER_RUNS, REFUSED
from summarizer_assets.sensors.decide.launches import End, Launch
from summarizer_assets.sensors.redrive import asks_nobody
from summarizer_assets.storage.roots import RUN_MARK, RootHere

PARTITION = "dagster/partition"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
#: On runs that a sensor launched: the state of the bucket, or of the source, for which it did.
FOUND = "summarizer/found"

_QUEUED = frozenset({dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED})
UNDER_WAY = [*_QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
_ENDS: Mapping[dg.DagsterRunStatus, End] = {
    dg.DagsterRunStatus.SUCCESS: "succeeded",
    dg.DagsterRunStatus.FAILURE: "failed",
    dg.DagsterRunStatus.CANCELED: "cancelled",
}
#: Runs of a bucket that are looked through: some may be of other assets, as an ingest of one bucket is.
_LOOKED_THROUGH = 4 * PARKED_AFTER_RUNS
_MOST_FAILURES = 2000


class RunBook:
    """The runs of one asset of one root, launched by its job or as the asset itself, as one tick finds them."""

    def __init__(self, instance: dg.DagsterInstance, job_name: str, asset: str, root: RootHere) -> None:
        self._instance = instance
        self._job_name = job_name
        self._asset = dg.AssetKey(asset)
        self._marks = root.marks
        self._under_way: list[dg.DagsterRun] | None = None
        self._last: dict[str, list[Launch]] = {}

    def is_ours(self, run: dg.DagsterRun) -> bool:
        """A run of the job, which may name no assets, or one launched for the asset itself; not of another root."""
        if run.tags.get(RUN_MARK) not in self._marks:
            return False
        return run.job_name == self._job_name or self._asset in (run.asset_selection or ())

    def _works(self, run: dg.DagsterRun) -> bool:
        """One of ours that was not only to tell a price."""
        return self.is_ours(run) and not asks_nobody(run)

    @property
    def under_way(self) -> Sequence[dg.DagsterRun]:
        """Queued and running ones, however they were launched, as of the first look."""
        return self.look() if self._under_way is None else self._under_way

    def look(self) -> Sequence[dg.DagsterRun]:
        """See which are under way now."""
        found = self._instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY))
        self._under_way = [run for run in found if self.is_ours(run)]
        return self._under_way

    @property
    def queued(self) -> int:
        """Runs that nobody works on yet."""
        return sum(run.status in _QUEUED for run in self.under_way)

    def in_flight(self, buckets: Iterable[str]) -> set[str]:
        """Those of the buckets that have a run under way."""
        keys = sorted(buckets)
        found: set[str] = set()
        for run in self.under_way:
            found |= buckets_of_run(run, keys)
        return found

    def last(self, buckets: Sequence[str]) -> Mapping[str, Sequence[Launch]]:
        """The last runs of each bucket, newest first: of the parking number at least, where there are so many."""
        missing = [bucket for bucket in buckets if bucket not in self._last]
        if missing:
            self._look_up(missing)
        return {bucket: self._last[bucket] for bucket in buckets}

    def last_run(self, bucket: str) -> str | None:
        launches = self.last([bucket])[bucket]
        return launches[0].run_id if launches else None

    def failed_last(self, buckets: Sequence[str], since: datetime) -> set[str]:
        """Those of the buckets whose last run failed, by the newest failures since then that Dagster keeps."""
        failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], created_after=since)
        failures = self._instance.get_runs(failed, limit=_MOST_FAILURES)
        ours = {bucket for run in failures if self._works(run) for bucket in _single_bucket(run)}
        last = self.last(sorted(ours.intersection(buckets)))
        return {bucket for bucket, launches in last.items() if launches and launches[0].end == "failed"}

    def broke_off(self, buckets: Sequence[str]) -> set[str]:
        """Those of the buckets whose last run failed, as far as the orchestrator knows."""
        return {bucket for bucket, launches in self.last(buckets).items() if launches and launches[0].end == "failed"}

    def of_all(self, keys: Sequence[str]) -> Sequence[Launch]:
        """The last runs over all buckets at once, newest first."""
        tags: list[dict[str, str]] = [{RANGE_START: keys[0], RANGE_END: keys[-1]}]
        if len(keys) == 1:
            tags.append({PARTITION: keys[0]})
        found = [record for one in tags for record in self._instance.get_run_records(dg.RunsFilter(tags=one), limit=50)]
        found.sort(key=lambda record: record.create_timestamp, reverse=True)
        return [_launch(record) for record in found if self.is_ours(record.dagster_run)]

    def last_of_all(self, keys: Sequence[str]) -> str | None:
        launches = self.of_all(keys)
        return launches[0].run_id if launches else None

    def _look_up(self, buckets: Sequence[str]) -> None:
        """By one query where it tells enough; a bucket whose runs are all older than the others' is asked for alone."""
        most = _LOOKED_THROUGH * len(buckets)
        records, whole = self._records(buckets, most)
        for bucket in buckets:
            mine = [record for record in records if bucket in _single_bucket(record.dagster_run)]
            if len(mine) < PARKED_AFTER_RUNS and not whole and len(buckets) > 1:
                mine, _ = self._records([bucket], _LOOKED_THROUGH)
            self._last[bucket] = [_launch(record) for record in mine if self._works(record.dagster_run)]

    def _records(self, buckets: Sequence[str], most: int) -> tuple[list[dg.RunRecord], bool]:
        """Newest first; and whether there are no more of them."""
        found: dict[str, dg.RunRecord] = {}
        whole = True
        # Runs that a backfill launches carry a range of one key instead of a partition.
        for tags in ({PARTITION: list(buckets)}, {RANGE_START: list(buckets), RANGE_END: list(buckets)}):
            some = self._instance.get_run_records(dg.RunsFilter(tags=tags), limit=most)
            whole = whole and len(some) < most
            found |= {record.dagster_run.run_id: record for record in some}
        return sorted(found.values(), key=lambda record: record.create_timestamp, reverse=True), whole


def buckets_of_run(run: dg.DagsterRun, keys: Sequence[str]) -> set[str]:
    """Which of `keys` a run is about."""
    if PARTITION in run.tags:
        return {run.tags[PARTITION]}
    if RANGE_START in run.tags:
        return {key for key in keys if run.tags[RANGE_START] <= key <= run.tags[RANGE_END]}
    return set()


def _single_bucket(run: dg.DagsterRun) -> set[str]:
    """The bucket of a run that has just one."""
    if PARTITION in run.tags:
        return {run.tags[PARTITION]}
    return {run.tags[RANGE_START]} if run.tags.get(RANGE_START) == run.tags.get(RANGE_END, "") else set()


def _launch(record: dg.RunRecord) -> Launch:
    run = record.dagster_run
    end = _ENDS.get(run.status, "under way")
    if end == "failed" and run.tags.get(CANCEL_ASKED) == run.run_id:
        end = "cancelled"
    if end == "failed" and run.tags.get(REFUSED) == run.run_id:
        end = "refused"
    return Launch(run.run_id, end, record.start_time, run.tags.get(FOUND))
