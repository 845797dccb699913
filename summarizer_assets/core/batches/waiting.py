"""What waits in batch jobs under way, of one bucket or of all: what a person is told about them."""

from dataclasses import dataclass, field
from typing import Final

from summarizer_assets.core.batches.states import JobState
from summarizer_assets.core.display_text import duration, number_of, usd
from summarizer_assets.core.money.amounts import dollars

#: States in which the next step is the provider's; all others wait for a run.
_AT_THE_PROVIDER: Final = frozenset({JobState.CREATING, JobState.OPEN})


@dataclass(frozen=True)
class Waiting:
    """Sums over live jobs.

    `for_us`: jobs whose next step only a run can take. `reserve`: nano-dollars that they hold. `oldest_at`,
    `expires_at`: when the oldest was planned, and when the first of them expires at the provider, in epoch seconds;
    None: there is none, or nobody knows.
    """

    jobs: int = 0
    requests: int = 0
    authors: int = 0
    for_us: int = 0
    reserve: int = 0
    oldest_at: float | None = None
    expires_at: float | None = None
    states: frozenset[JobState] = field(default_factory=frozenset)

    @classmethod
    def of(
        cls, state: JobState, *, requests: int, authors: int, reserve: int, planned_at: float, expires_at: float | None
    ) -> "Waiting":
        """Of one live job."""
        for_us = int(state not in _AT_THE_PROVIDER)
        return cls(1, requests, authors, for_us, reserve, planned_at, expires_at, frozenset({state}))

    def __add__(self, other: "Waiting") -> "Waiting":
        return Waiting(
            self.jobs + other.jobs,
            self.requests + other.requests,
            self.authors + other.authors,
            self.for_us + other.for_us,
            self.reserve + other.reserve,
            _first(self.oldest_at, other.oldest_at),
            _first(self.expires_at, other.expires_at),
            self.states | other.states,
        )

    @property
    def wants_a_run(self) -> bool:
        """Whether a run may have the next step.

        It also reads the whole list of jobs, which a sensor's tick may not: one that nobody heard of may be far down.
        """
        return self.for_us > 0 or JobState.CREATING in self.states

    @property
    def can_go_on(self) -> bool:
        """Whether a run now would surely bring something: a job ended, or none is at the provider."""
        return JobState.ENDED in self.states or bool(self.jobs and not self.states & _AT_THE_PROVIDER)

    def words(self, now: float) -> str:
        """All but the authors, in one phrase; `now`: in epoch seconds."""
        parts = [f"{number_of(self.jobs, 'batch job')} of {number_of(self.requests, 'request')}"]
        if self.oldest_at is not None:
            parts.append(f"the oldest {duration(max(0.0, now - self.oldest_at))} old")
        if self.expires_at is not None:
            left = self.expires_at - now
            until = f"expires in {duration(left)}" if left > 0 else f"expired {duration(-left)} ago"
            parts.append(f"the first {until}")
        if self.reserve:
            parts.append(f"{usd(dollars(self.reserve))} reserved")
        return ", ".join(parts)


def _first(one: float | None, other: float | None) -> float | None:
    return min((at for at in (one, other) if at is not None), default=None)
