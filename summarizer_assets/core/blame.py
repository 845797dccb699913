"""Who is to blame for a request that failed: its authors, or what all requests share (provider, account, settings)?

**A refusal** seldom says so, and a wrong guess is dear: authors are failed for good, or a run stops for one odd title.
So it is not guessed. **An author is charged only when refused twice, and after each time somebody was answered whose
request went out later**: the account, the configuration and the server were well then. Until that is so a refusal is
*open*. A request that went out before it came proves nothing: it may have been let in before the account's end. The
second time is for what passes by itself, as a wall that lets nobody through for a moment; it is asked for once the
first refusal is explained.

Where no such answer comes by itself, one is brought about. When several authors would have to be at fault in the same
words (or the first, before anything was answered at all), or when nobody else is left to be asked, nothing more goes
out but a *control*: the record of a harmless author who does not exist. If it is answered, the authors were to blame.
If it is refused too, they were not, and the run stops.

**No answer** after all tries (a server error, a timeout, a broken connection) is *undecided* until anybody is answered,
whatever the answer says: the provider is there, so the authors are to blame. In an outage the undecided are asked
again, uncharged; they are suspected too when nothing but a probe was answered since the last outage.

Order is all that counts here; there is no clock.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_PATIENCE: Final = 5  # authors at fault in the same words, after which it is looked into
_AT_FIRST: Final = 1  # the same, before anything was answered


@dataclass(frozen=True)
class Open(Generic[T]):
    """A refusal that is not explained yet.

    Attributes:
        words: equal for refusals in the same words.
        authors: of the refused request, by position.
        came: its place in the order of events.
        case: what is to be charged; None: nothing, for the request is asked again in parts.
        second: its author was refused before, and others answered in between.
    """

    words: str
    authors: frozenset[int]
    came: int
    case: T | None
    second: bool


@dataclass(frozen=True)
class Cleared(Generic[T]):
    """What an answer explains: who is to be charged, and who is to be asked for the second time."""

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
        """A request goes out; its place in the order of events, to be told with its answer."""
        self._order += 1
        return self._order

    def refused(self, words: str, authors: Collection[int], case: T | None, *, second: bool = False) -> None:
        """A request for `authors` was refused. A part of one that was refused before explains that one, too."""
        self._order += 1
        part = frozenset(authors)
        whole = next((one for one in self._open if one.words == words and one.authors > part), None)
        if whole is not None:
            self._open.remove(whole)
        self._open.append(Open(words, part, self._order, case, second))

    def answered(self, begun: int) -> Cleared[T]:
        """A request that went out at `begun` was answered: what came before it was not the fault of all."""
        self._answered = True
        found: Cleared[T] = Cleared([], [])
        for one in self._open:
            if one.came < begun and one.case is not None:
                (found.charged if one.second else found.again).append(one.case)
        self._open = [one for one in self._open if one.came >= begun]
        return found

    def vindicated(self, words: str) -> None:
        """A control was answered: refusals in these words are the authors', and believed to be for longer."""
        self._patience[words] = 2 * max(_PATIENCE, self._patience.get(words, 0))

    @property
    def suspicious(self) -> str | None:
        """The words in which too many were refused with nothing answered since; None: there are none."""
        usual = _PATIENCE if self._answered else _AT_FIRST
        for words in dict.fromkeys(one.words for one in self._open):
            if self._culprits(words) >= self._patience.get(words, usual):
                return words
        return None

    @property
    def open(self) -> list[Open[T]]:
        """Oldest first."""
        return list(self._open)

    def heard(self) -> list[T]:
        """The provider said something to anybody, be it a refusal: the undecided are to be charged."""
        self.answers += 1
        return self.take_undecided()

    def take_undecided(self) -> list[T]:
        undecided, self.undecided = self.undecided, []
        return undecided

    def outage_began(self) -> tuple[list[T], bool]:
        """The undecided, who are to be asked again; and whether they are suspected as well as the provider."""
        return self.take_undecided(), self._answers_before_outage == self.answers

    def outage_ended(self) -> None:
        """By the answer that is about to be told to `heard`."""
        self._answers_before_outage = self.answers + 1

    def _culprits(self, words: str) -> int:
        """Authors who would have to be at fault: no two refusals are of the same one (see `refused`)."""
        return sum(one.words == words for one in self._open)
