"""Tells how far a bucket's run is: at every look to whoever watches, now and then to the log and the page."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from summarizer_assets.bucket_run.engine import Engine
from summarizer_assets.bucket_run.results import Outcomes
from summarizer_assets.core.progress import Progress, Rate

_OUTAGE = "they wait: the provider is out, tried once in a while"


def _nobody(_: object) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Audience:
    """`report` hears every `every_s` seconds and when an outage begins or ends; `watch` at every look.

    `warn` hears what there is to know of the model, once.
    """

    report: Callable[[Progress], None] = _nobody
    watch: Callable[[Progress], None] = _nobody
    every_s: float = 30.0
    warn: Callable[[str], None] = _nobody


NOBODY_LISTENS = Audience()


class Reporter:
    """Of one run. `log` hears at once how the provider is asked differently."""

    def __init__(
        self, bucket: str, outcomes: Outcomes, engine: Engine, audience: Audience, log: Callable[[str], None]
    ) -> None:
        self._bucket = bucket
        self._outcomes = outcomes
        self._engine = engine
        self._audience = audience
        self._log = log
        self._reported_at = time.monotonic()
        self._rate = Rate(self._reported_at)
        self._replayed = outcomes.answered_count + outcomes.failed_count  # of a dead run: nobody waited for them now
        self._out = False
        self._warned = 0

    def look(self) -> None:
        now = time.monotonic()
        self._engine.asker.adapting.tell(self._log)
        for notice in self._engine.client.counters.notices[self._warned :]:
            self._audience.warn(notice)
            self._warned += 1
        progress = self._progress(now)
        self._audience.watch(progress)
        before, self._out = self._out, self._engine.client.breaker.open
        if now - self._reported_at >= self._audience.every_s or before is not self._out:
            self._reported_at = now
            self._audience.report(progress)

    def _progress(self, now: float) -> Progress:
        done, failed = self._outcomes.answered_count, self._outcomes.failed_count
        out = self._engine.client.breaker.open
        spending = self._engine.client.purse.spending
        return Progress(
            self._bucket,
            done,
            failed,
            self._outcomes.open_count(),
            self._rate(now, done + failed - self._replayed),
            None if spending is None else spending.spent,
            _OUTAGE if out else None,
        )
