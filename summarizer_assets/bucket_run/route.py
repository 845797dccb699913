"""The seam between a bucket's run and a way of asking its authors.

Requests that are answered while the run waits for them are one route (`online`); a provider's batch job can be another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from summarizer_assets.core.answers.usage import Told
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.money.spending import Spending
from summarizer_assets.core.outcome import Stop
from summarizer_assets.llm.reply import Counters


@dataclass
class AskCounts:
    """Counts of one run. Tokens are those that replies told, usable or not."""

    requests: int = 0
    splits: int = 0
    asked_again: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    adapted: str = ""  # how the provider is asked, where not as at first

    def add(self, told: Told | Usage | None) -> None:
        """What a reply told that it used."""
        if told is not None:
            self.prompt_tokens += told.prompt_tokens or 0
            self.completion_tokens += told.completion_tokens or 0


@dataclass(frozen=True)
class RouteProgress:
    """A route at one moment.

    `spent`: nano-dollars of this run; None: no price is known. `waits`: why nothing moves now; None: something does.
    `notices`: what there is to know of the model, all so far. `changes`: what changed in the way of asking since the
    last call.
    """

    spent: int | None
    waits: str | None
    notices: Sequence[str]
    changes: Sequence[str]


@dataclass(frozen=True)
class RouteTotals:
    """What a route did so far. `spending` None: no price is known."""

    asked: AskCounts = field(default_factory=AskCounts)
    sent: Counters = field(default_factory=Counters)
    spending: Spending | None = field(default_factory=Spending)


class Route(Protocol):
    """Asks for authors of one run and reports each to its `results.Outcomes`, from a thread of its own if it likes.

    Before each request it calls the claim's `check`, which raises when the run may pay for no more.
    """

    def start(self) -> None:
        """Begin. Returns when the route can be told to stop."""
        ...

    def stop(self, why: Stop | None) -> None:
        """Ask nobody else; what is in flight has a moment to be answered. Can be repeated; does nothing after the end.

        None: end at once. What is in flight is lost, and the route has ended when this returns.
        """
        ...

    def join(self) -> Stop | None:
        """Wait for the end; why not all authors have an outcome.

        Raises:
            Exception: a defect. Errors of the provider are outcomes or stops.
        """
        ...

    def progress(self) -> RouteProgress: ...

    def totals(self) -> RouteTotals: ...
