"""What the ids of a file look like, so that the rest of a torn row is not taken for a person."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_USUAL = 3


@dataclass(frozen=True)
class IdShape:
    """The characters of a file's ids.

    Attributes:
        place: which field the id is, from 0.
        kinds: of characters in ids: `d` a digit, `a` a letter, a blank any space, others as they are; None: ids are
            like any text, so that nothing can be told by them.
    """

    place: int
    kinds: frozenset[str] | None = None

    @classmethod
    def of(cls, place: int, ids: Iterable[bytes]) -> "IdShape":
        """The kinds of characters that more than two ids have, or the most: pieces of torn rows are among them, too."""
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
        """The same, or it is empty: that is no stranger."""
        return self.is_like(text) or not kinds_of(text)


def kinds_of(text: bytes) -> frozenset[str]:
    value = text.decode(errors="replace").strip(" \t\r\"'")
    return frozenset("d" if c.isdigit() else "a" if c.isalpha() else " " if c.isspace() else c for c in value)
