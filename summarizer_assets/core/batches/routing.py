"""Which way a run's requests are sent, online or by batch jobs, and when a job has taken too long."""

from dataclasses import dataclass
from typing import Final, Literal

Route = Literal["online", "batch", "auto"]
#: What a job takes besides the provider's window: it is sent, looked at and collected.
_AROUND_S: Final = 7_200.0


@dataclass(frozen=True, slots=True)
class Chosen:
    """`why`: in a sentence's rest, for a person."""

    batch: bool
    why: str

    @property
    def told(self) -> str:
        return f"{'by batch jobs' if self.batch else 'online'}: {self.why}"


@dataclass(frozen=True, slots=True)
class RouteRule:
    """What decides.

    `route`: as set; `auto` chooses for each run. `factor`: the price in a batch job as a part of the other; None: not
    known. `least`: requests that are worth a job. `window_s`: a job ends by then. `deadline_s`: how long an author may
    wait in jobs; None: for ever. `lacking`: why the provider cannot be asked by batch jobs at all; None: it can.
    """

    route: Route
    factor: float | None = None
    least: int = 1
    window_s: float = 86_400.0
    deadline_s: float | None = None
    lacking: str | None = None

    def choose(self, requests: int, waited_s: float = 0.0) -> Chosen:
        """The way of some requests.

        Args:
            requests: of the whole run.
            waited_s: how long the authors of these were in jobs before.
        """
        if self.route != "auto":
            return Chosen(self.route == "batch", f"SUMMARIZER_ROUTE={self.route}")
        late = self.deadline_s is not None and self.deadline_s - waited_s < self.window_s + _AROUND_S
        window, over = hours(self.window_s), f" after {hours(waited_s)} in jobs" if waited_s else ""
        against = (
            (self.lacking is not None, self.lacking or ""),
            (
                self.factor is None,
                "this provider's price of batch jobs is not known; SUMMARIZER_BATCH_FACTOR tells it",
            ),
            (self.factor is not None and self.factor >= 1, "batch jobs cost no less"),
            (late, f"a batch job may take {window}, and SUMMARIZER_DEADLINE_H leaves less{over}"),
            (
                requests < self.least,
                f"the number of requests, {requests:,}, is below SUMMARIZER_BATCH_MIN_REQUESTS={self.least}",
            ),
        )
        for applies, why in against:
            if applies:
                return Chosen(False, why)
        return Chosen(True, f"{requests:,} requests at {self.factor:g} of the price, within {window}")

    @property
    def may_batch(self) -> bool:
        """Whether some run may send batch jobs."""
        return self.choose(max(self.least, 1)).batch

    def overdue(self, since: float, now: float) -> bool:
        """Whether a job is to be ended whose authors are in jobs since then."""
        return self.deadline_s is not None and now - since >= self.deadline_s

    def drops_unsent(self, since: float, now: float) -> bool:
        """Whether a job that the provider has not got yet is given up, for its authors are to be asked online."""
        return self.route == "online" or (self.route == "auto" and self.overdue(since, now))


def hours(seconds: float) -> str:
    """As the settings give it."""
    return f"{seconds / 3_600:.3g} h"
