"""One author: where the author stands, the record as it is sent, the summary or the failure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from summarizer_assets.bucket_run.snapshot import single
from summarizer_assets.core.authors.state import author_state
from summarizer_assets.core.buckets import bucket_of
from summarizer_assets.core.judging.doubts import Piece, doubted_words, pieces
from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.delta.table import BucketedTable

MOST_MATCHES: Final = 20
_SIGNS: Final = re.compile(r"[\s,;.]+")


@dataclass(frozen=True)
class Match:
    """An author of that name. Texts are untrusted data from the tables."""

    author_id: str
    name: str
    affiliation: str
    bucket: str


@dataclass(frozen=True)
class AuthorNow:
    """One author. Texts are untrusted data from the tables.

    Attributes:
        state: summary, failed or pending.
        record: as it is sent, with `tokens` estimated tokens.
        summary, failure: the author's rows; None if there is none.
        text: the summary in pieces, with doubtful ones; empty without a summary.
        doubted: the doubtful words, by flag.
        changed: the record changed since the summary was written, so that words are not compared.
    """

    who: Match
    state: str
    record: str
    tokens: int
    summary: Mapping[str, Any] | None
    failure: Mapping[str, Any] | None
    text: Sequence[Piece]
    doubted: Mapping[str, Sequence[str]]
    changed: bool


def matches(summarizer: Summarizer, who: str) -> list[Match]:
    """The author with this id; else those whose name has all of these words, or, if nobody's has, holds them.

    At most one more than `MOST_MATCHES`.

    Raises:
        TableError: the authors cannot be read.
    """
    table = summarizer.tables.authors
    assert table.buckets is not None
    wanted = who.strip()
    by_id = pl.col("author_id") == wanted
    words = _SIGNS.sub(" ", wanted.casefold()).split()
    name = pl.lit(" ") + pl.col("author_name").str.to_lowercase().str.replace_all(_SIGNS.pattern, " ") + pl.lit(" ")
    whole, parts = (
        pl.all_horizontal(
            [name.str.contains(f"{edge}{word}{edge}", literal=True) for word in words] or [pl.lit(value=False)]
        )
        for edge in (" ", "")
    )
    with reading(table.uri):
        for rows in (
            table.read([bucket_of(wanted, table.buckets)]).filter(by_id),
            table.read().filter(whole.fill_null(value=False)),
            table.read().filter(parts.fill_null(value=False)),
        ):
            found = rows.select("author_id", "author_name", "primary_affiliation", "bucket").head(MOST_MATCHES + 1)
            people = [Match(one, name or "", at or "", bucket) for one, name, at, bucket in found.collect().iter_rows()]
            if people:
                return people
    return []


def author_now(summarizer: Summarizer, who: Match) -> AuthorNow:
    """Read the author's rows.

    Raises:
        TableError: a table cannot be read.
    """
    tables = summarizer.tables
    authors, summaries, failures = (_rows(table, who) for table in (tables.authors, tables.summaries, tables.failures))
    rendered = summarizer.render(authors)
    summary = next(iter(single(summaries).to_dicts()), None)
    failure = next(iter(failures.to_dicts()), None)
    excluded = who.author_id in summarizer.settings.excluded_ids
    known = author_state(rendered.with_columns(skipped=pl.col("empty") | excluded), summaries, failures)
    record, name = rendered["text"].item(), rendered["author_name"].item() or ""
    changed = summary is not None and summary["content_hash"] != rendered["content_hash"].item()
    said = "" if summary is None else summary["summary"] or ""
    found = {} if summary is None or changed else doubted_words(name, record, said)
    doubted = {flag: words for flag, words in found.items() if summary is not None and flag in (summary["flags"] or [])}
    return AuthorNow(
        who=who,
        state=str(known["state"].item()),
        record=record,
        tokens=int(rendered["tokens"].item()),
        summary=summary,
        failure=failure,
        text=pieces(said, doubted),
        doubted={str(flag): words for flag, words in doubted.items()},
        changed=changed,
    )


def _rows(table: BucketedTable, who: Match) -> pl.DataFrame:
    with reading(table.uri):
        return table.read([who.bucket]).filter(pl.col("author_id") == who.author_id).collect()
