"""Which summaries a person should look at first, and the words of each that are in doubt.

The order: the gravest flag of the text (`Flag.doubt`), then the least support, then the author's id. Summaries without
a flag of the text are not in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import polars as pl

from summarizer_assets.core.judging.flags import Flag
from summarizer_assets.core.judging.judge import is_comparable
from summarizer_assets.core.judging.marks import marks_of
from summarizer_assets.core.judging.terms import RecordTerms, SummaryTerms
from summarizer_assets.core.judging.words import fold, words_of

_DOUBT: Final = {str(flag): flag.doubt for flag in Flag if flag.doubt is not None}
_CLAIMS: Final = (Flag.GRAVE_CLAIM, Flag.CLAIM_ABOUT_PERSON)


def doubtful(rows: pl.DataFrame) -> pl.DataFrame:
    """Those of `rows` (flags and more) that have a flag of the text, with their gravest in the column `doubt`."""
    of_each = pl.element().replace_strict(_DOUBT, default=None, return_dtype=pl.Int8)
    flagged = rows.filter(pl.col("flags").list.len() > 0)
    return flagged.with_columns(doubt=pl.col("flags").list.eval(of_each).list.min()).drop_nulls("doubt")


def most_doubtful(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    """At most `number` of `rows` (doubt, support, author_id and more), the most doubtful first.

    Those of a table are those of its parts' own, put together and chosen again.
    """
    return rows.sort("doubt", "support", "author_id", nulls_last=True).head(number)


def doubted_words(author_name: str, record: str, summary: str) -> dict[Flag, list[str]]:
    """The words of a summary that are in doubt, by the flag that each raises.

    Args:
        author_name: as the record shows it.
        record: as it was rendered for the model.
        summary: one paragraph in NFC. The words are as `core.judging.words.fold` writes them.
    """
    text, terms = SummaryTerms(summary), RecordTerms(author_name, record)
    return marks_of(text, terms, comparable=is_comparable(text, terms))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text; `doubted`: it is among the words in doubt."""

    text: str
    doubted: bool = False


def pieces(summary: str, doubted: Mapping[Flag, Sequence[str]]) -> list[Piece]:
    """The summary in pieces that give it back when joined; those in doubt are the words of `doubted`, where they stand.

    Two in a row are one piece, with the blank between them.
    """
    folded = [fold(sign) for sign in summary]
    plain = "".join(folded)
    # Where each sign of the summary begins in the folded text, which may be longer ("ß") or shorter (a lone accent).
    starts = [0, *accumulate(map(len, folded))]
    inside = [False] * len(plain)
    for flag, words in doubted.items():
        for word in words:
            for start, end in _places(plain, word, goes_on=flag in _CLAIMS):
                inside[start:end] = [True] * (end - start)
    for at in range(1, len(plain) - 1):
        if plain[at] == " " and inside[at - 1] and inside[at + 1]:
            inside[at] = True
    found: list[Piece] = []
    for at, sign in enumerate(summary):
        # A sign that folds to nothing belongs to the one before it.
        mark = any(inside[starts[at] : starts[at + 1]]) if folded[at] else bool(found) and found[-1].doubted
        if found and found[-1].doubted is mark:
            found[-1] = Piece(found[-1].text + sign, mark)
        else:
            found.append(Piece(sign, mark))
    return found


def _places(plain: str, word: str, *, goes_on: bool) -> Iterator[tuple[int, int]]:
    """Start and end of each place where a word, or some in a row, stands whole.

    `goes_on`: it may go on to its last word's end, since a claim is found by a beginning ("won the award").
    """
    at = plain.find(word)
    while at >= 0:
        end = at + len(word)
        while goes_on and _is_of_a_word(plain[end : end + 1]):
            end += 1
        if not _is_of_a_word(plain[max(0, at - 1) : at]) and not _is_of_a_word(plain[end : end + 1]):
            yield at, end
        at = plain.find(word, end)


def _is_of_a_word(sign: str) -> bool:
    return sign.isalnum() and bool(words_of(sign))  # for phrases, and for words: the two know other separators
