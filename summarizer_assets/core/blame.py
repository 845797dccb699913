"""Attribution of failed requests: to their authors, or to what all requests share (provider, account, settings).

**A refusal** seldom shows its cause, and a wrong guess is costly: authors fail permanently, or one odd title stops a
run. So nothing is guessed. **An author is charged only after two refusals, each followed by an answer to a request that
was sent later**, which proves that account, configuration and server were working. Until then a refusal is *open*. An
answer to a request sent before the refusal proves nothing, because it may have been admitted before the account was
blocked. The second refusal is required because some causes pass, such as a firewall that blocks everybody for a moment;
the second request is made once the first refusal is explained.

If no such answer arrives, one is provoked. When several authors would have to be at fault with the same message (or the
first one, before any answer), or when nobody else is left to ask, only a *control* is sent: the record of a harmless,
fictitious author. If it is answered, the authors are to blame; if it is refused, too, they are not, and the run stops.

**No response** after all retries (a server error, a timeout, a broken connection) is *undecided* until the provider
responds to any request, whatever the response: then it is reachable, and the authors are to blame. In an outage the
undecided authors are asked again without being charged; they are also suspected if only a probe was answered since the
last outage.

Only the order of events counts; there is no clock.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_PATIENCE: Final = 5  # authors refused with the same message, after which a control is sent
_AT_FIRST: Final = 1  # the same, before any answer


@dataclass(frozen=True)
class Open(Generic[T]):
    """A refusal that is not explained yet.

    Attributes:
        words: key of the message, equal for refusals with the same message.
        authors: positions of the refused request's authors.
        came: its position in the order of events.
        case: what is charged; None if nothing is, because the request is repeated in parts.
        second: whether its author was refused before, with answers to others in between.
    """

    words: str
    authors: frozenset[int]
    came: int
    case: T | None
    second: bool


@dataclass(frozen=True)
class Cleared(Generic[T]):
    """What an answer explains: the cases to charge, and the cases to ask a second time."""

    charged: list[T]
    again: list[T]


class Blame(Generic[T]):
    """The open refusals and the undecided cases of one run."""

    def __init__(self) -> None:
        self.answers = 0
        self.undecided: list[T] = []
        self._answers_before_outage: int | None = None
        self._order = 0
        self._open: list[Open[T]] = []
        self._patience: dict[str, int] = {}
        self._answered = False

    def begin(self) -> int:
        """Record that a request is sent; return its position in the order of events, for `answered`."""
        self._order += 1
        return self._order

    def refused(self, words: str, authors: Collection[int], case: T | None, *, second: bool = False) -> None:
        """Record a refused request for `authors`. A refused part of an earlier request explains that one, too."""
        self._order += 1
        part = frozenset(authors)
        whole = next((one for one in self._open if one.words == words and one.authors > part), None)
        if whole is not None:
            self._open.remove(whole)
        self._open.append(Open(words, part, self._order, case, second))

    def answered(self, begun: int) -> Cleared[T]:
        """Record the answer to a request sent at `begun`: refusals before it were not caused by what all share."""
        self._answered = True
        found: Cleared[T] = Cleared([], [])
        for one in self._open:
            if one.came < begun and one.case is not None:
                (found.charged if one.second else found.again).append(one.case)
        self._open = [one for one in self._open if one.came >= begun]
        return found

    def vindicated(self, words: str) -> None:
        """Record an answered control: refusals with this message are the authors', also for a while after."""
        self._patience[words] = 2 * max(_PATIENCE, self._patience.get(words, 0))

    @property
    def suspicious(self) -> str | None:
        """The message with which too many authors were refused without an answer since; None if there is none."""
        usual = _PATIENCE if self._answered else _AT_FIRST
        for words in dict.fromkeys(one.words for one in self._open):
            if self._culprits(words) >= self._patience.get(words, usual):
                return words
        return None

    @property
    def open(self) -> list[Open[T]]:
        """The open refusals, oldest first."""
        return list(self._open)

    def heard(self) -> list[T]:
        """Record any response of the provider, even a refusal; return the undecided cases, which are to be charged."""
        self.answers += 1
        return self.take_undecided()

    def take_undecided(self) -> list[T]:
        undecided, self.undecided = self.undecided, []
        return undecided

    def outage_began(self) -> tuple[list[T], bool]:
        """The undecided cases, which are to be asked again, and whether they are suspected besides the provider."""
        return self.take_undecided(), self._answers_before_outage == self.answers

    def outage_ended(self) -> None:
        """Record the end of an outage, by the answer that is passed to `heard` next."""
        self._answers_before_outage = self.answers + 1

    def _culprits(self, words: str) -> int:
        """The number of authors who would have to be at fault; each has at most one open refusal (see `refused`)."""
        return sum(one.words == words for one in self._open)
