"""Quality checks of whole tables: all buckets of one snapshot in turn, so that memory is bounded by one bucket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from summarizer_assets.core.authors.exclusion import exclusion_verdict, named
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.quality.checks import AsWritten, Current, FailureShare, OnePlace, OneRow, columns_verdict
from summarizer_assets.core.quality.drift import Quality, grounding_verdict, language_verdict
from summarizer_assets.core.quality.verdict import Verdict, all_of
from summarizer_assets.installation import Summarizer
from summarizer_assets.quality.names import (
    AS_WRITTEN,
    AUTHORS,
    COLUMNS,
    CURRENT,
    FAILURES,
    FEW_FAILURES,
    GROUNDING,
    LANGUAGE,
    ONE_PLACE,
    ONE_ROW,
    SUMMARIES,
    WHOLE,
)
from summarizer_assets.quality.rows import altered, refused
from summarizer_assets.storage.delta.snapshot import TableSnapshot
from summarizer_assets.storage.errors import ColumnsDiffer

_NEW = timedelta(hours=24)
_DONE = ("author_id", "content_hash", "support", "flags", "summarized_at")
_FAILED = ("author_id", "reason", "attempts", "last_failed_at")
_NOT_JUDGED = "Not judged, since a table has other columns than this version reads: see `columns_are_ours`."


@dataclass
class Snapshot:
    """The newest version of each table at one moment; `wrong`: what is wrong with the columns of a table.

    `at_work`: buckets with an active run, whose tables need not be consistent.
    """

    tables: dict[str, TableSnapshot] = field(default_factory=dict)
    wrong: dict[str, tuple[str, ...]] = field(default_factory=dict)
    at_work: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Checked:
    """`verdicts`: by check. `skipped`: buckets with an active run."""

    verdicts: Mapping[str, Verdict]
    buckets: int
    skipped: Sequence[str]


def check_tables(summarizer: Summarizer, now: datetime, buckets: Sequence[str] = ()) -> Checked:
    """Check `buckets` (all if empty) in the newest version of the tables.

    Raises:
        TableError: a table cannot be read.
    """
    snapshot = take_snapshot(summarizer)
    verdicts = {COLUMNS: columns_verdict(snapshot.wrong)}
    keys = [key for key in buckets or bucket_keys(summarizer.buckets) if key not in snapshot.at_work]
    if snapshot.wrong:
        verdicts |= {name: Verdict(holds=False, text=_NOT_JUDGED) for name in WHOLE if name not in verdicts}
        return Checked(verdicts, 0, sorted(snapshot.at_work))
    judges = _Judges(summarizer, now)
    for key in keys:
        judges.add(key, snapshot)
    return Checked({**verdicts, **judges.verdicts()}, len(keys), sorted(snapshot.at_work))


def check_authors(summarizer: Summarizer) -> tuple[Verdict, Verdict, Verdict]:
    """Check columns and unique ids of `authors`, on which a paid step relies, and whether it has excluded people.

    Raises:
        TableError: the table cannot be read.
    """
    table = summarizer.tables.authors
    one_row, listed, known = OneRow(AUTHORS), named(summarizer.settings.excluded_lines), 0
    try:
        authors = TableSnapshot(table)
    except ColumnsDiffer as error:
        not_judged = Verdict(holds=False, text=_NOT_JUDGED, wrong=True)
        return columns_verdict({AUTHORS: error.wrong}), not_judged, not_judged
    for key in bucket_keys(summarizer.buckets):
        ids = authors.rows([key], ["author_id"])["author_id"]
        one_row.add(key, ids)
        known += int(ids.is_in(listed).sum()) if listed else 0
    return columns_verdict({}), one_row.verdict(), exclusion_verdict(len(listed), known)


def take_snapshot(summarizer: Summarizer) -> Snapshot:
    tables = summarizer.tables
    snapshot = Snapshot(at_work=set(summarizer.state.holders()))
    for name, table in ((AUTHORS, tables.authors), (SUMMARIES, tables.summaries), (FAILURES, tables.failures)):
        try:
            snapshot.tables[name] = TableSnapshot(table)
        except ColumnsDiffer as error:
            snapshot.wrong[name] = error.wrong
    snapshot.at_work |= set(summarizer.state.holders())
    return snapshot


class _Judges:
    """The checks, which take one bucket after another."""

    def __init__(self, summarizer: Summarizer, now: datetime) -> None:
        settings = summarizer.settings
        self._summarizer = summarizer
        self._new_since = now - _NEW
        self._one_row = {name: OneRow(name) for name in (AUTHORS, SUMMARIES, FAILURES)}
        self._as_written = AsWritten()
        self._places = OnePlace(summarizer.buckets, keep_removed=settings.keep_removed)
        self._current = Current()
        self._failures = FailureShare(settings.check_failure_share)
        self._new, self._old = Quality(), Quality()

    def add(self, bucket: str, snapshot: Snapshot) -> None:
        authors = snapshot.tables[AUTHORS].rows([bucket])
        self._as_written.add(bucket, authors.height, altered(authors))
        rendered = self._summarizer.render(authors).select("author_id", "content_hash")
        del authors  # most of the bucket's memory
        done = snapshot.tables[SUMMARIES].rows([bucket], _DONE)
        failed = snapshot.tables[FAILURES].rows([bucket], _FAILED)
        ids = {AUTHORS: rendered["author_id"], SUMMARIES: done["author_id"], FAILURES: failed["author_id"]}
        for name, one_row in self._one_row.items():
            one_row.add(bucket, ids[name])
        self._places.add(bucket, ids[AUTHORS], ids[SUMMARIES], ids[FAILURES])
        self._current.add(bucket, rendered, done, ids[FAILURES])
        self._failures.add(done.height, failed)
        is_new = pl.col("summarized_at") >= self._new_since
        # Authors who fail again are hard cases, and say nothing about the provider's current state.
        fails_now = (pl.col("attempts") == 1) & (pl.col("last_failed_at") >= self._new_since)
        self._new.add(done.filter(is_new), refused(failed).filter(fails_now).height)
        self._old.add(done.filter(~is_new), refused(failed).filter(~fails_now).height)

    def verdicts(self) -> dict[str, Verdict]:
        return {
            ONE_ROW: all_of([one_row.verdict() for one_row in self._one_row.values()]),
            AS_WRITTEN: self._as_written.verdict(),
            ONE_PLACE: self._places.verdict(),
            CURRENT: self._current.verdict(),
            FEW_FAILURES: self._failures.verdict(),
            GROUNDING: grounding_verdict(self._new, self._old),
            LANGUAGE: language_verdict(self._new, self._old),
        }
