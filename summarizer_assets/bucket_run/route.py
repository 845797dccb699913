"""The interface between a bucket's run and a way to have its authors asked.

Requests that the run waits for are one route (`online`); a provider's batch job can be another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

from summarizer_assets.core.answers.usage import Told
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.money.spending import Spending
from summarizer_assets.core.outcome import Answer, Failed, Stop
from summarizer_assets.llm.reply import Counters
from summarizer_assets.storage.state_db.batch_jobs import JobRow


@dataclass
class AskCounts:
    """Counts of one run. Tokens are those that replies told, usable or not."""

    requests: int = 0
    splits: int = 0
    asked_again: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    adapted: str = ""  # how the provider is asked, where not as at first

    def __add__(self, other: Self) -> Self:
        """Of two parts of one run; the form is the first one's."""
        return replace(
            self,
            requests=self.requests + other.requests,
            splits=self.splits + other.splits,
            asked_again=self.asked_again + other.asked_again,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )

    def add(self, told: Told | Usage | None) -> None:
        """What a reply told that it used."""
        if told is not None:
            self.prompt_tokens += told.prompt_tokens or 0
            self.completion_tokens += told.completion_tokens or 0


@dataclass(frozen=True)
class RouteProgress:
    """The state of a route at one moment.

    `spent`: nano-dollars of this run; None: no price is known. `waits`: why no request is sent now; None: requests are
    sent. `notices`: all warnings about the model so far. `changes`: how the requests have changed since the last call.
    """

    spent: int | None
    waits: str | None
    notices: Sequence[str]
    changes: Sequence[str]


@dataclass(frozen=True)
class SecondTotals:
    """Of the authors `asked` by the second model it `answered` and `failed` so many. `stopped`: why not all."""

    model: str
    asked: int
    answered: int
    failed: int
    stopped: str | None


@dataclass(frozen=True)
class RouteTotals:
    """What a route has done so far.

    `spending`: None when no price is known. `chosen`: which way the requests went and why, where the run chose.
    `second`: None if it was not asked. `jobs`: batch jobs of the bucket that are still under way.
    """

    asked: AskCounts = field(default_factory=AskCounts)
    sent: Counters = field(default_factory=Counters)
    spending: Spending | None = field(default_factory=Spending)
    chosen: str = ""
    second: SecondTotals | None = None
    jobs: Sequence[JobRow] = ()


class Sink(Protocol):
    """Where a route's outcomes go. When a call returns, what it was told outlives the process."""

    def answered(self, answer: Answer) -> None: ...

    def failed(self, failures: Sequence[Failed]) -> None: ...

    def forgiven(self, failures: Sequence[Failed]) -> None:
        """They failed, and are not the cause."""
        ...


class Route(Protocol):
    """Asks for authors of one run and reports each outcome to the work's `results.Outcomes`, from any thread.

    Before each request it calls `check` of the work's claim, which raises when another run holds the bucket.
    """

    def start(self) -> None:
        """Begin to ask; return as soon as `stop` has an effect."""
        ...

    def stop(self, why: Stop | None) -> None:
        """Send no more requests; those in flight have a moment to be answered. Can be called again, also after the end.

        With None the route ends at once: requests in flight are lost, and the route has ended when this returns.
        """
        ...

    def join(self) -> Stop | None:
        """Wait for the end, and return why not all authors have an outcome; None if they have.

        Raises:
            Exception: a defect; an error of the provider is an outcome or a stop.
        """
        ...

    def committed(self) -> None:
        """Both tables hold all outcomes. Called once, after `join`; not if the run broke off before."""
        ...

    def progress(self) -> RouteProgress: ...

    def totals(self) -> RouteTotals: ...
