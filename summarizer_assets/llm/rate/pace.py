"""What the client asks of whoever decides when to send. `pacer.py` has the one that is used."""

from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self


class Reservation(Protocol):
    """A place in flight and an amount of tokens, given back by leaving the `with` block, whatever happens in it."""

    def settle(self, tokens: int) -> None:
        """The request cost `tokens` in truth; without a call it cost the estimate."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class Pace(Protocol):
    """When the next request may go."""

    async def reserve(self, tokens: int) -> Reservation:
        """Wait for the turn of a request of about `tokens` tokens."""
        ...

    def throttled(self, wait_s: float | None, sent_at: float, random: float) -> float:
        """A request sent at `sent_at` (loop time) was throttled: hold everything back; returns the seconds to come.

        `wait_s` is what the provider asked for, None when it said nothing; `random` in [0, 1) spreads the own wait.
        """
        ...

    def succeeded(self) -> None:
        """A request was served."""
        ...

    def failed(self) -> None:
        """A try ended in a fault of the server's or of the way to it."""
        ...

    def restart(self) -> None:
        """An outage ended: begin slowly again."""
        ...

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take announced limits from a reply's headers, where none are given."""
        ...

    def stop(self) -> None:
        """Nobody waits any more: every `reserve`, waiting or to come, returns at once, so that its caller can end."""
        ...

    async def aclose(self) -> None:
        """Give back what is leased and was not used."""
        ...

    @property
    def cooldown_s(self) -> float:
        """Seconds for which everything was held back so far."""
        ...
