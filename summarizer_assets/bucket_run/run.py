"""One bucket end to end, without Dagster: pending -> groups -> requests -> answers -> a stream of changes.

A stop (a fatal error, an outage, SIGTERM) is a value that ends the stream: both tables are still written true, the
rest stays pending, and only then may the caller raise.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, Self

import polars as pl

from summarizer_assets.bucket_run.ask_counts import AskCounts
from summarizer_assets.bucket_run.commits import Commits
from summarizer_assets.bucket_run.engine import Engine
from summarizer_assets.bucket_run.failure_table import failure_metadata
from summarizer_assets.bucket_run.journal_records import RunFacts, Todo, answered_in
from summarizer_assets.bucket_run.other_hosts import with_word_of_another_host
from summarizer_assets.bucket_run.pilot_limit import within_limit
from summarizer_assets.bucket_run.progress import NOBODY_LISTENS, Audience, Reporter
from summarizer_assets.bucket_run.quote import words
from summarizer_assets.bucket_run.results import Outcomes
from summarizer_assets.bucket_run.run_settings import RunSettings, Tables
from summarizer_assets.bucket_run.snapshot import Stock, fences, single, take_stock
from summarizer_assets.bucket_run.totals import BucketCounts, metadata
from summarizer_assets.core.cadence import Patience
from summarizer_assets.core.money.spending import Spending
from summarizer_assets.core.outcome import Stop
from summarizer_assets.core.redrive import NOBODY_CHOSEN, Choice
from summarizer_assets.llm.reply import Counters
from summarizer_assets.storage.delta.changes import Append, Change, Compact, Merge, Overwrite
from summarizer_assets.storage.delta.stream import TableStream
from summarizer_assets.storage.journal import Replay, drop, has_records, replay
from summarizer_assets.storage.state_db.claim import Claim
from summarizer_assets.storage.state_db.state import StateStore

_TICK_S = 0.5
_MERGE_SHARE = 10  # replacements are merged when they are a tenth of the bucket: a merge copies all of it


class Prompter(Protocol):
    """Renders a bucket's authors, and makes the engine that asks for some of them."""

    def render(self, authors: pl.DataFrame) -> pl.DataFrame:
        """author_id, author_name, text, content_hash, tokens, empty, bucket; one row an author."""
        ...

    def offer(self, todo: pl.DataFrame) -> Mapping[str, Any]:
        """What asking for `todo` would take and cost, as facts for a person; `would_ask` is the number of authors."""
        ...

    def engine(self, stock: Stock, outcomes: Outcomes, positions: list[int], todo: Todo) -> Engine: ...


class BucketRun:
    """One run over one bucket. `summaries` and `failures` are to be persisted in this order, then `finish` called."""

    def __init__(
        self,
        bucket: str,
        run_id: str,
        *,
        tables: Tables,
        state: StateStore,
        prompter: Prompter,
        settings: RunSettings,
        log: Callable[[str], None],
        choice: Choice = NOBODY_CHOSEN,
        audience: Audience = NOBODY_LISTENS,
    ) -> None:
        self.counts = BucketCounts()
        self.stop: Stop | None = None
        self.interrupted_by: int | None = None
        self.sample: list[tuple[str, str]] = []
        self._bucket = bucket
        self._run_id = run_id
        self._tables = tables
        self._state = state
        self._prompter = prompter
        self._settings = settings
        self._log = log
        self._choice = choice
        self._audience = audience
        self._engine: Engine | None = None
        self._claim: Claim | None = None
        self._journal = settings.journal / bucket
        self._left = Replay([], [], [])
        self._new_failures = pl.DataFrame()
        self._record: int | None = None
        self._segments: list[Path] = []
        self._stop_wanted = threading.Event()
        self._unreached = 0
        self._offer: Mapping[str, Any] = {}

    def __enter__(self) -> Self:
        """Decide what there is to do, and claim the bucket if there is anything.

        Raises:
            ClaimRefused: another run works on it.
            TableError: there are no authors yet, or a table cannot be read, or written where there is work.
            JournalError: the journal cannot be read, or written where there is work.
        """
        self._stack = ExitStack()
        self._started = time.monotonic()
        self._seen = self._state.last_run(self._bucket)  # before the tables: see `settle_last_run`
        self._stock = self._take_stock()
        if self._choice.priced:
            self._offer = self._prompter.offer(self._stock.plan.todo)
            does = "asks" if self._choice.spend else "would ask, with `spend: true`,"
            self._log(f"bucket {self._bucket}: this run {does} {words(self._offer)}")
        if self._choice.spend and (self._stock.has_work or has_records(self._journal)):
            self._claim = self._stack.enter_context(self._state.claim(self._bucket, self._run_id))
            try:
                self._left = with_word_of_another_host(replay(self._journal), self._bucket, self._claim)
                # The last holder changed the bucket meanwhile, or left answers that count in the plan.
                if self._left.records or fences(self._bucket, self._tables) != self._stock.fences:
                    self._stock = self._take_stock()
                wanted, fingerprint = self._stock.plan.wanted, self._settings.fingerprint
                self._record = self._state.begin_run(self._bucket, self._run_id, wanted, fingerprint)
                self._tables.prove_writable(self._bucket, self._journal)
            except BaseException:
                self._stack.close()
                raise
        self._count(self._stock.plan.failures, asked=0)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End whatever still runs and let the bucket go. What is not committed stays in the journal."""
        if self._engine is not None:
            self._engine.abort()
        self._stack.close()

    @property
    def summaries(self) -> TableStream:
        changes, facts = self._summary_changes(), self._metadata
        return self._held(TableStream(changes, lambda _: self._stock.fences.summaries, metadata=facts))

    @property
    def failures(self) -> TableStream:
        changes, facts = self._failure_changes(), self._failure_metadata
        return self._held(TableStream(changes, lambda _: self._stock.fences.failures, metadata=facts))

    def _held(self, stream: TableStream) -> TableStream:
        return replace(stream, guard=self._guard, interrupt=self.interrupt, torn=self.close)

    def interrupt(self, signum: int) -> None:
        """End the stream soon, from a signal handler; what is in flight has a moment to be answered."""
        self.interrupted_by = signum
        self.stop = self.stop or Stop(
            "terminated", "the run was told to end; what was answered is stored, materialise the partition to go on"
        )
        self._stop_wanted.set()

    def finish(self) -> None:
        """Both tables are written: record how the run ended and let the journal go."""
        drop(self._segments)
        if not self._choice.spend:
            return
        pending = self.counts.pending - self.counts.held_back + self._unreached
        if self._record is None:
            self._state.settle_last_run(self._bucket, pending, self._seen)
        else:
            self._state.end_run(self._record, pending, self.stop.cause if self.stop else None)

    def _take_stock(self) -> Stock:
        return take_stock(
            self._bucket,
            self._tables,
            self._prompter.render,
            self._settings,
            choice=self._choice,
            answered=answered_in(self._left.records),
        )

    # The two streams.

    def _summary_changes(self) -> Iterator[Change]:
        if self._claim is None:
            return
        plan = self._stock.plan
        todo = Todo.of(plan.todo)
        # The texts are most of a large bucket: held once.
        self._stock = replace(self._stock, plan=replace(plan, todo=plan.todo.drop("text")))
        del plan
        facts = RunFacts(
            self._bucket, self._run_id, self._settings.identity, self._settings.price, self._settings.retry
        )
        outcomes = Outcomes(todo, facts, self._journal, self._settings.journal_fsync_s)
        self._stack.callback(outcomes.close)
        self._replay(outcomes)
        positions = outcomes.open_positions()
        if self._settings.limit is not None:
            limit = self._settings.limit
            positions, self.counts.held_back = within_limit(positions, todo, self._claim, limit, self._tables)
        self._engine = self._prompter.engine(self._stock, outcomes, positions, todo)
        self._engine.client.permit = self._guard  # when it slept through its lease, its requests wake up first
        wrote = self._stock.doubled
        if wrote:
            self._log(f"bucket {self._bucket}: authors have more than one summary; the newest stays")
            yield Overwrite(self._bucket, single(self._tables.summaries.read([self._bucket]).collect()))
        self._engine.start()
        reporter = Reporter(self._bucket, outcomes, self._engine, self._audience, self._log)
        for change in self._batches(outcomes, reporter):
            yield change
            wrote = True
        self._engine.join()
        self.stop = self.stop or self._engine.asker.stop
        failed = outcomes.failures()
        self._segments += failed.segments
        self._settle(outcomes, failed.frame, todo)
        last = outcomes.take_replacing()
        removed = self._stock.plan.removed | self._stock.outdated_among(failed.frame)
        if last.frame.height or removed:
            yield Merge(self._bucket, last.frame, frozenset(removed))
            last.committed()
            wrote = True
        if wrote:
            with self._state.compaction(self._bucket, self._run_id) as ours:
                if ours:  # else the maintenance does it at this moment
                    yield Compact(self._bucket)

    def _batches(self, outcomes: Outcomes, reporter: Reporter) -> Iterator[Change]:
        base = Patience(self._settings.commit_rows, self._settings.commit_interval_s)
        commits = Commits(base, self._writers, self._log)
        while True:
            ready = commits.due(outcomes, _TICK_S)
            self._guard()  # without the claim another run asks the same authors: pay for no more of them
            if self._stop_wanted.is_set() and self._engine is not None and self.stop is not None:
                self._engine.request_stop(self.stop)
                self._stop_wanted.clear()
            finished = outcomes.finished
            if ready or finished:  # it may have finished since `wait` returned: this is the last look
                batch = outcomes.take_first()
                if batch.frame.height:
                    yield from commits.timed(Append(self._bucket, batch.frame))
                batch.committed()
            waiting = outcomes.replacing()
            if waiting * _MERGE_SHARE >= max(1, self._stock.plan.authors) and commits.replacements_due(waiting):
                batch = outcomes.take_replacing()
                yield from commits.timed(Merge(self._bucket, batch.frame))
                batch.committed()
            reporter.look()
            if finished:
                return

    def _writers(self) -> int:
        """Runs that commit to the same object store; a folder takes their commits as fast as they come."""
        return len(self._state.holders()) if "://" in self._tables.summaries.uri else 0

    def _failure_changes(self) -> Iterator[Change]:
        if self._claim is None or self._new_failures.equals(self._stock.failures):
            return
        self._settings.tried.note(self._bucket, self._stock.failures, self._new_failures)
        yield Overwrite(self._bucket, self._new_failures)

    def _replay(self, outcomes: Outcomes) -> None:
        left, self._left = self._left, Replay([], [], [])
        for warning in left.warnings:
            self._log(f"journal: {warning}")
        outcomes.replay(left.records)
        self._segments += left.segments
        self.counts.replayed = self._stock.plan.todo.height - outcomes.open_count()
        if self.counts.replayed:
            self._log(f"{self.counts.replayed} authors answered before a crash are taken from the journal, not asked")

    def _settle(self, outcomes: Outcomes, failed: pl.DataFrame, todo: Todo) -> None:
        unanswered = set(todo.ids) - {todo.ids[position] for position in outcomes.open_positions()}
        standing = self._stock.plan.failures.filter(~pl.col("author_id").is_in(list(unanswered)))
        columns = self._tables.failures.schema.names()
        # Who was asked again by choice keeps the summary when that fails; the numbers tell of it.
        renewals = pl.col("author_id").is_in([todo.ids[place] for place in range(len(todo.ids)) if todo.renews(place)])
        kept, counted = failed.filter(renewals), failed.filter(~renewals)
        self._new_failures = pl.concat([standing.select(columns), counted.select(columns)]).sort("author_id")
        # Whoever was chosen and not reached: the bucket is not done, though each of them has a row.
        self._unreached = sum(todo.renews(place) or todo.driven[place] for place in outcomes.open_positions())
        self.counts.renewed = outcomes.renewed_count
        self.counts.kept_old = Counter(dict(kept.group_by("reason").len().iter_rows()))
        self.sample = outcomes.sample
        self.counts.answered = outcomes.answered_count
        self.counts.newly_failed = failed.height
        self._count(self._new_failures, asked=outcomes.answered_count - outcomes.renewed_count)
        asked = outcomes.answered_count + failed.height
        if self.stop is None and asked and failed.height / asked > self._settings.max_failure_share:
            self.stop = Stop(
                "too_many_failures",
                f"{failed.height} of {asked} authors failed, more than SUMMARIZER_MAX_FAILURE_SHARE="
                f"{self._settings.max_failure_share} allows; all is stored, failed_authors tells why",
            )
        left = self.counts.pending - self.counts.held_back
        if self.stop is None and left:
            self.stop = Stop(
                "unfinished",
                f"{left} authors were not reached, for no known reason; materialise the partition again",
            )

    def _count(self, failures: pl.DataFrame, *, asked: int) -> None:
        counts, plan = self.counts, self._stock.plan
        counts.authors = plan.authors
        counts.summaries = plan.current + asked
        counts.failed = failures.height
        counts.pending = counts.authors - counts.summaries - counts.failed
        counts.removed = 0 if self._claim is None else len(plan.removed)  # what only tells its price removes nobody
        counts.reasons = Counter(dict(failures.group_by("reason").len().iter_rows()))
        counts.seconds = time.monotonic() - self._started

    def _guard(self) -> None:
        if self._claim is not None:
            self._claim.check()

    def _metadata(self) -> Mapping[str, Any]:
        engine = self._engine
        asked = engine.asker.counts if engine is not None else AskCounts()
        sent = engine.client.counters if engine is not None else Counters()
        spending = engine.client.purse.spending if engine is not None else Spending()
        return {**metadata(self.counts, asked, sent, spending, self.sample, self.stop), **self._offer}

    def _failure_metadata(self) -> Mapping[str, Any]:
        failures = self._stock.failures if self._claim is None else self._new_failures
        attempts = self._settings.retry.max_attempts
        return failure_metadata(self._bucket, self.counts, failures, self._tables.authors, attempts)
