"""The quality checks of the tables, which take rows bucket by bucket, so that tables can have any size.

Each check gets one bucket (at the end of a run) or all buckets in turn (whole tables), and keeps sums and a few ids.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import polars as pl

from summarizer_assets.core.authors.state import FAILED, PENDING, SUMMARY, author_state
from summarizer_assets.core.buckets import buckets_of
from summarizer_assets.core.display_text import number_of
from summarizer_assets.core.markdown import escaped
from summarizer_assets.core.quality.verdict import Offenders, Verdict

RESTORE = (
    "No run of ours writes this: another tool or a damaged disk did. Find the version before it in the table's history "
    "and restore that (`DeltaTable(path).restore(version)`, with no run at work), then materialise the bucket."
)
RUN_AGAIN = "Materialise the bucket of `author_summaries` and `failed_authors`"


@dataclass
class OneRow:
    """Each author has one row in the table."""

    table: str
    rows: int = 0
    doubled: Offenders = field(default_factory=Offenders)
    nameless: int = 0

    def add(self, bucket: str, ids: pl.Series) -> None:
        self.rows += ids.len()
        self.nameless += ids.null_count()
        known = ids.drop_nulls()
        self.doubled.add(bucket, known.filter(known.is_duplicated()).unique())

    def verdict(self) -> Verdict:
        facts = {"rows": self.rows, "authors_doubled": self.doubled.number}
        if not self.doubled and not self.nameless:
            return Verdict(
                holds=True, text=f"`{self.table}`: {number_of(self.rows, 'row')}, one an author.", facts=facts
            )
        wrong = f"{number_of(self.doubled.number)} with more than one row ({self.doubled}). " if self.doubled else ""
        wrong += f"{number_of(self.nameless, 'row')} without an author id. " if self.nameless else ""
        return Verdict(holds=False, text=f"`{self.table}`: {wrong}{_remedies[self.table]}", wrong=True, facts=facts)


_remedies: Mapping[str, str] = {
    "authors": "Nobody of these buckets is asked while it is so: each would be paid for twice. Materialise `authors` "
    "for the buckets: the ingest puts each row as the source has it.",
    "author_summaries": f"{RUN_AGAIN}: the run keeps each author's newest row.",
    "failed_authors": RESTORE,
}


@dataclass
class AsWritten:
    """Each record of `authors` has the hash that it was written with."""

    rows: int = 0
    altered: Offenders = field(default_factory=Offenders)

    def add(self, bucket: str, rows: int, altered: pl.Series) -> None:
        """Add a bucket: its number of rows, and the ids of rows whose content does not match their hash."""
        self.rows += rows
        self.altered.add(bucket, altered.unique())

    def verdict(self) -> Verdict:
        facts = {"rows": self.rows, "records_altered": self.altered.number}
        if not self.altered:
            return Verdict(holds=True, text="Each record is as an ingest wrote it, by its hash.", facts=facts)
        return Verdict(
            holds=False,
            text=f"{number_of(self.altered.number)} with a record that something else changed since the ingest "
            f"wrote it ({self.altered}). A run of the bucket would ask, and pay, for what stands there now. "
            "Materialise `authors` for the bucket: the ingest puts each row as the source has it. The table's history "
            "tells who changed it.",
            wrong=True,
            facts=facts,
        )


@dataclass
class OnePlace:
    """authors = summaries + failed + pending, each author in exactly one of them, and in the bucket of the id.

    Args:
        buckets: number of buckets.
        keep_removed: whether rows of authors who are no longer in `authors` may remain.
    """

    buckets: int
    keep_removed: bool = False
    states: Counter[str] = field(default_factory=Counter)
    gone: int = 0
    twice: Offenders = field(default_factory=Offenders)
    unknown: Offenders = field(default_factory=Offenders)
    astray: Offenders = field(default_factory=Offenders)

    def add(self, bucket: str, authors: pl.Series, summaries: pl.Series, failures: pl.Series) -> None:
        """Add the author ids of one bucket in the three tables."""
        known = authors.unique()
        found = author_state(known.to_frame(), summaries.to_frame(), failures.to_frame())
        self.states.update(dict(found["state"].value_counts().iter_rows()))
        self.twice.add(bucket, summaries.filter(summaries.is_in(failures.implode(), nulls_equal=True)).unique())
        rows = pl.concat([summaries, failures]).unique()
        gone = rows.filter(~rows.is_in(known.implode(), nulls_equal=True))
        self.gone += gone.len()
        if not self.keep_removed:
            self.unknown.add(bucket, gone)
        ids = pl.concat([known, gone]).drop_nulls()
        self.astray.add(bucket, ids.filter(buckets_of(ids, self.buckets) != bucket))

    def verdict(self) -> Verdict:
        authors, summaries, failed = self.states.total(), self.states[SUMMARY], self.states[FAILED]
        pending = self.states[PENDING]
        counts = f"{authors:,} = {summaries:,} summarised + {failed:,} failed + {pending:,} pending"
        facts = {
            "authors": authors,
            "summaries": summaries,
            "failed": failed,
            "pending": pending,
            "no_longer_in_the_source": self.gone,
            "in_two_places": self.twice.number,
        }
        wrong = []
        if self.twice:
            wrong.append(
                f"{number_of(self.twice.number)} with a summary and a failure ({self.twice}). {RUN_AGAIN}: a run that "
                "died leaves it so, and the next one mends it. If it stays, the tables were changed by another tool: "
                "restore the version before."
            )
        if self.astray:
            wrong.append(f"{number_of(self.astray.number)} in a bucket that is not theirs ({self.astray}). {RESTORE}")
        if self.unknown:
            wrong.append(
                f"{number_of(self.unknown.number)} with a row, but not in `authors` ({self.unknown}). {RUN_AGAIN}: the "
                "run removes the rows. To keep them, set SUMMARIZER_KEEP_REMOVED."
            )
        return Verdict(
            holds=not wrong,
            text=f"{counts}. {' '.join(wrong)}".strip(),
            wrong=bool(self.twice or self.astray),
            facts=facts,
        )


@dataclass
class Current:
    """Summaries match their authors' current records. Asking again costs money, so it is a person's decision."""

    authors: int = 0
    current: int = 0
    outdated: Offenders = field(default_factory=Offenders)
    pending: Offenders = field(default_factory=Offenders)

    def add(self, bucket: str, rendered: pl.DataFrame, summaries: pl.DataFrame, failures: pl.Series) -> None:
        """Add a bucket: author_id and content_hash as rendered now, the same as stored, and the failed ids."""
        found = author_state(rendered.unique("author_id"), summaries, failures.to_frame())
        pending = (pl.col("state") == PENDING) & ~pl.col("outdated")
        self.authors += found.height
        self.current += found.filter(pl.col("state") == SUMMARY).height
        self.outdated.add(bucket, found.filter("outdated")["author_id"])
        self.pending.add(bucket, found.filter(pending)["author_id"])

    def verdict(self) -> Verdict:
        facts = {
            "authors": self.authors,
            "current": self.current,
            "outdated": self.outdated.number,
            "pending": self.pending.number,
        }
        waiting = []
        if self.outdated:
            waiting.append(f"{number_of(self.outdated.number)} with a summary of an older record ({self.outdated})")
        if self.pending:
            waiting.append(f"{number_of(self.pending.number)} not asked yet ({self.pending})")
        if not waiting:
            return Verdict(holds=True, text="Each summary is of its author's record as it is now.", facts=facts)
        text = (
            f"{'; '.join(waiting)}. {RUN_AGAIN}, which asks just these; the job `estimate_spend` tells the price first."
        )
        return Verdict(holds=False, text=text, facts=facts)


def current_after_a_run(authors: int, pending: int, held_back: int) -> Verdict:
    """The same verdict for a bucket whose run has just compared all records.

    `held_back`: pending authors beyond the limit, which `within_the_limit` reports.
    """
    facts = {"authors": authors, "pending": pending, "held_back_by_limit": held_back}
    if pending <= held_back:
        return Verdict(holds=True, text="Each summary is of its author's record as it is now.", facts=facts)
    text = (
        f"{number_of(pending - held_back)} without a summary of the record as it is now. The run was stopped or only "
        f"told a price: its page says which. {RUN_AGAIN}, or leave it to the sensor `retry_failed_authors`."
    )
    return Verdict(holds=False, text=text, facts=facts)


def within_the_limit(held_back: int, limit: int | None) -> Verdict:
    """Whether SUMMARIZER_LIMIT left no author of the bucket unasked, as a pilot does on purpose."""
    facts = {"held_back_by_limit": held_back} | ({} if limit is None else {"limit": limit})
    if not held_back:
        return Verdict(holds=True, text="Nobody of the bucket waits for SUMMARIZER_LIMIT.", facts=facts)
    text = (
        f"{number_of(held_back)} not asked, and not to be: SUMMARIZER_LIMIT={limit} is reached. Look at the summaries "
        "that there are; then raise it, or take it out, and materialise the bucket again."
    )
    return Verdict(holds=False, text=text, facts=facts)


@dataclass
class FailureShare:
    """At most a share `most` (0 to 1) of the authors who were asked failed; authors skipped by rule do not count."""

    most: float
    answered: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, summaries: int, failures: pl.DataFrame) -> None:
        """Add a bucket: its number of summaries, and `reason` and `attempts` of its failures."""
        self.answered += summaries
        self.reasons.update(dict(failures.filter(pl.col("attempts") > 0)["reason"].value_counts().iter_rows()))

    def verdict(self) -> Verdict:
        failed = self.reasons.total()
        asked = self.answered + failed
        share = failed / asked if asked else 0.0
        facts: dict[str, float | int] = {"asked": asked, "failed": failed, "failure_share": round(share, 4)}
        text = f"{failed:,} of {number_of(asked)} asked failed ({share:.1%})."
        if share <= self.most:
            return Verdict(holds=True, text=text, facts=facts)
        why = ", ".join(f"{number:,} {escaped(reason)}" for reason, number in self.reasons.most_common(5))
        text = (
            f"{text} That is more than SUMMARIZER_CHECK_FAILURE_SHARE={self.most:g}: {why}. Open a partition of "
            "`failed_authors`: its table `failures` says of each what to do; docs/failures tells of each reason."
        )
        return Verdict(holds=False, text=text, facts=facts)


def columns_verdict(wrong: Mapping[str, Collection[str]]) -> Verdict:
    """The verdict on columns; `wrong`: descriptions of wrong columns by table, empty for a correct table."""
    bad = {table: list(words) for table, words in wrong.items() if words}
    facts = {"wrong_columns": sum(map(len, bad.values()))}
    if not bad:
        return Verdict(holds=True, text="The columns and their types are those that this version writes.", facts=facts)
    text = "; ".join(f"`{table}`: {escaped(', '.join(words))}" for table, words in bad.items())
    remedy = (
        "Nothing is asked and nothing written while it is so. Alter the table back (its history tells who changed it), "
        "or give this version a SUMMARIZER_ROOT of its own."
    )
    return Verdict(holds=False, text=f"{text}. {remedy}", wrong=True, facts=facts)
