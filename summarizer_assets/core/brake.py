"""When a run that gets nothing usable ends, from what became of its answers. Pure.

An answer is judged when it says something of one author: it was accepted, its text was refused, or the author was
asked for alone and the reply could not be used. A reply that as a whole cannot be used says nothing of the authors of
a group, for halves of the group may do better. So after a few such replies, or half of the refusals that end it, the
run is in doubt: it sends little at a time, and asks for some authors alone, which settles it within few requests.

Each refusal raises a score by one and each acceptance lowers it by nine, not below zero. A run whose score reaches its
bound has met a stretch of that many answers with less than a tenth of them accepted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import blake2b
from typing import Final, Generic, TypeVar

T = TypeVar("T")

#: The cause of the stop, as the run's record keeps it.
UNUSABLE: Final = "unusable"

_WORTH: Final = 9  # refusals that one acceptance outweighs
_OF_ONE_REPLY: Final = 8  # refusals that count: one reply may be an accident, three are none
_FEWEST: Final = 24
_MOST: Final = 100
_WONDER: Final = 20  # a streak as long as this over the share accepted so far comes by chance once in e**20
_AT_THE_END: Final = 4  # judged, and none accepted: a smaller bucket is too little to tell

_DOUBT_AT_FIRST: Final = 6  # replies without an accepted answer
_DOUBT_LATER: Final = 8
_IN_DOUBT_IN_FLIGHT: Final = 4
_UNTRIED_IN_FLIGHT: Final = 12


class Trust(Enum):
    """What the last run with the same model, prompt and settings showed of them, whatever its bucket."""

    UNTRIED = "nobody knows"
    PROVEN = "it brought summaries"
    DISTRUSTED = "nothing usable came, less than an hour ago"


@dataclass(frozen=True, slots=True)
class Course:
    """What became of a run's answers so far.

    `judged` is all of them, `refused` those that count. `fruitless`: replies since the last accepted answer.
    """

    trust: Trust = Trust.UNTRIED
    accepted: int = 0
    judged: int = 0
    refused: int = 0
    score: int = 0
    fruitless: int = 0

    def after(self, accepted: int, refused: int) -> "Course":
        """One more reply, of whose authors so many were judged; none, where it says nothing of any."""
        counted = min(refused, _OF_ONE_REPLY)
        return replace(
            self,
            accepted=self.accepted + accepted,
            judged=self.judged + accepted + refused,
            refused=self.refused + counted,
            score=max(0, self.score + counted - _WORTH * accepted),
            fruitless=0 if accepted else self.fruitless + 1,
        )

    @property
    def bound(self) -> int:
        """The score at which the run ends: lower, the more was accepted before, for then less is left to chance."""
        if self.accepted:
            return min(_MOST, max(_FEWEST, _WONDER * (self.accepted + self.refused) // self.accepted))
        return 2 if self.trust is Trust.DISTRUSTED else _FEWEST

    @property
    def hopeless(self) -> bool:
        return self.score >= self.bound

    @property
    def hopeless_at_the_end(self) -> bool:
        """Whether a run that has nobody left to ask got nothing, too few though they were for the bound."""
        return not self.accepted and self.trust is not Trust.PROVEN and self.judged >= min(_AT_THE_END, self.bound)

    @property
    def doubtful(self) -> bool:
        if 2 * self.score >= self.bound or (self.trust is Trust.DISTRUSTED and not self.accepted):
            return True
        return self.fruitless >= (_DOUBT_LATER if self.accepted else _DOUBT_AT_FIRST)

    @property
    def in_flight(self) -> int | None:
        """The most requests at once; None: as many as the settings allow."""
        if self.doubtful:  # and no more than the refusals that would still end it
            return max(1, min(_IN_DOUBT_IN_FLIGHT, self.bound - self.score))
        untried = not self.accepted and self.trust is Trust.UNTRIED
        return _UNTRIED_IN_FLIGHT if untried else None

    def alone(self, authors: int, asked_alone: int) -> int:
        """How many of a group's authors are to be asked alone, when so many are already: half as many as would do."""
        wanted = min(_FEWEST // 2, self.bound) - asked_alone if self.doubtful and authors > 1 else 0
        return max(0, min(wanted, authors))


class InOrder(Generic[T]):
    """Puts what is heard of requests, numbered from 1, into the order in which they were made.

    A refusal is often quicker than a good answer. In the order of arrival, a run that begins with many requests would
    hear nothing but refusals first, and after a model turned bad good answers to older requests would hide it.
    """

    def __init__(self) -> None:
        self._next = 1
        self._heard: dict[int, list[T]] = {}

    @property
    def latest(self) -> int:
        """No request above it was heard of."""
        return max(self._heard, default=self._next - 1)

    def heard(self, number: int, *told: T) -> Iterator[tuple[int, T]]:
        """Take in what one reply tells, or nothing for a request without one; what is to be looked at now, in order.

        A request that is slow is waited for until so many later ones were heard as may end a run.
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
    """Of all that decides whether a model's answers can be used: another one when any of it changed."""
    return blake2b(repr(facts).encode(), digest_size=8).hexdigest()
