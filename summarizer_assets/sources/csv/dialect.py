"""How one CSV file is written: delimiter, quotes, escapes, line ends, columns; and its words for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

#: What a backslash means. `text`: nothing. `quote`: only `\"` in quotes, as R writes. `quoted`: `\"` and `\\` in
#: quotes, as Spark writes. `all`: takes the meaning from a delimiter, quote, line end or backslash after it, as MySQL
#: and Python write. `letters`: that, and `\n`, `\t`, `\r`, as Postgres' text form writes.
Escape = Literal["text", "quote", "quoted", "all", "letters"]

DELIMITERS = (b",", b";", b"\t", b"|", b"\x01", b"~", b"^", b" ")
#: Where quotes may be text: others quote values that hold their delimiter, as texts do.
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
    """How the rows of a file are told apart, and their fields.

    Attributes:
        delimiter: one byte.
        quote: one byte; None: quotes are text.
        escape: what a backslash means.
        cr: lines end with a lone carriage return.
        width: fields of a row.
    """

    delimiter: bytes
    quote: bytes | None = b'"'
    escape: Escape = "text"
    cr: bool = False
    width: int = 0

    def with_lf(self, text: bytes) -> bytes:
        """The text with its line ends as LF; where they are CR, an LF of the text is a CR meanwhile."""
        return text.translate(_SWAP) if self.cr else text

    def words(self) -> str:
        delimiter = _NAMES.get(self.delimiter, self.delimiter.decode())
        quotes = "quotes are text" if self.quote is None else f"quotes {self.quote.decode()}"
        ends = ", lines end with CR" if self.cr else ""
        return f"delimiter {delimiter}, {quotes}{_ESCAPES[self.escape]}{ends}"


def unique_names(names: Sequence[str]) -> list[str]:
    """The header's names, each once: a second `title` is `title_duplicated_0`, as polars calls it."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        count = seen.get(name)
        seen[name] = 0 if count is None else count + 1
        result.append(name if count is None else f"{name}_duplicated_{count}")
    return result
