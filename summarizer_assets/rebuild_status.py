"""Restore Dagster's partition status from the tables.

For a new, empty Dagster storage over existing tables: the truth about authors is in Delta, and only Dagster's record of
it was lost. A partition with rows is reported as materialised, with the number of rows and the table's version.
Summaries and failures of a bucket are reported if each of its authors has one of the two; otherwise the bucket is
listed and not changed. No request is made, no run is started, and no table is changed. Partitions that are materialised
already are skipped, unless all are asked for. A bucket with an active run is left to that run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from summarizer_assets.core.authors.coverage import Coverage, coverage_by_bucket
from summarizer_assets.core.authors.state import author_state
from summarizer_assets.core.buckets import bucket_keys, in_parts
from summarizer_assets.fact_metadata import to_metadata
from summarizer_assets.installation import Summarizer
from summarizer_assets.jobs import SUMMARIZE
from summarizer_assets.names import PLAIN, Names
from summarizer_assets.quality.names import AUTHORS, FAILURES, SUMMARIES
from summarizer_assets.run_history import newest_materialisations
from summarizer_assets.sensors.runs import RunBook
from summarizer_assets.storage.delta.snapshot import TableSnapshot
from summarizer_assets.storage.errors import TableError

ASSETS = AUTHORS, SUMMARIES, FAILURES
_AT_ONCE = 500_000  # rows whose ids are in memory at once


@dataclass
class Rebuilt:
    """The result by partition. `reported` and `green` (already materialised, unchanged) count them by asset.

    `unfinished`: buckets with authors that have no row yet. `empty`: buckets without authors. `at_work`: buckets with
    an active run, which reports them itself. `others`: buckets shown as materialised by a run on another root, with it.
    """

    reported: dict[str, int] = field(default_factory=dict)
    green: dict[str, int] = field(default_factory=dict)
    unfinished: dict[str, Coverage] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    at_work: list[str] = field(default_factory=list)
    others: dict[str, str] = field(default_factory=dict)


def rebuild(
    summarizer: Summarizer, instance: dg.DagsterInstance, names: Names = PLAIN, *, everything: bool = False
) -> Rebuilt:
    """Report the tables' content to Dagster; `everything`: also for partitions that are materialised already.

    Raises:
        StorageError: there are no authors, or a table or the state store cannot be read.
    """
    keys = bucket_keys(summarizer.buckets)
    # Read before the tables: a run that ends meanwhile reports its bucket itself.
    book = RunBook(instance, names.of(SUMMARIZE), names.asset(SUMMARIES), summarizer.root)
    at_work = set(summarizer.state.holders()) | book.in_flight(keys)
    read = _Tables(summarizer)
    green: dict[str, set[str]] = {}
    found = Rebuilt(at_work=sorted(at_work))
    for name in ASSETS:
        shown = _shown_green(instance, names.asset(name))
        ours = {bucket for bucket, root in shown.items() if root in {None, summarizer.root.place}}
        found.others |= {bucket: str(root) for bucket, root in shown.items() if bucket not in ours}
        green[name] = set() if everything else ours
    at = datetime.now(UTC)

    def tell(asset: str, bucket: str, rows: int, coverage: Coverage) -> None:
        if bucket in green[asset]:
            found.green[asset] = found.green.get(asset, 0) + 1
            return
        event = dg.AssetMaterialization(
            names.asset(asset),
            description=f"found in the table: {rows:,} rows",
            metadata=to_metadata(
                asset, {"root": summarizer.root.place, **_metadata(read.versions[asset], rows, coverage, at)}
            ),
            partition=bucket,
        )
        instance.report_runless_asset_event(event)
        found.reported[asset] = found.reported.get(asset, 0) + 1

    for bucket, coverage in read.coverage(keys):
        if coverage.authors:
            tell(AUTHORS, bucket, coverage.authors, coverage)
        else:
            found.empty.append(bucket)
        if bucket in at_work:
            continue
        if coverage.complete:
            tell(SUMMARIES, bucket, coverage.summaries + coverage.vanished, coverage)
            tell(FAILURES, bucket, coverage.failed + coverage.vanished_failures, coverage)
        elif coverage.pending:
            found.unfinished[bucket] = coverage
    return found


def _shown_green(instance: dg.DagsterInstance, asset: dg.AssetKey) -> dict[str, str | None]:
    """The partitions that Dagster shows as materialised, with their root; None for an event of an older version."""
    found: dict[str, str | None] = {}
    for record in newest_materialisations(instance, asset):
        event = record.asset_materialization
        if record.partition_key is not None and event is not None:
            root = event.metadata.get("root")
            found[record.partition_key] = None if root is None else str(root.value)
    return found


class _Tables:
    """One version of each table. Raises StorageError if one cannot be read."""

    def __init__(self, summarizer: Summarizer) -> None:
        tables = summarizer.tables
        # Authors are opened last: an author whom a run answers meanwhile counts as pending, never as complete.
        self._failures, self._summaries = TableSnapshot(tables.failures), TableSnapshot(tables.summaries)
        self._authors = TableSnapshot(tables.authors)
        if self._authors.version is None:
            raise TableError(
                f"{tables.authors.uri}: there is no such table, so nothing can be reported; is SUMMARIZER_ROOT right?"
            )
        self.versions = {
            AUTHORS: self._authors.version,
            SUMMARIES: self._summaries.version,
            FAILURES: self._failures.version,
        }

    def coverage(self, keys: Sequence[str]) -> Iterator[tuple[str, Coverage]]:
        sizes, columns = self._authors.rows_by_bucket(), ["author_id", "bucket"]
        for part in in_parts(keys, [sizes.get(key, 0) for key in keys], _AT_ONCE):
            summaries, failures = self._summaries.rows(part, columns), self._failures.rows(part, columns)
            rows = author_state(self._authors.rows(part, columns), summaries, failures)
            yield from coverage_by_bucket(rows, summaries, failures, part).items()


def _metadata(version: int | None, rows: int, coverage: Coverage, at: datetime) -> dict[str, Any]:
    return {
        "dagster/partition_row_count": rows,
        **({} if version is None else {"table_version": version}),
        "authors": coverage.authors,
        "summaries": coverage.summaries,
        "failed": coverage.failed,
        "pending": coverage.pending,
        "rebuilt_from_delta_at": dg.MetadataValue.timestamp(at),
    }
