"""Reservation for a request: what its body allows, and more once replies were billed beyond what their requests allow.

A model may reason beyond its output limit, and a provider may add a prompt of its own, which only the first reply
shows. From then on requests are reserved by the worst excess seen. The next may be worse, so concurrent requests are
reserved with a margin, and there are no more of them than replies were seen.
"""

from dataclasses import dataclass
from typing import Final

_WHOLE: Final = 1000  # thousandths
#: The largest of n samples underestimates the maximum; enlarged by this divided by n, it does so once in fifty times.
_MARGIN: Final = 4


@dataclass(frozen=True, slots=True)
class Excess:
    """The ratio of what replies were billed to the most that their requests allow.

    `worst`: the highest ratio, in thousandths, rounded up. `replies`: number of replies seen.
    """

    worst: int = 0
    replies: int = 0

    def after(self, cost: int, bound: int) -> "Excess":
        """The excess after one more reply that cost `cost` and whose request allowed `bound`."""
        told = -(-cost * _WHOLE // bound) if bound else _WHOLE
        return Excess(max(self.worst, told), self.replies + 1)

    def __or__(self, other: "Excess") -> "Excess":
        """The union of both; some replies may have been seen by both."""
        return Excess(max(self.worst, other.worst), max(self.replies, other.replies))

    @property
    def beyond(self) -> bool:
        return self.worst > _WHOLE

    @property
    def most_at_once(self) -> int | None:
        """The most concurrent requests; None if only the money limits them."""
        return max(1, self.replies) if self.beyond else None

    def seen(self, amount: int) -> int:
        """What may be billed if `amount` (tokens or money) is allowed, by the worst ratio so far."""
        return -(-amount * max(_WHOLE, self.worst) // _WHOLE)

    def held(self, amount: int, requests: int) -> int:
        """What to reserve for `requests` that allow `amount` in total."""
        if not self.beyond or requests <= 1:
            return self.seen(amount)
        return self.seen(amount) + -(-self.seen(amount) * _MARGIN // max(1, self.replies))


NOTHING_SEEN: Final = Excess()


def shown_times(thousandths: int) -> str:
    """A factor formatted for a person."""
    return f"{thousandths / _WHOLE:.3g}"
