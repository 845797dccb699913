"""A slow, lenient and lossless JSON parser for text that a fast parser rejects or alters.

Lone surrogates, raw control characters in strings and NaN are kept for the caller; duplicate keys stay visible.
"""

import ast
import json
import re
from typing import Final

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN = re.compile(rf'{_STRING}|["{{}}\[\]]', re.DOTALL)
_TRAILING_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
_PYTHON_START = re.compile(r"[\[{\s]*\{\s*'")
_UNKNOWN_ESCAPE = re.compile(r"\\[^\\'\"abfnrtvxuUN0-7]")  # Python keeps it, and warns


class NotJsonError(ValueError):
    """The text is not a JSON document, or is nested too deeply for an answer."""


class NotANumber:
    """The value of `NaN`, `Infinity` and `-Infinity`, which matches no expected type."""


class Object:
    """A JSON object with all its keys in order, including duplicates."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        self.pairs: Final = pairs

    def all(self, key: str) -> list[object]:
        """All values under the key."""
        return [value for name, value in self.pairs if name == key]

    def plain(self) -> dict[str, object]:
        """The object as a dict, also nested ones; of a duplicate key the last value."""
        return {key: plain(value) for key, value in self.pairs}


def plain(value: object) -> object:
    """The value with its objects converted to dicts."""
    if isinstance(value, Object):
        return value.plain()
    return [plain(item) for item in value] if isinstance(value, list) else value


def _not_a_number(_name: str) -> NotANumber:
    return NotANumber()


_DECODER = json.JSONDecoder(object_pairs_hook=Object, parse_constant=_not_a_number, strict=False)


def parse(text: str) -> object:
    """Parse a document, with objects as `Object`.

    Raises:
        NotJsonError: says what is wrong and where, without quoting the text.
    """
    value, end = parse_at(text, len(text) - len(text.lstrip()))
    if text[end:].strip():
        raise NotJsonError(f"Extra data at character {end} of {len(text)}")
    return value


def parse_at(text: str, start: int) -> tuple[object, int]:
    """Parse the document that begins at `start`; return it and its end.

    Raises:
        NotJsonError: as for `parse`.
    """
    try:
        return _DECODER.raw_decode(text, start)
    except RecursionError:
        raise NotJsonError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise NotJsonError(f"{error.msg} at character {error.pos} of {len(text)}") from None
    except ValueError as error:  # an integer of thousands of digits
        raise NotJsonError(str(error)) from None


def end_of(text: str, start: int) -> int | None:
    """The end of the brackets that open at `start`, ignoring those in strings; None if they never close."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        match token[0]:
            case "{" | "[":
                depth += 1
            case "}" | "]":
                depth -= 1
                if depth == 0:
                    return token.end()
            case '"':  # a string that never ends
                return None
    return None


def without_trailing_commas(document: str) -> str:
    """The document without commas before a closing bracket, outside strings."""
    return _TRAILING_COMMA.sub(lambda match: match[1] or "", document)


def parse_python(text: str) -> object:
    """Parse a document in Python's notation, if `text` is exactly Python's `repr` of it.

    Raises:
        NotJsonError: it is not.
    """
    if _PYTHON_START.match(text) and not _UNKNOWN_ESCAPE.search(text):
        try:
            value = ast.literal_eval(text)
            if repr(value) == text:
                return parse(json.dumps(value))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            pass  # not a Python literal
    raise NotJsonError("neither JSON nor what Python prints")
