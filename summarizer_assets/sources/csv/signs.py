"""Evidence for or against a dialect: counts of patterns of quotes and backslashes in a CSV text."""

import re
from collections import Counter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from summarizer_assets.sources.csv.dialect import Dialect
from summarizer_assets.sources.csv.escapes import Marks

Sign = Literal[
    "in quotes",  # quoted values
    "empty quotes",  # fields that consist of two quotes
    "doubled",  # doubled quotes within a quoted value
    "comma in quotes",  # quoted values with a comma and no other reason for quotes
    "comma outside",  # commas outside quotes
    "needless quotes",  # quoted values without a reason for quotes
    "escaped in quotes",  # backslashes before a quote, within quotes
    "lone in quotes",  # backslashes in quotes that belong to no escape
    "lone",  # the same anywhere, except `\N` and `\0`
    "no letter",  # the same before a character that is no letter of an escape
    "letter",  # the same before a letter of an escape
    "null",  # fields that consist of `\N`
    "pair",  # two or more backslashes, between distinct words: see `pairs`
    "pair outside",  # two backslashes outside quotes
    "escaped quote",  # a backslash before a quote
    "escaped end",  # a backslash before a delimiter or line end
]

#: This many occurrences of a sign are conclusive.
SURE = 5


def signs(text: bytes, plain: bytes, marks: Marks | None, dialect: Dialect) -> Counter[Sign]:
    """Count the signs in whole rows.

    Args:
        text: the rows as written.
        plain: the same with escapes hidden and without quotes that are text.
        marks: the marks that hide the escapes.
        dialect: the dialect to judge.
    """
    data = np.frombuffer(plain, np.uint8)
    found: Counter[Sign] = Counter()
    outside = np.ones(data.size, np.bool_)
    if dialect.quote is not None and dialect.quote in plain:
        quotes, outside = places(data, dialect.quote)
        found.update(_of_quotes(data, quotes))
        found["comma outside"] = int(np.count_nonzero((data == ord(",")) & outside))
    if b"\\" not in text:
        return found
    found.update(_of_backslashes(data, outside))
    delimiter, quote = dialect.delimiter, dialect.quote or b'"'
    d = re.escape(delimiter)
    found["null"] = len(re.findall(rb"(?<![^" + d + rb"\n])\\N(?=" + d + rb"|\r?\n)", plain))
    found["escaped quote"] = text.count(b"\\" + quote)
    found["escaped end"] = text.count(b"\\" + delimiter) + text.count(b"\\\n")
    if marks is not None:
        found["pair outside"] = _outside(plain, 2 * marks.backslash, dialect)
        found["escaped in quotes"] = plain.count(2 * marks.quote) - _outside(plain, 2 * marks.quote, dialect)
    return found


def pairs(text: bytes, delimiter: bytes) -> set[tuple[bytes, bytes]]:
    """The words around each run of two or more backslashes, each once: repeats in a flat table are no new evidence."""
    stop = re.compile(rb"[\\\n" + re.escape(delimiter) + rb"]")
    # The pattern begins with backslashes, which a search finds at once; a leading word would be tried at every byte.
    hits = (hit.span() for hit in re.finditer(rb"\\\\(?:\\\\)*", text))
    return {
        (stop.split(text[max(start - 8, 0) : start])[-1], stop.split(text[end : end + 8])[0]) for start, end in hits
    }


def places(data: NDArray[np.uint8], quote: bytes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The positions of the quotes, and for each byte whether it is outside quotes."""
    quotes = np.flatnonzero(data == quote[0])
    stretches = np.diff(quotes, prepend=0, append=data.size)
    return quotes, np.repeat((np.arange(stretches.size) & 1) == 0, stretches)


def _of_quotes(data: NDArray[np.uint8], quotes: NDArray[np.int64]) -> Counter[Sign]:
    quotes = quotes[: quotes.size // 2 * 2]
    if not quotes.size:
        return Counter()
    openers, closers = quotes[0::2], quotes[1::2]
    doubled = openers[1:] == closers[:-1] + 1
    filled = closers > openers + 1
    alone = ~np.concatenate(([False], doubled)) & ~np.concatenate((doubled, [False])) & filled
    comma = np.add.reduceat((data == ord(",")).view(np.uint8), quotes, dtype=np.uint32)[0::2] > 0
    needs = np.add.reduceat(np.isin(data, list(b"\r\n\t")).view(np.uint8), quotes, dtype=np.uint32)[0::2] > 0
    edges = np.isin(data[openers + 1], list(b" #")) | (data[closers - 1] == ord(" "))
    return Counter(
        {
            "in quotes": int(np.count_nonzero(filled)),
            "empty quotes": int(np.count_nonzero(~filled)),
            "doubled": int(np.count_nonzero(doubled)),
            "comma in quotes": int(np.count_nonzero(alone & comma)),
            "needless quotes": int(np.count_nonzero(alone & ~comma & ~needs & ~edges)),
        }
    )


def _of_backslashes(data: NDArray[np.uint8], outside: NDArray[np.bool_]) -> Counter[Sign]:
    lone = np.flatnonzero(data == ord("\\"))
    after = data[np.minimum(lone + 1, data.size - 1)]

    def before(bytes_: bytes) -> int:
        return int(np.count_nonzero(np.isin(after, list(bytes_))))

    return Counter(
        {
            "lone in quotes": int(np.count_nonzero(~outside[lone])),
            "lone": lone.size - before(b"N0\n\r"),
            "no letter": lone.size - before(b"N01234567xnrtbfv.\n\r"),
            "letter": before(b"nrtbfv"),
        }
    )


def _outside(plain: bytes, what: bytes, dialect: Dialect) -> int:
    if dialect.quote is None or dialect.quote not in plain:
        return plain.count(what)
    return b"".join(plain.split(dialect.quote)[0::2]).count(what)
