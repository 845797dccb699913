"""Parsing of lists that a tool wrote as text: JSON, Python, numpy, Postgres, DuckDB, Spark, R."""

import re

import msgspec
import polars as pl

_WRAPPERS = (
    re.compile(r"\[(.*)\]", re.DOTALL),  # JSON, Python, numpy, DuckDB, Spark
    re.compile(r"\{(.*)\}", re.DOTALL),  # Postgres, a Python set
    re.compile(r"\((.*)\)", re.DOTALL),  # a Python tuple
)
#: Type names that Python, R and Scala write before a list's brackets.
_NAMES = "array|c|deque|frozenset|set|tuple|Array|ArrayBuffer|ArraySeq|HashSet|List|Seq|Set|Vector|WrappedArray"
_NAMED = re.compile(rf"(?:{_NAMES})\((.*?)(?:,\s*dtype=[^)]*)?\)", re.DOTALL)
#: Matches a trimmed text that is a list, or was one before it was cut off; any other text lists topics by separators.
LIST = (
    "(?s)^(?:"
    + "|".join(
        (
            r"\[.*\]",
            r"""\[\s*["'].*""",
            r"\{.*\}",
            r'"\[.*\]"',
            r"""\(\s*["'].*\)""",
            rf"""(?:{_NAMES})\(\s*["'\[{{].*\)""",
            rf"(?:{_NAMES.replace('|c|', '|')})\([^()]*\)",
        )
    )
    + ")$"
)
_QUOTED = r"[bBuU]?(?:'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\")"
_ITEM = re.compile(rf"\s*(?:({_QUOTED})|([^\s,'\"\[\]{{}}](?:[^,\"\[\]{{}}]*[^\s,\"\[\]{{}}])?))", re.DOTALL)
_COMMA = re.compile(r"\s*,")
_BLANK = re.compile(r"\s+(?=['\"])")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)|''|\"\"", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_JSON = msgspec.json.Decoder(list[str | int | float | bool | None] | str)


def lists_in_texts(texts: pl.Series) -> pl.Series:
    """The list of texts in each text; null if it cannot be parsed."""
    return pl.Series(
        texts.name, [None if text is None else list_in(text) for text in texts], dtype=pl.List(pl.String), strict=True
    )


def list_in(text: str) -> list[str | None] | None:
    """The items of the list in a text; None if it is not a list, or an abbreviated one (`...`)."""
    try:
        items = _JSON.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return _scanned(text.strip())
    if isinstance(items, str):  # encoded as JSON twice
        return _scanned(items.strip()) if not items.startswith('"') else None
    return [item if item is None or isinstance(item, str) else msgspec.json.encode(item).decode() for item in items]


def _scanned(text: str) -> list[str | None] | None:
    named = _NAMED.fullmatch(text)
    if named is not None:
        text = named[1].strip()
        text = text if text.startswith(("[", "{")) else f"({text})"
    inside = next((found[1] for wrapper in _WRAPPERS if (found := wrapper.fullmatch(text))), None)
    if inside is None or not _is_one(inside):
        return None
    items: list[str | None] = []
    at, separators = 0, set[str]()
    while inside[at:].strip():
        item = _ITEM.match(inside, at)
        if item is None or item[2] == "..." or (item[2] or "").startswith("... "):
            return None
        items.append(item[2] if item[1] is None else _unquoted(item[1]))
        at = item.end()
        if not inside[at:].strip():
            break
        # numpy separates quoted items by blanks only; in Python such literals would be one text.
        between = _COMMA.match(inside, at) or _BLANK.match(inside, at)
        if between is None:
            return None
        separators.add("," if "," in between[0] else " ")
        at = between.end()
    return items if len(separators) < 2 else None  # noqa: PLR2004 - of one kind


def _is_one(inside: str) -> bool:
    """Whether all brackets in it are balanced: `(a) and (b)` is not a list in brackets."""
    depth = 0
    for mark in re.findall(r"[()]", re.sub(_QUOTED, "", inside)):
        depth += 1 if mark == "(" else -1
        if depth < 0:
            return False
    return True


def _unquoted(quoted: str) -> str:
    quoted = quoted.lstrip("bBuU")
    quote = quoted[0]

    def meant(found: re.Match[str]) -> str:
        escape = found[1]
        if escape is None:
            return quote if found[0] == quote * 2 else found[0]
        if len(escape) > 1:
            return chr(int(escape[1:], 16))
        return _LETTERS.get(escape, escape)

    # Two surrogate escapes form one character.
    return _ESCAPE.sub(meant, quoted[1:-1]).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
