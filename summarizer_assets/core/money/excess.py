"""How much is held for a request: what its body allows, and more once replies were billed beyond what theirs allow.

A model may think beyond the bound of its answer, and a provider may put words of its own before the prompt. Nobody can
know that before the first reply tells it. From then on a request is held by the worst that was seen. The next may be
worse still: so those that go side by side are held by a little more, and are no more than replies were seen.
"""

from dataclasses import dataclass
from typing import Final

_WHOLE: Final = 1000  # thousandths
#: The largest of n values is below the largest there can be. Made larger by this part of n, it is so once in fifty.
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
    def most_at_once(self) -> int | None:
        """Requests; None: as many as there is money for."""
        return max(1, self.replies) if self.beyond else None

    def seen(self, amount: int) -> int:
        """What may be billed where `amount` is allowed, by the worst so far; of tokens as of money."""
        return -(-amount * max(_WHOLE, self.worst) // _WHOLE)

    def held(self, amount: int, requests: int) -> int:
        """What is held for so many requests that allow `amount` in all."""
        if not self.beyond or requests <= 1:
            return self.seen(amount)
        return self.seen(amount) + -(-self.seen(amount) * _MARGIN // max(1, self.replies))


NOTHING_SEEN: Final = Excess()


def shown_times(thousandths: int) -> str:
    """A factor as a person reads it."""
    return f"{thousandths / _WHOLE:.3g}"
