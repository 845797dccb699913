"""The failures of a bucket for a person: who, why, what was tried, when it is tried again, and what to do next.

Plain data; the IO manager makes Dagster's table of it, which shows text as text, whatever a name or a detail holds.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl

from summarizer_assets.bucket_run.totals import BucketCounts
from summarizer_assets.core.authors.state import is_retried
from summarizer_assets.core.display_text import cut, moment
from summarizer_assets.core.markdown import escaped
from summarizer_assets.core.prompt.cleaning import cleaned
from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.delta.table import BucketedTable

SHOWN: Final = 50
_LONGEST, _LONGEST_DETAIL = 60, 300
#: A column of a page is as narrow as its longest word: longer ones may be broken, so that no column is cut off.
_LONGEST_WORD: Final = 24
_HYPHEN: Final = "\N{NON-BREAKING HYPHEN}"
_BREAK: Final = "\N{ZERO WIDTH SPACE}"
_WORD: Final = re.compile(rf"\S{{{_LONGEST_WORD}}}(?=\S)")


@dataclass(frozen=True)
class Listing:
    """A table of texts. `columns`: names, with what is in them."""

    columns: Mapping[str, str]
    rows: Sequence[Sequence[str]]


#: Few and narrow: Dagster's page shows the table beside its menu. What to do is told once for each reason, below it.
COLUMNS: Final[Mapping[str, str]] = {
    "author": "the author_id, and the name as a model reads it",
    "reason": "docs/failures has a page of each",
    "detail": "what was wrong, or what the provider said",
    "next_retry": "when the sensor has the author asked again",
    "last_try": "runs in which the author failed, of SUMMARIZER_MAX_ATTEMPTS; when; the last reply's HTTP status "
    "and request id, for which a provider asks",
}


def failure_metadata(
    bucket: str, counts: BucketCounts, failures: pl.DataFrame, authors: BucketedTable, max_attempts: int
) -> Mapping[str, Any]:
    """What a run shows with its failures. Names are looked up only of those that are shown.

    Args:
        bucket: whose failures they are.
        counts: of the run.
        failures: the bucket's rows (records.FAILURES).
        authors: the table that knows their names.
        max_attempts: runs in which an author may fail.

    Raises:
        TableError: the names cannot be read.
    """
    by_reason = {"failures_by_reason": dict(counts.reasons)}
    if failures.is_empty():
        return {"dagster/partition_row_count": counts.failed, **by_reason}
    first = most_serious(failures.lazy(), max_attempts)
    facts: dict[str, Any] = {
        "dagster/partition_row_count": counts.failed,
        "failures": listing(first, _names(first, authors), max_attempts),
    }
    more = failures.height - first.height
    if more:
        facts["failures_not_shown"] = (
            f"{more:,} more in bucket {bucket} of the table failed_authors; docs/failures tells how to read them all"
        )
    return facts | by_reason


def worst_failures(
    failures: BucketedTable, authors: BucketedTable, max_attempts: int, page_of: Callable[[str], str]
) -> str:
    """The most serious failures of all buckets as Markdown, each with a link to its bucket; empty if there is none.

    A list: where a page is narrow its lines wrap, while a table would be cut off. `page_of`: the address of a bucket's
    page.

    Raises:
        TableError: a table cannot be read.
    """
    with reading(failures.uri):
        first = most_serious(failures.read(), max_attempts)
    names = _names(first, authors)
    rows = first.with_columns(is_retried=is_retried(max_attempts)).to_dicts()
    return "\n".join(
        f"- [{row['bucket']}]({page_of(row['bucket'])}) **{escaped(row['reason'])}**, "
        f"{escaped(_author(row['author_id'], names.get(row['author_id'])))}: "
        f"{escaped(row['detail'] or '', _LONGEST_DETAIL)} (next try: {_next_retry(row)})"
        for row in rows
    )


def most_serious(failures: pl.LazyFrame, max_attempts: int, number: int = SHOWN) -> pl.DataFrame:
    """Who waits for a person first, then who is asked again by itself, at last who is skipped by rule; newest first."""
    rank = pl.when(pl.col("attempts") == 0).then(2).when(is_retried(max_attempts)).then(1).otherwise(0)
    order = failures.with_columns(rank=rank).sort(
        "rank", "last_failed_at", "author_id", descending=[False, True, False], nulls_last=True
    )
    return order.head(number).drop("rank").collect()


def listing(failures: pl.DataFrame, names: Mapping[str, str | None], max_attempts: int) -> Listing:
    """`failures` in their order, with the names by author id."""
    rows = failures.with_columns(is_retried=is_retried(max_attempts)).to_dicts()
    return Listing(COLUMNS, [_row(row, names.get(row["author_id"]), max_attempts) for row in rows])


def _row(failure: Mapping[str, Any], name: str | None, max_attempts: int) -> list[str]:
    shown = {
        "author": _author(failure["author_id"], name),
        "reason": failure["reason"],
        "detail": _narrow(_cut(failure["detail"] or "", _LONGEST_DETAIL)),
        "next_retry": _next_retry(failure),
        "last_try": _last_try(failure, max_attempts),
    }
    return list(shown.values())


def _author(author_id: str, name: str | None) -> str:
    return _cut(author_id) if name is None else f"{_cut(author_id)} {_cut(name)}"


def _next_retry(failure: Mapping[str, Any]) -> str:
    if failure["is_retried"]:
        return _at(failure["next_retry_at"])
    return "exhausted" if failure["retryable"] else "not retried"


def _last_try(failure: Mapping[str, Any], max_attempts: int) -> str:
    first, last = failure["first_failed_at"], failure["last_failed_at"]
    if not failure["attempts"]:
        return f"not asked, since {_at(first)}" if first is not None else "not asked"
    parts = [f"{failure['attempts']} of {max_attempts} runs"]
    if last is not None:
        parts.append(f"last {_at(last)}")
    if first is not None and first != last:
        parts.append(f"first {_at(first)}")
    if failure["http_status"] is not None:
        parts.append(f"status {failure['http_status']}")
    if failure["request_id"] is not None:
        parts.append(f"request {_narrow(_cut(failure['request_id']))}")
    return ", ".join(parts)


def _at(when: datetime) -> str:
    """A moment whose date is not broken."""
    return moment(when).replace("-", _HYPHEN)


def _cut(text: str, longest: int = _LONGEST) -> str:
    """One line, and not without end."""
    return cut("".join(sign if sign.isprintable() else " " for sign in text), longest)


def _narrow(text: str) -> str:
    return _WORD.sub(lambda word: word[0] + _BREAK, text)


def _names(failures: pl.DataFrame, authors: BucketedTable) -> dict[str, str | None]:
    ids, buckets = failures["author_id"], failures["bucket"].unique().to_list()
    with reading(authors.uri):
        wanted = authors.read(buckets).filter(pl.col("author_id").is_in(ids.implode()))
        found = wanted.select("author_id", "author_name").collect()
    return dict(zip(found["author_id"], cleaned(found["author_name"], _LONGEST), strict=True))
