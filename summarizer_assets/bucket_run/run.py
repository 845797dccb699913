"""One bucket end to end, without Dagster: pending -> groups -> requests -> answers -> a stream of changes.

It has three phases, which are functions of values: `work` (find out what there is to do, claim the bucket), `changes`
(ask), `settle` (count, and yield the last changes). A stop (a fatal error, an outage, SIGTERM) is a value that ends the
stream: both tables are still written with what is true, the rest stays pending, and only then may the caller raise.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Self

from summarizer_assets.bucket_run.changes import RouteTo, ask
from summarizer_assets.bucket_run.failure_table import failure_metadata
from summarizer_assets.bucket_run.newest_summaries import newest_summaries
from summarizer_assets.bucket_run.run_settings import RunContext
from summarizer_assets.bucket_run.settle import last_changes, settle, untouched
from summarizer_assets.bucket_run.totals import BucketCounts, Settled, metadata
from summarizer_assets.bucket_run.work import Found, finding_work
from summarizer_assets.core.outcome import Stop
from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.storage.delta.changes import Change, Overwrite
from summarizer_assets.storage.delta.stream import TableStream
from summarizer_assets.storage.journal import drop


class BucketRun:
    """One run over one bucket. `summaries` and `failures` are to be persisted in this order, then `finish` called.

    Attributes:
        stop: why the run ends before its work is done; None: it does not.
        interrupted_by: the signal that told the run to end.
    """

    _found: Found
    _settled: Settled
    _began: float

    def __init__(self, context: RunContext, route_to: RouteTo) -> None:
        self.stop: Stop | None = None
        self.interrupted_by: int | None = None
        self._context = context
        self._route_to = route_to
        self._stack = ExitStack()
        self._committed: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        """See `work.finding_work`, also for what it raises."""
        self._began = time.monotonic()
        self._found = self._stack.enter_context(finding_work(self._context))
        self._settled = untouched(self._found)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End whatever still runs and let the bucket go. What is not committed stays in the journal."""
        self._stack.close()

    @property
    def waits(self) -> bool:
        """Whether it ends because a batch job is under way."""
        return self.stop is not None and self.stop.cause == IN_BATCH

    @property
    def counts(self) -> BucketCounts:
        return self._settled.counts

    @property
    def offer(self) -> Mapping[str, Any]:
        """What the run asks and costs, if a person chose the authors; see `quote.offer`."""
        return self._found.offer

    @property
    def summaries(self) -> TableStream:
        return self._stream(self._summary_changes(), self._found.snapshot.fences.summaries, self._metadata)

    @property
    def failures(self) -> TableStream:
        return self._stream(self._failure_changes(), self._found.snapshot.fences.failures, self._failure_metadata)

    def interrupt(self, signum: int) -> None:
        """End the stream soon, from a signal handler; what is in flight has a moment to be answered."""
        self.interrupted_by = signum
        self.stop = self.stop or Stop(
            "terminated", "the run was told to end; what was answered is stored, materialise the partition to go on"
        )

    def finish(self) -> None:
        """Both tables are written: record how the run ended and let the journal go."""
        self._committed()
        drop(self._settled.segments)
        context, found = self._context, self._found
        if not context.choice.spend:
            return
        pending = self.counts.pending - self.counts.held_back + self._settled.unreached
        if found.work is None:
            context.state.settle_last_run(context.bucket, pending, found.last_run)
        else:
            context.state.end_run(found.work.record, pending, self.stop.cause if self.stop else None)

    def _stream(
        self, changes: Iterable[Change], fence: int | None, facts: Callable[[], Mapping[str, Any]]
    ) -> TableStream:
        return TableStream(changes, lambda _: fence, self._guard, facts, self.interrupt, torn=self.close)

    def _guard(self) -> None:
        if self._found.work is not None:
            self._found.work.claim.check()

    def _summary_changes(self) -> Iterator[Change]:
        context, work = self._context, self._found.work
        if work is None:
            return
        asked = yield from ask(context, work, self._route_to, self._stack, lambda: self.stop)
        self._committed = asked.committed
        self._settled = settle(context, work, asked, self._began)
        self.stop = self.stop or self._settled.stop
        yield from last_changes(context, work, self._settled, wrote=asked.wrote)

    def _failure_changes(self) -> Iterator[Change]:
        before, after = self._found.snapshot.failures, self._settled.failures
        if self._found.work is None or after.equals(before):
            return
        self._context.tried.note(self._context.bucket, before, after)
        yield Overwrite(self._context.bucket, after)

    def _metadata(self) -> Mapping[str, Any]:
        newest = newest_summaries(self._context.bucket, self._context.tables.summaries)
        shown = {"newest_summaries": newest} if newest else {}
        return {**metadata(self._settled, self.stop), **self.offer, **shown}

    def _failure_metadata(self) -> Mapping[str, Any]:
        context, attempts = self._context, self._context.settings.retry.max_attempts
        return failure_metadata(context.bucket, self.counts, self._settled.failures, context.tables.authors, attempts)
