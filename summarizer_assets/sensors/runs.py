"""Access to Dagster's run history for many buckets per query, so that a tick does not need one query per bucket."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import dagster as dg

from summarizer_assets.core.run_records import CANCEL_ASKED, PARKED_AFTER_RUNS, REFUSED
from summarizer_assets.sensors.decide.launches import End, Launch
from summarizer_assets.sensors.redrive import asks_nobody
from summarizer_assets.storage.roots import RUN_MARK, RootHere

PARTITION = "dagster/partition"
_RUN_KEY = "dagster/run_key"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
#: Tag of runs launched by a sensor: the state of the bucket, or of the source, for which it launched them.
FOUND = "summarizer/found"

_QUEUED = frozenset({dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED})
UNDER_WAY = [*_QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
_ENDS: Mapping[dg.DagsterRunStatus, End] = {
    dg.DagsterRunStatus.SUCCESS: "succeeded",
    dg.DagsterRunStatus.FAILURE: "failed",
    dg.DagsterRunStatus.CANCELED: "cancelled",
}
#: Runs per bucket that are fetched: some may belong to other assets, such as an ingest of one bucket.
_LOOKED_THROUGH = 4 * PARKED_AFTER_RUNS
_MOST_FAILURES = 2000


class RunBook:
    """The runs of one asset of one root at one tick, launched by its job or as the asset itself."""

    def __init__(self, instance: dg.DagsterInstance, job_name: str, asset: dg.AssetKey, root: RootHere) -> None:
        self._instance = instance
        self._job_name = job_name
        self._asset = asset
        self._marks = root.marks
        self._under_way: list[dg.DagsterRun] | None = None
        self._last: dict[str, list[Launch]] = {}

    def is_ours(self, run: dg.DagsterRun) -> bool:
        """Whether a run of this root belongs to the job, which may name no assets, or was launched for the asset."""
        if run.tags.get(RUN_MARK) not in self._marks:
            return False
        return run.job_name == self._job_name or self._asset in (run.asset_selection or ())

    def _works(self, run: dg.DagsterRun) -> bool:
        """Whether a run is ours and does more than compute a price."""
        return self.is_ours(run) and not asks_nobody(run, self._asset.to_python_identifier())

    @property
    def under_way(self) -> Sequence[dg.DagsterRun]:
        """Queued and active runs, however launched, as of the first `look`."""
        return self.refresh() if self._under_way is None else self._under_way

    def refresh(self) -> Sequence[dg.DagsterRun]:
        """Query which runs are queued or running now."""
        found = self._instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY))
        self._under_way = [run for run in found if self.is_ours(run)]
        return self._under_way

    @property
    def queued(self) -> int:
        """The number of runs that have not started."""
        return sum(run.status in _QUEUED for run in self.under_way)

    def in_flight(self, buckets: Iterable[str]) -> set[str]:
        """The buckets with a queued or active run."""
        keys = sorted(buckets)
        found: set[str] = set()
        for run in self.under_way:
            found |= buckets_of_run(run, keys)
        return found

    def launched(self, run_keys: Sequence[str]) -> set[str]:
        """Those of the keys for which a sensor launched a run before: Dagster launches none for them again."""
        found = self._instance.get_runs(dg.RunsFilter(tags={_RUN_KEY: list(run_keys)})) if run_keys else []
        return {run.tags[_RUN_KEY] for run in found}

    def last(self, buckets: Sequence[str]) -> Mapping[str, Sequence[Launch]]:
        """The last runs of each bucket, newest first; at least `PARKED_AFTER_RUNS` if there are as many."""
        missing = [bucket for bucket in buckets if bucket not in self._last]
        if missing:
            self._look_up(missing)
        return {bucket: self._last[bucket] for bucket in buckets}

    def last_run(self, bucket: str) -> str | None:
        launches = self.last([bucket])[bucket]
        return launches[0].run_id if launches else None

    def failed_last(self, buckets: Sequence[str], since: datetime) -> set[str]:
        """The buckets whose last run failed, according to the newest failures after `since` in Dagster's history."""
        failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], created_after=since)
        failures = self._instance.get_runs(failed, limit=_MOST_FAILURES)
        ours = {bucket for run in failures if self._works(run) for bucket in _single_bucket(run)}
        last = self.last(sorted(ours.intersection(buckets)))
        return {bucket for bucket, launches in last.items() if launches and launches[0].end == "failed"}

    def broke_off(self, buckets: Sequence[str]) -> set[str]:
        """The buckets whose last run failed, according to the orchestrator."""
        return {bucket for bucket, launches in self.last(buckets).items() if launches and launches[0].end == "failed"}

    def of_all(self, keys: Sequence[str]) -> Sequence[Launch]:
        """The last runs that cover all buckets, newest first."""
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
        """Fetch runs by one query, and alone for buckets whose runs are all older than the result."""
        most = _LOOKED_THROUGH * len(buckets)
        records, whole = self._records(buckets, most)
        for bucket in buckets:
            mine = [record for record in records if bucket in _single_bucket(record.dagster_run)]
            if len(mine) < PARKED_AFTER_RUNS and not whole and len(buckets) > 1:
                mine, _ = self._records([bucket], _LOOKED_THROUGH)
            self._last[bucket] = [_launch(record) for record in mine if self._works(record.dagster_run)]

    def _records(self, buckets: Sequence[str], most: int) -> tuple[list[dg.RunRecord], bool]:
        """Run records, newest first, and whether these are all."""
        found: dict[str, dg.RunRecord] = {}
        whole = True
        # Runs launched by a backfill have a range of one key instead of a partition.
        for tags in ({PARTITION: list(buckets)}, {RANGE_START: list(buckets), RANGE_END: list(buckets)}):
            some = self._instance.get_run_records(dg.RunsFilter(tags=tags), limit=most)
            whole = whole and len(some) < most
            found |= {record.dagster_run.run_id: record for record in some}
        return sorted(found.values(), key=lambda record: record.create_timestamp, reverse=True), whole


def buckets_of_run(run: dg.DagsterRun, keys: Sequence[str]) -> set[str]:
    """Those of `keys` that a run covers."""
    if PARTITION in run.tags:
        return {run.tags[PARTITION]}
    if RANGE_START in run.tags:
        return {key for key in keys if run.tags[RANGE_START] <= key <= run.tags[RANGE_END]}
    return set()


def _single_bucket(run: dg.DagsterRun) -> set[str]:
    """The bucket of a run with a single one; otherwise empty."""
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
