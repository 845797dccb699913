"""The exclusion list of people never to be sent: the ids it names, and lines that nearly match an author.

Each line is an id, unchanged. A line that begins with `#` is a comment unless an author has exactly that id; then it is
the id, because an opt-out must take effect in either reading.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from decimal import Decimal

import polars as pl

from summarizer_assets.core.display_text import number_of
from summarizer_assets.core.quality.verdict import Verdict

_COMMENT = "#"
_PLAIN = re.compile(r"[1-9][0-9]*", re.ASCII)
_GROUPED = re.compile(r"\d{1,3}(?:[ ,.'_\u00a0\u202f]\d{3})+", re.ASCII)
_FLOAT = re.compile(r"\d{1,40}\.0*|\d(?:\.\d+)?e\+?\d{1,2}", re.ASCII | re.IGNORECASE)
_QUOTES = " \t\"'`\u201c\u201d\u2018\u2019"


def lines_of(text: str) -> dict[str, int]:
    """Each id of the list with the number of its first line."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            found.setdefault(line.strip(), number)
    return found


def named(lines: Mapping[str, int]) -> list[str]:
    """The ids without lines that look like comments."""
    return [line for line in lines if not line.startswith(_COMMENT)]


def nearly_named(authors: pl.Series, lines: Mapping[str, int]) -> dict[str, str]:
    """Authors who are not on the list but match a line in another notation, mapped to that line."""
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
    """Notations of a line: in lower case, and numbers without leading zeros."""
    if _PLAIN.fullmatch(line):
        yield line
        return
    bare = unicodedata.normalize("NFKC", line).strip(_QUOTES + ",;|").casefold()
    first = re.split(r"[,;|\t]|\s#", bare)[0].strip(_QUOTES)
    written = [bare, first, first.rstrip("/").rpartition("/")[2]]  # a table row, a URL that ends in the id
    if _GROUPED.fullmatch(bare):
        written = [bare, re.sub(r"\D", "", bare)]
    for text in written:
        number = str(int(Decimal(text))) if _FLOAT.fullmatch(text) and Decimal(text) % 1 == 0 else text
        yield from filter(None, (text, number, number.lstrip("0")))


def exclusion_verdict(listed: int, known: int) -> Verdict:
    """The check's verdict; `known`: number of the `listed` ids that are authors in the table."""
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
