"""What becomes of a bucket's jobs once they ended, or are given up: their results, their money, and who is left.

Nothing is booked here for a job whose results were read: that waits until the tables have them.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from typing import IO

from summarizer_assets.bucket_run.batches.collect import Collected, Collector
from summarizer_assets.bucket_run.batches.submit import Money
from summarizer_assets.core.batches.followups import Question, positions_of
from summarizer_assets.core.batches.routing import RouteRule
from summarizer_assets.core.batches.states import JobState, Next, is_gone
from summarizer_assets.core.money.spending import Booking
from summarizer_assets.core.outcome import Stop
from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.llm.batches.errors import AccountRefused, BatchCallFailed, CallMissing
from summarizer_assets.llm.batches.provider import BatchProvider
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs, JobRow


@dataclass
class Stops:
    """Why the run ends before all have an outcome: the first reason that is more than waiting."""

    first: Stop | None = None
    waiting: Stop | None = None

    def note(self, stop: Stop | None) -> bool:
        """Whether it is a reason to send no other job."""
        if stop is None:
            return False
        if stop.cause == IN_BATCH:
            self.waiting = self.waiting or stop
        else:
            self.first = self.first or stop
        return True


class EndedJobs:
    """Of one run.

    Args:
        jobs: of the root.
        collector: reads results.
        money: of the jobs.
        stops: of the run.
        log: hears what becomes of each job.

    Attributes:
        collected: jobs whose results were read, oldest first; they are settled by `settle`.
    """

    def __init__(
        self, jobs: BatchJobs, collector: Collector, money: Money, stops: Stops, log: Callable[[str], None]
    ) -> None:
        self.collected: list[Collected] = []
        self._jobs = jobs
        self._collector = collector
        self._money = money
        self._stops = stops
        self._log = log
        self._given_up: list[tuple[JobRow, list[Question]]] = []

    @property
    def keys(self) -> frozenset[str]:
        """Of jobs that are live as long as they are not settled, and whose results were read."""
        return frozenset(one.row.key for one in self.collected)

    async def take(self, api: BatchProvider, row: JobRow) -> None:
        """What follows from the end of a job."""
        reason = row.reason or "no reason given"
        match row.verdict:
            case Next.COLLECT:
                await self._collect(api, row)
            case Next.LOST:
                self._log(f"batch job {row.key} is lost: its results are gone; what it may have cost is uncertain")
                booking = Booking(uncertain=row.reserve, requests=row.requests)
                self._settle(row, JobState.LOST, booking, "its results are gone")
            case Next.AGAIN:
                self._log(f"batch job {row.key} did not fit into what the account may have queued: {reason}")
                self._settle(row, JobState.FAILED, Booking(), reason)
            case _:
                self._settle(row, JobState.FAILED, Booking(), reason)
                told = f"the provider failed batch job {row.key}, billed nothing, and no author is charged: {reason}"
                self._stops.note(Stop("batch_failed", told))

    def give_up_unsent(self, rows: Iterable[JobRow], rule: RouteRule) -> None:
        """Jobs that the provider has not got, and whose authors are to be asked online."""
        now, still_open = self._jobs.now(), frozenset(self._collector.work.outcomes.open_positions())
        for row in rows:
            if not row.state.unsent or not rule.drops_unsent(row.waits_since, now):
                continue
            requests = self._jobs.requests(row.key)
            if self._settle(row, JobState.FAILED, Booking(), "given up before it was sent"):
                self._log(f"batch job {row.key} was not sent yet, and is given up: its authors are asked online")
                questions = [self._collector.question_of(request, still_open) for request in requests]
                self._given_up.append((row, questions))

    def left(self, free: frozenset[int]) -> list[tuple[JobRow, list[Question]]]:
        """What is left of each job, about authors at the positions `free`: each of them once, as it was asked last."""
        found, seen = [], set[int]()
        for row, questions in reversed([*self._given_up, *((one.row, one.questions) for one in self.collected)]):
            mine = [
                replace(question, positions=tuple(at for at in question.positions if at in free and at not in seen))
                for question in questions
            ]
            mine = [question for question in mine if question.positions]
            seen |= positions_of(mine)
            if mine:
                found.append((row, mine))
        return found

    def settle(self) -> None:
        """Book what the collected jobs cost, and give back the rest of their money: the tables have the answers."""
        for one in self.collected:
            self._settle(one.row, JobState.COLLECTED, one.booking, one.row.reason)
        self.collected = []

    def _settle(self, row: JobRow, state: JobState, booking: Booking, reason: str | None) -> bool:
        money = self._money
        return self._jobs.settle(row, state, booking, ledger=money.ledger, reason=reason, asked_as=money.asked_as)

    async def _collect(self, api: BatchProvider, row: JobRow) -> None:
        with closing(TemporaryFile()) as results:
            try:
                for place in (row.output_file_id, row.error_file_id):
                    if place is not None:
                        await api.download(place, results.write)
                        results.write(b"\n")
            except CallMissing as error:
                self._gone(row, error)
                return
            except AccountRefused:
                raise
            except BatchCallFailed as error:
                self._log(f"the results of batch job {row.key} could not be read, and are read again later: {error}")
                return
            self._collector.work.claim.check()
            collected = self._collector.collect(row, self._jobs.requests(row.key), lambda: _lines(results))
        counts = self._collector.counts
        counts.requests += row.requests
        counts.asked_again += len(positions_of(collected.questions))
        self.collected.append(collected)
        self._log(f"batch job {row.key} was collected: {collected.accepted} of {row.authors} authors have a summary")
        self._stops.note(collected.stop)

    def _gone(self, row: JobRow, error: CallMissing) -> None:
        """A 404 may pass; after hours of them the job is lost."""
        now = self._jobs.now()
        missed_at = row.missed_at or now
        verdict = str(Next.LOST) if is_gone(missed_at, now) else row.verdict
        self._jobs.move(row, row.state, missed_at=missed_at, verdict=verdict)
        self._log(f"the results of batch job {row.key} are not there now, and are looked for again: {error}")


def _lines(results: IO[bytes]) -> Iterator[bytes]:
    results.seek(0)
    yield from results
