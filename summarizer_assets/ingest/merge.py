"""De-duplication of authors: rows are merged into one record per author, in canonical order, with its hash.

Pure and associative: merging parts first and then the results gives the same authors as merging all at once, so chunk
and part sizes do not affect the result.
"""

from dataclasses import dataclass
from hashlib import blake2b

import polars as pl

from summarizer_assets.core.paper_fields import PAPER_FIELDS, Kind, added
from summarizer_assets.core.records import ADDED, AUTHOR
from summarizer_assets.sources.lists import lists_of

_FIELDS = [field.name for field in PAPER_FIELDS]
_TEXTS = [field.name for field in PAPER_FIELDS if field.kind in (Kind.TEXT, Kind.TEXTS)]
_NUMBERS = [field.name for field in PAPER_FIELDS if field.kind in (Kind.FLAG, Kind.COUNT)]
_FIRST = [name for name in ("ut", *_TEXTS, *_NUMBERS) if name not in ADDED]


@dataclass(frozen=True)
class Merged:
    """Authors (`records.AUTHOR`, each once, sorted by id, papers sorted), and how many duplicates were merged."""

    authors: pl.DataFrame
    duplicate_rows: int
    duplicate_papers: int


def merge(rows: pl.DataFrame) -> Merged:
    """Merge the rows of each author.

    Name and affiliation: the first non-null value in the order of `rows`. Topics: all, in that order. Papers: one per
    `ut`, or per content if they have no `ut`. If copies of a paper differ, the longest text (then the alphabetically
    first), the highest count and a set flag win, independent of the order of the rows.
    """
    ranked = rows.with_columns((pl.col("author_id").rank("dense") - 1).cast(pl.UInt32).alias("rank"))
    total = ranked.select(pl.col("rank").max()).item()
    authors_count = 0 if total is None else int(total) + 1
    scalars = ranked.select("rank", "author_id", "author_name", "primary_affiliation", "topics")
    if authors_count == rows.height:
        authors = scalars.sort("rank")
    else:
        authors = (
            scalars.group_by("rank", maintain_order=True)
            .agg(
                pl.col("author_id").first(),
                pl.col("author_name").drop_nulls().first(),
                pl.col("primary_affiliation").drop_nulls().first(),
                pl.col("topics").explode(empty_as_null=False, keep_nulls=False).unique(maintain_order=True),
            )
            .sort("rank")
        )
    papers = (
        ranked.select("rank", "papers")
        .explode("papers", empty_as_null=False, keep_nulls=False)
        .unnest("papers")
        .filter(pl.any_horizontal(pl.col(_FIELDS).is_not_null()))
    )
    united = _united(papers)
    lists = _lists(united.select(pl.struct(_FIELDS)).to_series(), united["rank"], authors_count)
    result = authors.drop("rank").with_columns(lists.alias("papers")).select(list(AUTHOR))
    return Merged(result, rows.height - authors_count, papers.height - united.height)


def _united(papers: pl.DataFrame) -> pl.DataFrame:
    """Each paper once, sorted by author and `ut`, those without `ut` last and by content.

    Only the authors with a repeated key are looked at further; all columns are moved once, in the final order.
    """
    order = papers.select("rank", "ut").with_row_index("row").sort("rank", "ut", nulls_last=True)
    same = (pl.col("rank") == pl.col("rank").shift(1)) & pl.col("ut").eq_missing(pl.col("ut").shift(1))
    repeats = order.filter(same)["rank"].unique()
    if not repeats.is_empty():
        concerned = pl.col("rank").is_in(repeats.implode())
        once = _once(papers.filter(concerned)).with_row_index("row", offset=papers.height)
        order = pl.concat([frame.select("rank", "row") for frame in (order.filter(~concerned), once)])
        order = order.sort("rank", maintain_order=True)
        papers = pl.concat([papers, once.drop("row")], rechunk=True)  # rows of several chunks cost thrice as much
    return papers[order["row"]]


def _once(papers: pl.DataFrame) -> pl.DataFrame:
    keyed = papers.filter(pl.col("ut").is_not_null())
    keyless = papers.filter(pl.col("ut").is_null()).unique()
    repeated = keyed.select("rank", "ut").is_duplicated()
    groups = keyed.filter(repeated).group_by("rank", "ut").agg(*map(_richest, _TEXTS), pl.col(_NUMBERS).max())
    whole = pl.concat([keyed.filter(~repeated), groups.select(papers.columns), keyless])
    return whole.sort("rank", *_FIELDS, nulls_last=True)


def _richest(name: str) -> pl.Expr:
    known = pl.col(name).drop_nulls()
    return known.sort_by(known.str.len_chars(), known, descending=[True, False]).first().alias(name)


def _lists(items: pl.Series, owners: pl.Series, owners_count: int) -> pl.Series:
    """`items`, sorted by owner (0 … `owners_count` - 1), as one list per owner."""
    sizes = owners.to_frame("owner").group_by("owner").len("size")
    lengths = (
        pl.select(pl.int_range(owners_count, dtype=pl.UInt32).alias("owner"))
        .join(sizes, on="owner", how="left", maintain_order="left")
        .select(pl.col("size").fill_null(0))
        .to_series()
    )
    return lists_of(items, lengths)


def record_hashes(authors: pl.DataFrame) -> pl.Series:
    """The blake2b-128 hash of each whole record as 32 hex digits, over an injective encoding.

    A text is encoded as its length in bytes, a colon and the text; a list as its length and its items; null as a dash.
    A later field is encoded with its name, and only where it has a value, so that earlier hashes stay valid.
    """
    papers = (
        authors["papers"]
        .explode(empty_as_null=False, keep_nulls=False)
        .struct.unnest()
        .select(
            pl.concat_str(
                [piece for name in _FIRST for piece in _pieces(name)] + [_if_any(field.name) for field in added()],
                ignore_nulls=True,
            )
        )
        .to_series()
    )
    joined = lists_of(papers, authors["papers"].list.len()).list.join("")
    topics = pl.col("topics").list.eval(pl.concat_str(_encoded(pl.element()), ignore_nulls=True)).list.join("")
    encoded = authors.with_columns(joined.alias("__papers")).select(
        pl.concat_str(
            *_pieces("author_id"),
            *_pieces("author_name"),
            *_pieces("primary_affiliation"),
            pl.col("topics").list.len().cast(pl.String) + "[",
            topics,
            pl.col("papers").list.len().cast(pl.String) + "[",
            pl.col("__papers"),
            ignore_nulls=True,
        )
    )
    hashes = [blake2b(text, digest_size=16).hexdigest() for text in encoded.to_series().cast(pl.Binary)]
    return pl.Series("record_hash", hashes, dtype=pl.String)


def _encoded(text: pl.Expr) -> list[pl.Expr]:
    """A text's length, and the text: joined without the nulls, they are its encoding."""
    length = text.str.len_bytes().cast(pl.String) + ":"
    return [length.fill_null("-"), text]


def _pieces(name: str) -> list[pl.Expr]:
    if name not in _NUMBERS:
        return _encoded(pl.col(name))
    return [(pl.col(name).cast(pl.Int64).cast(pl.String) + ";").fill_null("-")]


def _if_any(name: str) -> pl.Expr:
    value = pl.concat_str(pl.lit(f"+{name}="), *_pieces(name), ignore_nulls=True)
    return pl.when(pl.col(name).is_not_null()).then(value)
