"""The money of one request under way."""

from types import TracebackType
from typing import Protocol, Self

from summarizer_assets.core.money import Usage


class Till(Protocol):
    """Where a hold ends. Amounts and costs in nano-dollars."""

    def cost(self, usage: Usage) -> int: ...

    def book(self, amount: int, cost: int, usage: Usage, *, wasted: bool) -> None:
        """A request that held `amount` was answered."""
        ...

    def doubt(self, amount: int) -> None:
        """Nobody knows what became of a request that held `amount`."""
        ...

    def put_back(self, amount: int, cost: int) -> None:
        """A request that held `amount` ended, and `cost` of it is gone."""
        ...


class PaidHold:
    """What one request may cost, held of a purse (see `Hold`). Settled once; what is told after that is not heard."""

    __slots__ = ("_amount", "_completion", "_prompt", "_purse", "_settled")

    def __init__(self, purse: Till, amount: int, prompt: int, completion: int) -> None:
        self._purse = purse
        self._amount = amount
        self._prompt = prompt
        self._completion = completion
        self._settled = False

    def spent(self, usage: Usage, *, wasted: bool = False) -> None:
        if self._settled:
            return
        self._settled = True
        if not usage.believable(self._prompt, self._completion):  # all that was held, at the tier of the reply
            usage = Usage(self._prompt, self._completion, tier=usage.tier)
        self._purse.book(self._amount, self._purse.cost(usage), usage, wasted=wasted)

    def free(self) -> None:
        if not self._settled:
            self._settled = True
            self._purse.put_back(self._amount, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if not self._settled:
            self._settled = True
            self._purse.doubt(self._amount)
