"""The dialect of a CSV file: delimiter, quotes, escapes, line ends and width, and its description for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

#: What a backslash means. `text`: itself. `quote`: it escapes only `\"` in quotes, as R writes. `quoted`: `\"` and `\\`
#: in quotes, as Spark writes. `all`: it escapes a delimiter, quote, line end or backslash after it, as MySQL and
#: Python write. `letters`: the same, and `\n`, `\t`, `\r`, as Postgres' text format writes.
Escape = Literal["text", "quote", "quoted", "all", "letters"]

DELIMITERS = (b",", b";", b"\t", b"|", b"\x01", b"~", b"^", b" ")
#: Delimiters with which quotes may be text. Texts contain the other delimiters, so their values are quoted.
MAY_BE_BARE = (b"\t", b"|", b"\x01", b"~", b"^")
_SWAP = bytes.maketrans(b"\r\n", b"\n\r")
_NAMES = {b",": "comma", b";": "semicolon", b"\t": "tab", b"|": "bar", b"\x01": "\\x01", b" ": "space"}
_ESCAPES = {
    "text": "",
    "quote": ' escaped as \\"',
    "quoted": ' escaped as \\"',
    "all": ", escapes by backslash",
    "letters": ", escapes by backslash and letter",
}


@dataclass(frozen=True)
class Dialect:
    """How a file separates its rows and their fields.

    Attributes:
        delimiter: one byte.
        quote: one byte; None if quotes are text.
        escape: what a backslash means.
        cr: whether lines end with a lone carriage return.
        width: number of fields per row.
    """

    delimiter: bytes
    quote: bytes | None = b'"'
    escape: Escape = "text"
    cr: bool = False
    width: int = 0

    def with_lf(self, text: bytes) -> bytes:
        """The text with LF as line end; if lines end with CR, the two are swapped, so an LF in a value becomes CR."""
        return text.translate(_SWAP) if self.cr else text

    def words(self) -> str:
        delimiter = _NAMES.get(self.delimiter, self.delimiter.decode())
        quotes = "quotes are text" if self.quote is None else f"quotes {self.quote.decode()}"
        ends = ", lines end with CR" if self.cr else ""
        return f"delimiter {delimiter}, {quotes}{_ESCAPES[self.escape]}{ends}"


def unique_names(names: Sequence[str]) -> list[str]:
    """The header's names made unique: a second `title` becomes `title_duplicated_0`, as in polars."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        count = seen.get(name)
        seen[name] = 0 if count is None else count + 1
        result.append(name if count is None else f"{name}_duplicated_{count}")
    return result
