"""JSON read the slow and exact way: nothing that a fast parser refuses or glosses over gets lost or raises oddly.

Lone surrogates, raw controls inside strings and NaN are kept for the caller to judge; keys given twice stay visible.
"""

import json
from typing import Final


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
        return {key: _plain(value) for key, value in self.pairs}


def _plain(value: object) -> object:
    if isinstance(value, Object):
        return value.plain()
    return [_plain(item) for item in value] if isinstance(value, list) else value


def parse(text: str) -> object:
    """The document, its objects as `Object`.

    Raises:
        NotJsonError: with what is wrong and where, without quoting the text.
    """
    try:
        parsed: object = json.loads(text, strict=False, object_pairs_hook=Object, parse_constant=_not_a_number)
    except RecursionError:
        raise NotJsonError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise NotJsonError(f"{error.msg} at character {error.pos} of {len(text)}") from None
    except ValueError as error:  # an integer of thousands of digits
        raise NotJsonError(str(error)) from None
    return parsed


def _not_a_number(_name: str) -> NotANumber:
    return NotANumber()
