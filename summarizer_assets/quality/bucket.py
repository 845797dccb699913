"""Quality checks of one bucket at the end of its run.

They read a few columns of the bucket and render no records, because the run has just compared each author's record with
its summary and reports how many are left.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from summarizer_assets.bucket_run.run_settings import Tables
from summarizer_assets.bucket_run.totals import BucketCounts
from summarizer_assets.core.quality.checks import FailureShare, OnePlace, OneRow, current_after_a_run, within_the_limit
from summarizer_assets.core.quality.drift import Quality, grounding_verdict, language_verdict
from summarizer_assets.core.quality.verdict import Verdict
from summarizer_assets.installation import Summarizer
from summarizer_assets.quality.names import (
    CURRENT,
    FAILURES,
    FEW_FAILURES,
    GROUNDING,
    LANGUAGE,
    LIMIT,
    ONE_PLACE,
    ONE_ROW,
    SUMMARIES,
)
from summarizer_assets.quality.rows import refused
from summarizer_assets.storage.delta.snapshot import TableSnapshot

_DONE = ["author_id", "support", "flags", "run_id"]
_FAILED = ["author_id", "reason", "attempts", "run_id"]


@dataclass(frozen=True)
class Before:
    """The tables before the run, read if there is something to compare."""

    summaries: TableSnapshot
    failures: TableSnapshot


def before(tables: Tables) -> Before:
    return Before(TableSnapshot(tables.summaries), TableSnapshot(tables.failures))


def check_bucket(
    summarizer: Summarizer, bucket: str, run_id: str, counts: BucketCounts, old: Before
) -> Iterator[tuple[str, str, Verdict]]:
    """Yield the asset, name and verdict of each check.

    Raises:
        TableError: a table cannot be read.
    """
    settings, tables = summarizer.settings, summarizer.tables
    now = before(tables)
    authors = TableSnapshot(tables.authors).rows([bucket], ["author_id"])["author_id"]
    done, failed = now.summaries.rows([bucket], _DONE), now.failures.rows([bucket], _FAILED)

    for asset, rows in ((SUMMARIES, done), (FAILURES, failed)):
        one_row = OneRow(asset)
        one_row.add(bucket, rows["author_id"])
        yield asset, ONE_ROW, one_row.verdict()
    places = OnePlace(summarizer.buckets, keep_removed=settings.keep_removed)
    places.add(bucket, authors, done["author_id"], failed["author_id"])
    yield SUMMARIES, ONE_PLACE, places.verdict()
    yield SUMMARIES, CURRENT, current_after_a_run(counts.authors, counts.pending, counts.held_back)
    yield SUMMARIES, LIMIT, within_the_limit(counts.held_back, settings.limit)
    share = FailureShare(settings.check_failure_share)
    share.add(done.height, failed)
    yield FAILURES, FEW_FAILURES, share.verdict()
    new, older = Quality(), Quality()
    mine = pl.col("run_id") == run_id
    if counts.asked:
        done_before, failed_before = old.summaries.rows([bucket], _DONE), old.failures.rows([bucket], _FAILED)
        older.add(done_before, refused(failed_before).height)
        # Authors who failed before are hard cases; counting their retries would show a decline of the provider.
        hard = failed_before.select("author_id")
        new.add(
            done.filter(mine).join(hard, on="author_id", how="anti"),
            refused(failed.filter(mine)).join(hard, on="author_id", how="anti").height,
        )
    yield SUMMARIES, GROUNDING, grounding_verdict(new, older)
    yield SUMMARIES, LANGUAGE, language_verdict(new, older)
