"""Tells how far a bucket's run is: at every look to whoever watches, now and then to the log and the page."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from summarizer_assets.bucket_run.route import Route
from summarizer_assets.bucket_run.tally import Tally
from summarizer_assets.core.progress import Progress, Rate


@dataclass(frozen=True)
class Audience:
    """`report` hears every `every_s` seconds and when an outage begins or ends; `watch` at every look.

    `warn` hears what there is to know of the model, once.
    """

    report: Callable[[Progress], None]
    watch: Callable[[Progress], None]
    every_s: float
    warn: Callable[[str], None]


class Reporter:
    """Of one run. `log` hears at once how the provider is asked differently."""

    def __init__(self, bucket: str, tally: Tally, route: Route, audience: Audience, log: Callable[[str], None]) -> None:
        self._bucket = bucket
        self._tally = tally
        self._route = route
        self._audience = audience
        self._log = log
        self._reported_at = time.monotonic()
        self._rate = Rate(self._reported_at)
        self._replayed = tally.answered + tally.failed  # of a dead run: nobody waited for them now
        self._waited = False
        self._warned = 0

    def look(self) -> None:
        now, route = time.monotonic(), self._route.progress()
        for change in route.changes:
            self._log(change)
        for notice in route.notices[self._warned :]:
            self._audience.warn(notice)
            self._warned += 1
        done, failed = self._tally.answered, self._tally.failed
        rate = self._rate(now, done + failed - self._replayed)
        progress = Progress(self._bucket, done, failed, self._tally.open, rate, route.spent, route.waits)
        self._audience.watch(progress)
        before, self._waited = self._waited, route.waits is not None
        if now - self._reported_at >= self._audience.every_s or before is not self._waited:
            self._reported_at = now
            self._audience.report(progress)
