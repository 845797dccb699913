"""The money of one request under way."""

from types import TracebackType
from typing import Protocol, Self

from summarizer_assets.core.money.amounts import Usage


class Till(Protocol):
    """Where a hold ends. `bound`: what the request allows, in nano-dollars."""

    @property
    def solvent(self) -> bool:
        """Whether all that is held is reserved."""
        ...

    def book(self, bound: int, usage: Usage, *, wasted: bool, told: bool) -> None:
        """A request was answered."""
        ...

    def doubt(self, bound: int) -> None:
        """Nobody knows what became of a request."""
        ...

    def put_back(self, bound: int, cost: int) -> None:
        """A request ended, and `cost` of what was held for it is gone."""
        ...


class PaidHold:
    """What one request may cost, held of a purse (see `Hold`). Settled once; what is told after that is not heard."""

    __slots__ = ("_bound", "_purse", "_settled")

    def __init__(self, purse: Till, bound: int) -> None:
        self._purse = purse
        self._bound = bound
        self._settled = False

    @property
    def covered(self) -> bool:
        return self._purse.solvent

    def spent(self, usage: Usage, *, wasted: bool = False, told: bool = True) -> None:
        if not self._settled:
            self._settled = True
            self._purse.book(self._bound, usage, wasted=wasted, told=told)

    def free(self) -> None:
        if not self._settled:
            self._settled = True
            self._purse.put_back(self._bound, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if not self._settled:
            self._settled = True
            self._purse.doubt(self._bound)
