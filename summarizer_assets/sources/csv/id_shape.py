"""The characters that a file's ids consist of, so that a fragment of a broken row is not taken for an author."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_USUAL = 3


@dataclass(frozen=True)
class IdShape:
    """The characters of a file's ids.

    Attributes:
        place: index of the id's field, from 0.
        kinds: kinds of characters in ids: `d` a digit, `a` a letter, a blank any space, others as they are; None if
            ids look like any text and so distinguish nothing.
    """

    place: int
    kinds: frozenset[str] | None = None

    @classmethod
    def of(cls, place: int, ids: Iterable[bytes]) -> "IdShape":
        """Learn the kinds from `ids`, which may include fragments: kinds that more than two ids have, or the most."""
        seen = Counter(kinds for text in ids if (kinds := kinds_of(text)))
        usual = [kinds for kinds, times in seen.items() if times >= _USUAL or times == max(seen.values())]
        if not usual or any("d" not in kinds or " " in kinds for kinds in usual):
            return cls(place)
        return cls(place, frozenset().union(*usual))

    def is_like(self, text: bytes) -> bool:
        """Whether `text` looks like the other ids."""
        kinds = kinds_of(text)
        return self.kinds is None or ("d" in kinds and kinds <= self.kinds)

    def fits(self, text: bytes) -> bool:
        """Whether `text` is empty or looks like the other ids."""
        return self.is_like(text) or not kinds_of(text)


def kinds_of(text: bytes) -> frozenset[str]:
    value = text.decode(errors="replace").strip(" \t\r\"'")
    return frozenset("d" if c.isdigit() else "a" if c.isalpha() else " " if c.isspace() else c for c in value)
