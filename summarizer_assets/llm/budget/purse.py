"""Money for requests: what one may cost is held before it is sent, and what it cost is booked when its reply is there.

`Purse` is all that the client knows of it. `FreePurse` is for providers that bill nothing, and for a price that nobody
knows; what keeps a budget is `leased_purse.py`.
"""

from types import TracebackType
from typing import Final, Protocol, Self

from summarizer_assets.core.answers.usage import estimated_usage
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.money.spending import Booking, Grant, Spending, Wish


class BudgetReached(Exception):
    """The next request might cross the budget, and nothing under way can make room: stop the run, charge nobody."""

    cause: Final = "budget"


class Till(Protocol):
    """Where a hold ends. `bound`: what the request allows, in nano-dollars."""

    @property
    def solvent(self) -> bool:
        """Whether all that is held is reserved."""

    def book(self, bound: int, usage: Usage, *, wasted: bool, told: bool) -> None:
        """A request was answered."""

    def doubt(self, bound: int) -> None:
        """Nobody knows what became of a request."""

    def put_back(self, bound: int, cost: int) -> None:
        """A request ended, and `cost` of what was held for it is gone."""


class Hold:
    """Money set aside for one request, used as a `with` block around its sending.

    A block left with neither `spent` nor `free` called books all of it as uncertain: the request may have been billed.
    Settled once; what is told after that is not heard.

    Args:
        purse: None: the request costs nothing.
        bound: what it may cost, in nano-dollars.
    """

    __slots__ = ("_bound", "_purse")

    def __init__(self, purse: Till | None = None, bound: int = 0) -> None:
        self._purse = purse
        self._bound = bound

    @property
    def covered(self) -> bool:
        """Whether it is still enough, asked just before sending; if not, it is to be freed and held anew."""
        return self._purse is None or self._purse.solvent

    def spent(self, usage: Usage, *, wasted: bool = False, told: bool = True) -> None:
        """The provider answered, and bills.

        Args:
            usage: what the reply told, also beyond what was held, or what is `assumed` where it told nothing.
            wasted: no summary came of it.
            told: by the reply; what is only assumed teaches nothing about other requests.
        """
        if (purse := self._settle()) is not None:
            purse.book(self._bound, usage, wasted=wasted, told=told)

    def free(self) -> None:
        """Nothing was billed: not sent, or refused with an error."""
        if (purse := self._settle()) is not None:
            purse.put_back(self._bound, 0)

    def _settle(self) -> Till | None:
        purse, self._purse = self._purse, None
        return purse

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if (purse := self._settle()) is not None:
            purse.doubt(self._bound)


NOTHING: Final = Hold()


class Purse(Protocol):
    """One run's money. Lives in one event loop."""

    async def hold(self, prompt_tokens_at_most: int, completion_tokens_at_most: int) -> Hold:
        """Set aside what a request may cost at most; waits while others' settling may make room.

        The bytes of its body bound the tokens of its prompt.

        Raises:
            BudgetReached: no room, and none to come.
        """

    def assumed(self, prompt_bytes: int, reply_bytes: int, most_output_tokens: int) -> Usage:
        """What a request is taken to have used whose reply tells nothing.

        All that is held; where no budget is to be kept, an estimate from its length.
        """

    def stop(self) -> None:
        """Nobody waits any more: every `hold`, waiting or to come, returns at once, so that its caller can end."""

    @property
    def spending(self) -> Spending | None:
        """What was spent so far; None when nobody knows the price."""

    async def aclose(self) -> None:
        """Book what is settled, give back the rest; holds still open are booked as uncertain. May be called twice."""


class Account(Protocol):
    """The ledger as one run sees it. Called from threads, one call at a time."""

    @property
    def lease_s(self) -> float:
        """The reserve is lost when it is not renewed for so long."""

    def settle(self, booking: Booking, wish: Wish, cap: int | None) -> Grant:
        """Book, and reserve the wish's floor and the grant's extra; see `storage.state_db.ledger.RunAccount`."""


class FreePurse:
    """Holds nothing.

    Args:
        spending: what to tell: nothing spent, or None where the price is not known.
    """

    def __init__(self, spending: Spending | None = None) -> None:
        self.spending = spending

    async def hold(self, prompt_tokens_at_most: int, completion_tokens_at_most: int) -> Hold:  # noqa: ARG002 - `Purse`
        return NOTHING

    def assumed(self, prompt_bytes: int, reply_bytes: int, most_output_tokens: int) -> Usage:  # noqa: ARG002 - `Purse`
        return estimated_usage(prompt_bytes, reply_bytes)

    def stop(self) -> None:
        pass

    async def aclose(self) -> None:
        pass
