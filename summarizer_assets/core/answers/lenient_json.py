"""JSON read the slow and exact way: nothing that a fast parser refuses or glosses over gets lost or raises oddly.

Lone surrogates, raw controls inside strings and NaN are kept for the caller to judge; keys given twice stay visible.
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
    """The text is no JSON document, or one too deep to be an answer."""


class NotANumber:
    """What `NaN`, `Infinity` and `-Infinity` become: of no type that anyone asks for."""


class Object:
    """A JSON object with all its keys, in order, those given twice too."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        self.pairs: Final = pairs

    def all(self, key: str) -> list[object]:
        """Every value given under the key."""
        return [value for name, value in self.pairs if name == key]

    def plain(self) -> dict[str, object]:
        """As a dict, nested objects too; of a key given twice the last value."""
        return {key: plain(value) for key, value in self.pairs}


def plain(value: object) -> object:
    """The value with dicts for its objects."""
    if isinstance(value, Object):
        return value.plain()
    return [plain(item) for item in value] if isinstance(value, list) else value


def _not_a_number(_name: str) -> NotANumber:
    return NotANumber()


_DECODER = json.JSONDecoder(object_pairs_hook=Object, parse_constant=_not_a_number, strict=False)


def parse(text: str) -> object:
    """The document, its objects as `Object`.

    Raises:
        NotJsonError: with what is wrong and where, without quoting the text.
    """
    value, end = parse_at(text, len(text) - len(text.lstrip()))
    if text[end:].strip():
        raise NotJsonError(f"Extra data at character {end} of {len(text)}")
    return value


def parse_at(text: str, start: int) -> tuple[object, int]:
    """The document that begins at `start`, and where it ends.

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
    """Where the brackets close that open at `start`, those within strings left out; None: never."""
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
    """The document without the commas that stand before a closing bracket, outside of strings."""
    return _TRAILING_COMMA.sub(lambda match: match[1] or "", document)


def parse_python(text: str) -> object:
    """The document, where `text` is exactly what Python prints for it: no other value is printed so.

    Raises:
        NotJsonError: it is not.
    """
    if _PYTHON_START.match(text) and not _UNKNOWN_ESCAPE.search(text):
        try:
            value = ast.literal_eval(text)
            if repr(value) == text:
                return parse(json.dumps(value))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            pass  # no literal of Python's
    raise NotJsonError("neither JSON nor what Python prints")
