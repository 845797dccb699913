"""Synthetic authors of any number: any part of the table alone, the same for ever for one seed.

Names are put together from syllables and mean nobody; institutions and journals do not exist. Of the authors, about 3 %
have no paper, half have one or two, and a few have thousands. One in 300 comes twice, with a paper of before and one
more; one paper in 400 stands twice; one id in 50,000 is missing.
"""

from dataclasses import dataclass
from functools import cache

import polars as pl
from author_draws import draw, pick, share
from author_words import CATEGORIES, INSTITUTIONS, JOURNALS, LANGUAGES
from sample_words import DIRTY

from summarizer_assets.sources.lists import lists_of

FIRST_ID = 100_000_000
MOST_PAPERS = 4000
_TAIL = 1.22  # of the Pareto distribution of papers: five an author in the mean
_AGAIN = 300
_FIELDS = (
    "ut", "prefinstitution", "hot_paper", "highly_cited_paper", "citingsrcslocalcount", "title", "woscategory",
    "journal",
)  # fmt: skip


@dataclass(frozen=True)
class Draws:
    """Which table.

    Attributes:
        seed: another seed, other authors.
        day: how often the table has changed since it was made.
        changed: share of the authors who change on each day: one more paper, and other citations.
        removed: share of the authors who vanish on each day.
    """

    seed: int = 1
    day: int = 0
    changed: float = 0.01
    removed: float = 0.0


@cache
def _series(values: tuple[str, ...]) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


def _by_language(language: pl.Expr, parts: list[pl.Expr]) -> pl.Expr:
    chosen = parts[0]
    for index, part in enumerate(parts[1:], 1):
        chosen = pl.when(language == index).then(part).otherwise(chosen)
    return chosen


def authors(first: int, count: int, draws: Draws) -> pl.DataFrame:
    """Authors `first` … `first + count - 1`, nested: one row each (a few come twice), `papers` a list of structs."""
    heads = _heads(first, count, draws)
    papers = _papers(heads, draws)
    lists = lists_of(papers.select(pl.struct(_FIELDS)).to_series(), heads["papers"])
    nested = heads.select("daisngid", "author_name", "primary_affiliation").with_columns(lists.alias("papers"))
    return nested.with_columns(pl.when(pl.col("papers").list.len() > 0).then("papers"))


def author_papers(first: int, count: int, draws: Draws) -> pl.DataFrame:
    """The same authors, flat: one row an author and paper; an author without papers has one row of nulls."""
    nested = authors(first, count, draws)
    return nested.explode("papers", empty_as_null=True, keep_nulls=True).unnest("papers")


def _heads(first: int, count: int, draws: Draws) -> pl.DataFrame:
    """One row for each row of the nested table: number, what the source says of the author, how many papers."""
    number, seed = pl.col("number"), draws.seed
    frame = pl.DataFrame({"number": pl.int_range(first, first + count, dtype=pl.UInt64, eager=True)})
    if draws.removed:
        gone = [share(draw(number, 900 + day, seed)) <= draws.removed for day in range(1, draws.day + 1)]
        frame = frame.filter(~pl.any_horizontal(gone)) if gone else frame
    changes = [
        (share(draw(number, 500 + day, seed)) <= draws.changed).cast(pl.UInt32) for day in range(1, draws.day + 1)
    ]
    frame = frame.with_columns(
        pl.sum_horizontal(changes).alias("changes") if changes else pl.lit(0, pl.UInt32).alias("changes")
    )
    tail = (share(draw(number, 1, seed)) ** (-1 / _TAIL)).floor()
    none = share(draw(number, 2, seed)) <= 0.03
    frame = frame.with_columns(
        again=pl.lit(value=False),
        papers=pl.when(none).then(0).otherwise(pl.min_horizontal(tail, MOST_PAPERS)).cast(pl.UInt32)
        + pl.col("changes"),
    )
    twice = frame.filter(draw(number, 3, seed) % _AGAIN == 0).with_columns(
        again=pl.lit(value=True), papers=pl.lit(2, pl.UInt32)
    )
    frame = pl.concat([frame, twice])
    frame = frame.with_columns(_language(draw(number, 4, seed)).alias("language"))
    names = [
        pl.format(
            language.name.replace("{family}", "{}").replace("{given}", "{}"),
            pick(draw(number, 5, seed), _series(language.families)),
            pick(draw(number, 6, seed), _series(language.givens)),
        )
        for language in LANGUAGES
    ]
    missing_id = draw(number, 7, seed) % 50_000 == 0
    return frame.with_columns(
        daisngid=pl.when(~missing_id).then(number.cast(pl.Int64) + FIRST_ID),
        author_name=pl.when(draw(number, 8, seed) % 500 != 0).then(_by_language(pl.col("language"), names)),
        institution=pick(draw(number, 9, seed), _series(INSTITUTIONS)),
    ).with_columns(primary_affiliation=pl.when(draw(number, 10, seed) % 5 != 0).then("institution"))


def _language(bits: pl.Expr) -> pl.Expr:
    cards = [index for index, language in enumerate(LANGUAGES) for _ in range(language.share)]
    return pick(bits, pl.Series(cards, dtype=pl.UInt8))


def _papers(heads: pl.DataFrame, draws: Draws) -> pl.DataFrame:
    """One row a paper, in the order of `heads`; half of an author's papers are his institution's alone."""
    seed = draws.seed
    repeated = heads.select(
        pl.col("number", "again", "changes", "language", "institution")
        .repeat_by("papers")
        .explode(empty_as_null=False, keep_nulls=False),
        pl.int_ranges(0, pl.col("papers"), dtype=pl.UInt64)
        .explode(empty_as_null=False, keep_nulls=False)
        .alias("place"),
    )
    # The second row of an author who comes twice holds his first paper and one that is nowhere else.
    place = pl.when(pl.col("again") & (pl.col("place") == 1)).then(MOST_PAPERS + 50).otherwise(pl.col("place"))
    key = (pl.col("number") * 8192 + place).cast(pl.UInt64)
    copied = (draw(key, 20, seed) % 400 == 0) & (pl.col("place") > 0)
    frame = repeated.with_columns(key=pl.when(copied).then(key - 1).otherwise(key).cast(pl.UInt64))
    key = pl.col("key")
    cited = (share(draw(key, 21, seed)) ** (-1 / 0.9) * 3).floor().clip(3, 9000).cast(pl.Int64) - 3 + pl.col("changes")
    titles = [
        pl.concat_str(
            pick(draw(key, 22, seed), _series(language.beginnings)),
            pick(draw(key, 23, seed), _series(language.objects)),
            pick(draw(key, 24, seed), _series(language.endings)),
        )
        for language in LANGUAGES
    ]
    other = pick(draw(key, 25, seed), _series(INSTITUTIONS))
    dirt = draw(key, 27, seed)
    title = (
        pl.when(dirt % 2000 == 0)
        .then(pick(draw(key, 28, seed), _series(DIRTY)))
        .when(dirt % 300 != 1)
        .then(_by_language(pl.col("language"), titles))
    )
    flags = draw(key, 26, seed)
    return frame.with_columns(
        ut=pl.format("SYN:{}", key.cast(pl.String).str.zfill(15)),
        prefinstitution=pl.when(flags % 2 == 0)
        .then("institution")
        .when(flags % 7 != 1)
        .then(pl.concat_str("institution", pl.lit("; "), other)),
        hot_paper=pl.when(flags % 10 > 2).then(((cited > 250) & (flags % 11 < 2)).cast(pl.Int8)),
        highly_cited_paper=pl.when(flags % 13 > 3).then((cited > 250).cast(pl.Int8)),
        citingsrcslocalcount=pl.when(flags % 17 != 3).then(cited),
        title=title,
        woscategory=pl.when(flags % 19 > 1).then(pick(draw(key, 29, seed), _series(CATEGORIES))),
        journal=pl.when(flags % 23 > 0).then(pick(draw(key, 30, seed), _series(JOURNALS))),
    ).select(_FIELDS)
