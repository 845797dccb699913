"""How much is held for a request: what its body allows, and more once replies were billed beyond what theirs allow.

A model may think beyond the bound of its answer, and a provider may put words of its own before the prompt. Nobody can
know that before the first reply tells it; from then on requests are held by what was seen.
"""

from dataclasses import dataclass
from typing import Final

_WHOLE: Final = 1000  # thousandths
#: The largest of n values lies below what is possible. Taken so much larger, divided by n, it does so once in fifty.
_MARGIN: Final = 4


@dataclass(frozen=True, slots=True)
class Excess:
    """What replies were billed, against the most that their requests allow.

    `worst`: of one reply, in thousandths, rounded up. `replies`: how many were looked at.
    """

    worst: int = 0
    replies: int = 0

    def after(self, cost: int, bound: int) -> "Excess":
        """With one reply more, that cost `cost` where its request allowed `bound`."""
        told = -(-cost * _WHOLE // bound) if bound else _WHOLE
        return Excess(max(self.worst, told), self.replies + 1)

    def __or__(self, other: "Excess") -> "Excess":
        """What both know; some replies may have been seen by both."""
        return Excess(max(self.worst, other.worst), max(self.replies, other.replies))

    @property
    def beyond(self) -> bool:
        return self.worst > _WHOLE

    @property
    def times(self) -> int:
        """Thousandths of its bound that are held for a request."""
        if not self.beyond:
            return _WHOLE
        return self.worst + -(-self.worst * _MARGIN // max(1, self.replies))

    def held(self, amount: int) -> int:
        """What is held where `amount` is allowed; of tokens as of money."""
        return -(-amount * self.times // _WHOLE)


NOTHING_SEEN: Final = Excess()


def shown_times(thousandths: int) -> str:
    """A factor as a person reads it."""
    return f"{thousandths / _WHOLE:.3g}"
