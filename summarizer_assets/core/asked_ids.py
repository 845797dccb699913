"""Whom a row of an answer means: the id as it was asked, or in other clothes where nobody else can be meant."""

import json
from collections.abc import Collection

_LARGEST_EXACT_INTEGER = 2**53 - 1  # beyond it a server that reads numbers as doubles may have named a neighbour
_PAIRS = frozenset(('""', "''", "``", "\u201c\u201d", "\u2018\u2019", "\u00ab\u00bb", "[]", "()", "<>", "{}"))
_LAYERS = 6  # `#`, quotes, brackets, each perhaps twice


class AskedIds:
    """The ids of one request."""

    def __init__(self, asked: Collection[str]) -> None:
        self._asked = asked
        self._bare: dict[str, str | None] | None = None

    def meant(self, given: object) -> str | None:
        """The id asked for that a row names, None where it names none, or where two could be meant.

        A string or an integer that no reader can have rounded. An exact echo is always that id. Else blanks, the `#`
        of the record, quotes, brackets and escapes of JSON are taken off on both sides.
        """
        if isinstance(given, int) and not isinstance(given, bool) and abs(given) <= _LARGEST_EXACT_INTEGER:
            given = str(given)
        if not isinstance(given, str):
            return None
        if given in self._asked:
            return given
        if self._bare is None:
            self._bare = {}
            for asked in self._asked:
                bare = _undressed(asked)
                self._bare[bare] = None if bare in self._bare else asked
        return self._bare.get(_undressed(given))


def _undressed(text: str) -> str:
    for _ in range(_LAYERS):
        before, text = text, text.strip().removeprefix("#")
        if text[:1] + text[-1:] in _PAIRS and len(text) > 2:  # noqa: PLR2004 - a pair around something
            text = text[1:-1]
        if "\\" in text:
            text = _unescaped(text)
        if text == before:
            break
    return text


def _unescaped(text: str) -> str:
    try:
        found = json.loads(f'"{text}"', strict=False)
    except ValueError:
        return text
    return found if isinstance(found, str) else text
