"""The quality circuit breaker: ends a run whose model gives almost no usable answers. Pure.

An answer is judged if it is informative about one author: it was accepted, its text was rejected, or the author was
asked alone and the reply was unusable. An unusable reply to a group is not informative about its authors, because
halves of the group may succeed. So after a few such replies, or half of the rejections that end a run, the run is in
doubt: it sends few requests at a time and asks some authors alone, which settles the question within few requests.

Each rejection raises a score by one, and each acceptance lowers it by nine, but not below zero. If the score reaches
its bound, the run has had a stretch of at least that many answers with less than a tenth accepted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from typing import Final, Generic, TypeVar

T = TypeVar("T")

#: The cause of the stop in the run's record.
UNUSABLE: Final = "unusable"

_WORTH: Final = 9  # rejections that one acceptance outweighs
_OF_ONE_REPLY: Final = 8  # the most rejections counted per reply: one reply may be an accident, three are not
_FEWEST: Final = 24
_MOST: Final = 100
_WONDER: Final = 20  # a streak of this length divided by the share accepted so far occurs by chance once in e**20
_AT_THE_END: Final = 4  # answers judged with none accepted; fewer are not conclusive

_DOUBT_AT_FIRST: Final = 6  # replies without an accepted answer
_DOUBT_LATER: Final = 8
_IN_DOUBT_IN_FLIGHT: Final = 4
_UNTRIED_IN_FLIGHT: Final = 12


class Trust(Enum):
    """The result of the last run with the same model, prompt and settings, in any bucket."""

    UNTRIED = "nobody knows"
    PROVEN = "it brought summaries"
    DISTRUSTED = "nothing usable came, less than an hour ago"


@dataclass(frozen=True, slots=True)
class Course:
    """Counts of a run's answers so far.

    `judged`: all judged answers. `refused`: rejections that count. `fruitless`: replies since the last accepted answer.
    """

    trust: Trust = Trust.UNTRIED
    accepted: int = 0
    judged: int = 0
    refused: int = 0
    score: int = 0
    fruitless: int = 0

    def after(self, accepted: int, refused: int) -> "Course":
        """The counts after one more reply with so many answers accepted and rejected; both 0 if none was judged."""
        counted = min(refused, _OF_ONE_REPLY)
        return Course(
            self.trust,
            accepted=self.accepted + accepted,
            judged=self.judged + accepted + refused,
            refused=self.refused + counted,
            score=max(0, self.score + counted - _WORTH * accepted),
            fruitless=0 if accepted else self.fruitless + 1,
        )

    @property
    def bound(self) -> int:
        """The score at which the run ends: lower, the more was accepted before, because chance then explains less."""
        if self.accepted:
            return min(_MOST, max(_FEWEST, _WONDER * (self.accepted + self.refused) // self.accepted))
        return 2 if self.trust is Trust.DISTRUSTED else _FEWEST

    @property
    def hopeless(self) -> bool:
        return self.score >= self.bound

    @property
    def hopeless_at_the_end(self) -> bool:
        """Whether a run that has asked everybody got no usable answer, although too few to reach the bound."""
        return not self.accepted and self.trust is not Trust.PROVEN and self.judged >= min(_AT_THE_END, self.bound)

    @property
    def doubtful(self) -> bool:
        if 2 * self.score >= self.bound or (self.trust is Trust.DISTRUSTED and not self.accepted):
            return True
        return self.fruitless >= (_DOUBT_LATER if self.accepted else _DOUBT_AT_FIRST)

    @property
    def in_flight(self) -> int | None:
        """The most requests in flight; None if only the settings limit them."""
        if self.doubtful:  # and no more than the rejections that are left until the end
            return max(1, min(_IN_DOUBT_IN_FLIGHT, self.bound - self.score))
        untried = not self.accepted and self.trust is Trust.UNTRIED
        return _UNTRIED_IN_FLIGHT if untried else None

    def alone(self, authors: int, asked_alone: int) -> int:
        """How many of a group's authors to ask alone, if `asked_alone` already are: half as many as would suffice."""
        wanted = min(_FEWEST // 2, self.bound) - asked_alone if self.doubtful and authors > 1 else 0
        return max(0, min(wanted, authors))


class InOrder(Generic[T]):
    """Reorders the results of requests, numbered from 1, into the order in which they were sent.

    A rejection is often faster than a good answer. In order of arrival, a run that begins with many requests would see
    only rejections first, and after a model degrades, good answers to older requests would hide it.
    """

    def __init__(self) -> None:
        self._next = 1
        self._heard: dict[int, list[T]] = {}

    @property
    def latest(self) -> int:
        """The highest request number with a result."""
        return max(self._heard, default=self._next - 1)

    def heard(self, number: int, *told: T) -> Iterator[tuple[int, T]]:
        """Add the results of one reply (none for a request without one); yield the results that are next in order.

        A slow request is waited for until as many later ones have results as may end a run.
        """
        if number < self._next:
            yield from ((number, one) for one in told)
            return
        self._heard.setdefault(number, []).extend(told)
        if len(self._heard) > _MOST:
            self._next = min(self._heard)
        while (ready := self._heard.pop(self._next, None)) is not None:
            self._next += 1
            yield from ((self._next - 1, one) for one in ready)


def fingerprint(facts: Sequence[object]) -> str:
    """A hash of everything that determines whether a model's answers are usable; any change gives another one."""
    return blake2b(repr(facts).encode(), digest_size=8).hexdigest()
