"""Rendering of an author's record for the model: few tokens, nothing omitted that a summary could use.

    #"2345" Chen, Cory @ MIT | 4 papers, cited 50, 1 hot | topics: enzymes; proteins
    cell | chemistry, medical
     this a title | cited 45, hot @ MIT, harvard
     another title | cited 3
    Nature
     a third title | cited 2
    ?
     a paper whose journal is not known

The id is a JSON string, so that it can be returned exactly. A journal is named once for its papers, so that a record
takes fewer tokens than YAML. A line begins with `#"` (an author), a blank (a paper) or neither (a journal); `cleaning`
removes line ends, `#"`, ` | ` and ` @ ` from the data, so no source text can imitate another author or field.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator
from hashlib import blake2b

import polars as pl

from summarizer_assets.core.paper_fields import PAPER_FIELDS, Kind, PaperField, Place, facts
from summarizer_assets.core.prompt.cleaning import cleaned, cleaned_repeating
from summarizer_assets.core.prompt.tokens import tokens_of

#: Authors with more papers get totals; as few as these are counted by reading.
_COUNTED_BY_EYE = 3
_KNOWN = " known"  # suffix: the number of papers of which a count is known
_NAME_CHARACTERS = 300
_FIELD_CHARACTERS = 500
_PLAIN_ID = r"^[0-9A-Za-z_.:/+-]*$"
_UNSEEN = frozenset("#\u200e\u200f\u2028\u2029\u0085\u00a0\u00ad\ufeff\u3000")

RENDERED = pl.Schema(
    {
        "author_id": pl.String,
        "author_name": pl.String,
        "text": pl.String,
        "content_hash": pl.String,
        "tokens": pl.Int64,
    }
)

_COUNTS, _FLAGS = facts(Kind.COUNT), facts(Kind.FLAG)
_TOTALLED = [field.name for field in (*_COUNTS, *_FLAGS)]
_CITED = _COUNTS[0].name  # an author's papers are shown in its order
_AT = {field.place: field.name for field in PAPER_FIELDS}


@dataclasses.dataclass(frozen=True)
class RenderSettings:
    """What of an author's record is shown. Part of the prompt version."""

    max_papers: int = 20
    max_characters: int = 6000
    max_title: int = 400
    ignore_changes_in: tuple[str, ...] = ()
    show_ut: bool = False


def trimmed(settings: RenderSettings, step: int) -> RenderSettings | None:
    """Settings for the `step`-th (from 1) smaller attempt of an author too large alone; None if nothing can be cut.

    First fewer papers, then shorter titles. The author's content hash remains that of the full settings.
    """
    papers = settings.max_papers
    sizes = [
        (max(1, papers // 4), settings.max_title),
        (max(1, papers // 10), settings.max_title),
        (1, min(settings.max_title, 100)),
    ]
    if not 1 <= step <= len(sizes):
        return None
    max_papers, max_title = sizes[step - 1]
    characters = max(200, settings.max_characters // 4**step)
    return dataclasses.replace(settings, max_papers=max_papers, max_title=max_title, max_characters=characters)


def render(authors: pl.DataFrame, settings: RenderSettings) -> pl.DataFrame:
    """One row per author (schema `RENDERED`), in the same order, from a frame with the columns of `records.AUTHOR`.

    `author_name` is the cleaned name as shown to the model, which a faithful summary repeats. `content_hash` is
    blake2b-128 of `text`. With `ignore_changes_in` it is computed from a rendering without these columns and with all
    papers instead of those shown, because an ignored column may decide which are shown.
    """
    papers = _papers(authors)
    totals = _totals(papers)
    if not settings.ignore_changes_in:
        papers = _leading(papers, totals, settings.max_papers)
    papers = papers.select(
        "row", *(_clean(papers[field.name], field, settings) for field in _shown(PAPER_FIELDS, settings))
    )
    people = _people(authors, settings)
    text = _texts(people, totals, papers, settings)
    hashed = text
    if settings.ignore_changes_in:
        ignored = [name for name in settings.ignore_changes_in if name in papers.columns]
        papers = papers.with_columns(pl.lit(None, papers.schema[name]).alias(name) for name in ignored)
        everything = dataclasses.replace(settings, max_papers=2**31, max_characters=2**31)
        hashed = _texts(people, _totals(papers), papers, everything)
    digests = [blake2b(value, digest_size=16).hexdigest() for value in hashed.cast(pl.Binary).to_list()]
    return pl.DataFrame(
        [
            authors["author_id"],
            people["name"].alias("author_name"),
            text.alias("text"),
            pl.Series("content_hash", digests, dtype=pl.String),
            tokens_of(text).alias("tokens"),
        ],
    )


def json_ids(ids: pl.Series) -> pl.Series:
    """Each id as a JSON string on one line, with every character visible."""
    plain = ids.str.contains(_PLAIN_ID)
    quoted = pl.select('"' + pl.lit(ids) + '"').to_series()
    if plain.all():
        return quoted
    where = (~plain).arg_true()
    return quoted.scatter(where, pl.Series([_json_id(value) for value in ids.gather(where)], dtype=pl.String))


def _json_id(author_id: str) -> str:
    text = json.dumps(author_id, ensure_ascii=False)
    if all(character.isprintable() and character not in _UNSEEN for character in text):
        return text
    return json.dumps(author_id).replace("#", "\\u0023")


def _people(authors: pl.DataFrame, settings: RenderSettings) -> pl.DataFrame:
    topics = authors["topics"]
    if topics.list.len().fill_null(0).sum():
        each = pl.DataFrame({"row": pl.int_range(authors.height, eager=True), "topic": topics}).explode("topic")
        each = each.with_columns(cleaned(each["topic"], _FIELD_CHARACTERS)).drop_nulls("topic")
        one_line = each.group_by("row", maintain_order=True).agg(pl.col("topic").unique(maintain_order=True))
        one_line = one_line.with_columns(pl.col("topic").list.join("; "))
        topics = pl.DataFrame({"row": pl.int_range(authors.height, eager=True)}).join(one_line, on="row", how="left")[
            "topic"
        ]
        topics = cleaned(topics, max(100, settings.max_characters // 2))
    else:
        topics = pl.Series([None], dtype=pl.String).new_from_index(0, authors.height)
    return pl.DataFrame(
        [
            json_ids(authors["author_id"]).alias("id"),
            cleaned(authors["author_name"], _NAME_CHARACTERS).alias("name"),
            cleaned(authors["primary_affiliation"], _NAME_CHARACTERS).alias("affiliation"),
            topics.alias("topics"),
        ]
    )


def _papers(authors: pl.DataFrame) -> pl.DataFrame:
    """All papers of all authors, one row each, with `row`, the author's index in the frame."""
    lists = pl.DataFrame([pl.int_range(authors.height, dtype=pl.UInt32, eager=True).alias("row"), authors["papers"]])
    lists = lists.filter(pl.col("papers").list.len() > 0)
    return lists.explode("papers").with_columns(pl.col("row").set_sorted()).unnest("papers")


def _totals(papers: pl.DataFrame) -> pl.DataFrame:
    """`row`, `count` of papers, the sum of each total and of how many papers a count is known."""
    return papers.group_by("row", maintain_order=True).agg(
        pl.len().alias("count"),
        pl.col(_TOTALLED).sum(),
        pl.col([field.name for field in _COUNTS]).count().name.suffix(_KNOWN),
    )


def _leading(papers: pl.DataFrame, totals: pl.DataFrame, most: int) -> pl.DataFrame:
    """Without the papers that cannot be among the first `most` of their author: nobody need clean or sort them."""
    many = totals.filter(pl.col("count") > most).select("row")
    if many.is_empty():
        return papers
    cited = papers.select("row", _CITED)
    last = pl.col(_CITED).sort(descending=True, nulls_last=True).get(most - 1)
    shown = cited.join(many, on="row", how="semi").group_by("row").agg(last.alias("last"))
    cited = cited.join(shown, on="row", how="left", maintain_order="left")
    return papers.filter(cited.select(pl.col("last").is_null() | (pl.col(_CITED) >= pl.col("last"))).to_series())


def _shown(fields: Iterable[PaperField], settings: RenderSettings) -> list[PaperField]:
    """The fields that are rendered."""
    return [field for field in fields if field.place and (field.kind is not Kind.KEY or settings.show_ut)]


def _clean(column: pl.Series, field: PaperField, settings: RenderSettings) -> pl.Series:
    if field.place is Place.TITLE:
        return cleaned(column, settings.max_title)
    return cleaned_repeating(column, _FIELD_CHARACTERS) if column.dtype == pl.String else column


def _facts(settings: RenderSettings) -> Iterator[pl.Expr]:
    """The parts of a paper's facts, each null where there is no value."""
    before = pl.lit(value=False)
    for field in _shown(facts(), settings):
        value, is_flag = pl.col(field.name), field.kind is Kind.FLAG
        has = value.fill_null(value=False) if is_flag else value.is_not_null()
        label = field.label if is_flag else f"{field.label} "
        yield pl.when(has & before).then(pl.lit(f", {label}")).when(has).then(pl.lit(f" | {label}"))
        if not is_flag:
            yield value.cast(pl.String)
        before |= has


def _if_any(prefix: str, value: pl.Expr) -> pl.Expr:
    """`prefix` where there is a value, else null."""
    return pl.when(value.is_not_null()).then(pl.lit(prefix))


def _with(prefix: str, column: str) -> pl.Expr:
    """`prefix` and the column's value; empty, never null, if there is no value."""
    return pl.when(pl.col(column).is_null()).then(pl.lit("")).otherwise(pl.lit(prefix) + pl.col(column))


def _lines(papers: pl.DataFrame, settings: RenderSettings) -> pl.DataFrame:
    """Each paper's own line and its journal's line."""
    institutions, journal, subjects = (pl.col(_AT[at]) for at in (Place.INSTITUTIONS, Place.JOURNAL, Place.SUBJECTS))
    title = pl.col(_AT[Place.TITLE]).fill_null("(no title)")
    line = [title, *_facts(settings), _if_any(" @ ", institutions), institutions]
    place = [journal.fill_null("?"), _if_any(" | ", subjects), subjects]
    return papers.select(
        "row",
        _CITED,
        pl.concat_str(pl.lit("\n "), *line, ignore_nulls=True).alias("line"),
        pl.concat_str(pl.lit("\n"), *place, ignore_nulls=True).alias("place"),
    )


def _texts(people: pl.DataFrame, totals: pl.DataFrame, papers: pl.DataFrame, settings: RenderSettings) -> pl.Series:
    """The records' texts, one per row of `people`; `papers` are cleaned."""
    people = people.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"))
    people = people.join(totals, on="row", how="left", maintain_order="left")
    named = pl.sum_horizontal(pl.col("id", "name", "affiliation", "topics").str.len_chars().fill_null(0))
    room = settings.max_characters - people.select(named).to_series()
    lines = _lines(papers, settings).sort(
        "row", _CITED, "line", "place", descending=[False, True, False, False], nulls_last=True
    )
    shown = _within(lines, room, settings.max_papers)
    # One line per journal, then its papers; journals are ordered by their most cited paper.
    shown = shown.with_columns(pl.col("rank").min().over("row", "place").alias("first")).sort("row", "first", "rank")
    repeated = (pl.col("first") == pl.col("first").shift()) & (pl.col("row") == pl.col("row").shift())
    nameless = (pl.col("first") == 0) & (pl.col("place") == "\n?")
    place = pl.when(repeated.fill_null(value=False) | nameless).then(pl.lit("")).otherwise(pl.col("place"))
    bodies = shown.select(pl.col("row").set_sorted(), body=pl.concat_str(place, "line"))
    bodies = bodies.group_by("row", maintain_order=True).agg("body")
    # Lists are joined afterwards, which is five times faster than `str.join` in the aggregation.
    bodies = bodies.with_columns(pl.col("body").list.len().alias("shown"), pl.col("body").list.join(""))
    people = people.join(bodies, on="row", how="left", maintain_order="left")
    return people.select(pl.concat_str(_headline(), pl.col("body").fill_null("")).alias("text")).to_series()


def _within(lines: pl.DataFrame, room: pl.Series, max_papers: int) -> pl.DataFrame:
    """The first `max_papers` lines of each author that fit into `room` (characters per author), but at least one.

    `lines` are in order, with a column `rank` that counts from 0 within an author.
    """
    lines = lines.with_columns(rank=_ranks(lines["row"])).filter(pl.col("rank") < max_papers)
    length = lines.select(pl.col("line").str.len_chars() + pl.col("place").str.len_chars()).to_series().cast(pl.Int64)
    total = length.cum_sum()
    start = pl.int_range(lines.height, eager=True) - lines["rank"]
    used = total - (total - length).gather(start)
    return lines.filter((used <= room.cast(pl.Int64).gather(lines["row"])) | (lines["rank"] == 0))


def _ranks(rows: pl.Series) -> pl.Series:
    """The place of each value of a sorted column among its equals, from 0 (Int64)."""
    place = pl.int_range(rows.len(), eager=True)
    begins = pl.select(pl.when(pl.lit(rows).ne_missing(pl.lit(rows).shift())).then(place)).to_series()
    return place - begins.forward_fill()


def _total(before: str, column: str, after: str, is_told: pl.Expr) -> pl.Expr:
    return pl.when(is_told).then(pl.lit(before) + pl.col(column).cast(pl.String) + after).otherwise(pl.lit(""))


def _headline() -> pl.Expr:
    several = pl.col("count") > _COUNTED_BY_EYE
    cut = pl.col("shown") < pl.col("count")
    number = pl.col("count").cast(pl.String)
    counts = pl.concat_str(
        number + " papers",
        *(_total(f", {field.label} ", field.name, "", pl.col(f"{field.name}{_KNOWN}") > 0) for field in _COUNTS),
        *(_total(", ", field.name, f" {field.label}", pl.col(field.name) > 0) for field in _FLAGS),
        _total(", shown ", "shown", "", cut),
    )
    return pl.concat_str(
        pl.lit("#"),
        pl.col("id"),
        _with(" ", "name"),
        _with(" @ ", "affiliation"),
        pl.when(several).then(pl.lit(" | ") + counts).otherwise(pl.lit("")),
        _with(" | topics: ", "topics"),
    )
