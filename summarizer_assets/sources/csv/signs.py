"""What speaks for or against one reading of a text's quotes and backslashes."""

import re
from collections import Counter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from summarizer_assets.sources.csv.dialect import Dialect
from summarizer_assets.sources.csv.escapes import Marks

Sign = Literal[
    "in quotes",  # values that stand in quotes
    "empty quotes",  # fields that are two quotes
    "doubled",  # pairs of quotes within one
    "comma in quotes",  # values with a comma and no other cause for quotes
    "comma outside",  # commas that stand in no quotes
    "needless quotes",  # values without a cause for quotes
    "escaped in quotes",  # backslashes before a quote, within quotes
    "lone in quotes",  # backslashes in quotes that are half of no escape
    "lone",  # the same anywhere, but for `\N` and `\0`
    "no letter",  # the same before what is no letter of an escape
    "letter",  # the same before one
    "null",  # fields that are `\N`
    "pair",  # two backslashes or more, in different words: see `pairs`
    "pair outside",  # two where no quotes are
    "escaped quote",  # a backslash before a quote
    "escaped end",  # a backslash before a delimiter or line end
]

#: As many of a sign leave no doubt.
SURE = 5


def signs(text: bytes, plain: bytes, marks: Marks | None, dialect: Dialect) -> Counter[Sign]:
    """Count them.

    Args:
        text: whole rows.
        plain: the same with its escapes hidden, and without quotes that are text.
        marks: what they are hidden by.
        dialect: the reading.
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
    """The words before and after each two backslashes or more: those that a flat table repeats are no new evidence."""
    stop = re.compile(rb"[\\\n" + re.escape(delimiter) + rb"]")
    # Begins with what a search finds at once: words before it in the pattern would be tried at every byte.
    hits = (hit.span() for hit in re.finditer(rb"\\\\(?:\\\\)*", text))
    return {
        (stop.split(text[max(start - 8, 0) : start])[-1], stop.split(text[end : end + 8])[0]) for start, end in hits
    }


def places(data: NDArray[np.uint8], quote: bytes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The places of the quotes, and of each byte whether it stands outside of quotes."""
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
