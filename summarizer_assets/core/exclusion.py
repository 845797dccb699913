"""The list of people never to be sent: which ids it names, and which lines only nearly name an author.

A line is an id as it stands, whatever it begins with. So one that begins with `#` is a comment, unless somebody's id
is just that text: then it is the id, for who asked not to be sent must be left out whichever way it is read.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from decimal import Decimal

import polars as pl

from summarizer_assets.core.formats import number_of
from summarizer_assets.core.quality.verdict import Verdict

_COMMENT = "#"
_PLAIN = re.compile(r"[1-9][0-9]*", re.ASCII)
_GROUPED = re.compile(r"\d{1,3}(?:[ ,.'_\u00a0\u202f]\d{3})+", re.ASCII)
_FLOAT = re.compile(r"\d{1,40}\.0*|\d(?:\.\d+)?e\+?\d{1,2}", re.ASCII | re.IGNORECASE)
_QUOTES = " \t\"'`\u201c\u201d\u2018\u2019"


def lines_of(text: str) -> dict[str, int]:
    """Each id of the list, and its first line."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            found.setdefault(line.strip(), number)
    return found


def named(lines: Mapping[str, int]) -> list[str]:
    """The ids without those that are comments, unless somebody has such an id."""
    return [line for line in lines if not line.startswith(_COMMENT)]


def nearly_named(authors: pl.Series, lines: Mapping[str, int]) -> dict[str, str]:
    """Authors who are not on the list as it is written, but would be by a line written otherwise: which one."""
    readings = {form: line for line in reversed(named(lines)) for form in _forms(line)}
    if not readings:
        return {}
    low = authors.str.to_lowercase()
    keys = pl.DataFrame({"id": authors, "low": low, "bare": low.str.strip_chars_start("0")})
    wanted = pl.Series(sorted(readings), dtype=pl.String).implode()
    hits = keys.filter(pl.col("low").is_in(wanted) | pl.col("bare").is_in(wanted))
    return {
        author: readings[low if low in readings else bare]
        for author, low, bare in hits.iter_rows()
        if author not in lines
    }


def _forms(line: str) -> Iterator[str]:
    """In small letters, and numbers without zeros in front."""
    if _PLAIN.fullmatch(line):
        yield line
        return
    bare = unicodedata.normalize("NFKC", line).strip(_QUOTES + ",;|").casefold()
    first = re.split(r"[,;|\t]|\s#", bare)[0].strip(_QUOTES)
    written = [bare, first, first.rstrip("/").rpartition("/")[2]]  # a row of a table, an address that ends in the id
    if _GROUPED.fullmatch(bare):
        written = [bare, re.sub(r"\D", "", bare)]
    for text in written:
        number = str(int(Decimal(text))) if _FLOAT.fullmatch(text) and Decimal(text) % 1 == 0 else text
        yield from filter(None, (text, number, number.lstrip("0")))


def exclusion_verdict(listed: int, known: int) -> Verdict:
    """`known`: of the `listed` ids, those of authors in the table."""
    facts = {"excluded_ids": listed, "excluded_authors": known}
    if not listed:
        return Verdict(holds=True, text="SUMMARIZER_EXCLUDE names nobody.", facts=facts)
    if known:
        return Verdict(holds=True, text=f"{known:,} of {listed:,} ids in SUMMARIZER_EXCLUDE are authors.", facts=facts)
    return Verdict(
        holds=False,
        text=f"SUMMARIZER_EXCLUDE lists {number_of(listed, 'id')}, and none is an author's: nobody is left out. "
        "Compare them with `author_id` in `authors`; where all are of other people, all is well.",
        facts=facts,
    )
