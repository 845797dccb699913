"""Ranking of doubtful summaries for review, and the doubtful words of each.

The order: the most serious flag of the text (`Flag.doubt`), then the lowest support, then the author's id. Summaries
without a flag of the text are left out.
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
    """Rows (with `flags`) that have a flag of the text, with the most serious one in the column `doubt`."""
    of_each = pl.element().replace_strict(_DOUBT, default=None, return_dtype=pl.Int8)
    flagged = rows.filter(pl.col("flags").list.len() > 0)
    return flagged.with_columns(doubt=pl.col("flags").list.eval(of_each).list.min()).drop_nulls("doubt")


def most_doubtful(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    """At most `number` of `rows` (doubt, support, author_id and more), the most doubtful first.

    Choosing again from the choices of all parts gives the choice of the whole table.
    """
    return rows.sort("doubt", "support", "author_id", nulls_last=True).head(number)


def doubted_words(author_name: str, record: str, summary: str) -> dict[Flag, list[str]]:
    """The doubtful words of a summary, by flag, folded by `core.judging.words.fold`.

    Args:
        author_name: the name as shown in the record.
        record: the record as rendered for the model.
        summary: one paragraph in NFC.
    """
    terms = RecordTerms(author_name, record)
    text = SummaryTerms(summary, terms)
    return marks_of(text, terms, comparable=is_comparable(text, terms))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text; `doubted`: whether it is doubtful."""

    text: str
    doubted: bool = False


def pieces(summary: str, doubted: Mapping[Flag, Sequence[str]]) -> list[Piece]:
    """Split the summary into pieces, so that the words of `doubted` are marked wherever they occur.

    Joined, the pieces give the summary. Adjacent doubtful words form one piece, with the blank between them.
    """
    if not any(doubted.values()):
        return [Piece(summary)] if summary else []
    folded = [fold(sign) for sign in summary]
    plain = "".join(folded)
    # The start of each character in the folded text, which may be longer ("ß") or shorter (a lone accent).
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
        # A character that folds to nothing belongs to the one before it.
        mark = any(inside[starts[at] : starts[at + 1]]) if folded[at] else bool(found) and found[-1].doubted
        if found and found[-1].doubted is mark:
            found[-1] = Piece(found[-1].text + sign, mark)
        else:
            found.append(Piece(sign, mark))
    return found


def _places(plain: str, word: str, *, goes_on: bool) -> Iterator[tuple[int, int]]:
    """Start and end of each occurrence of a whole word or phrase.

    `goes_on`: extend the match to the end of its last word, because claims match beginnings ("won the award").
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
    return sign.isalnum() and bool(words_of(sign))  # for phrases and for words, which have different separators
