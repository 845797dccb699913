"""The route of a provider's batch jobs: collect those that ended, plan and send the next, and end the run.

It waits for no job. Authors in a live job are not asked again; they stay pending, and a later run collects them.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Final

from summarizer_assets.bucket_run.asking.adapting import Adapting
from summarizer_assets.bucket_run.asking.prompts import BucketPrompt
from summarizer_assets.bucket_run.batches.collect import Collected, Collector
from summarizer_assets.bucket_run.batches.look import look, unknown_jobs
from summarizer_assets.bucket_run.batches.plan import BatchTerms, Planner
from summarizer_assets.bucket_run.batches.submit import Submitter
from summarizer_assets.bucket_run.route import AskCounts, RouteProgress, RouteTotals
from summarizer_assets.bucket_run.work import Work
from summarizer_assets.core.batches.followups import positions_of
from summarizer_assets.core.batches.states import JobState, Next
from summarizer_assets.core.money.spending import Booking, PastUnknown, Spending
from summarizer_assets.core.outcome import Stop
from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.llm.batches.errors import (
    AccountRefused,
    BatchCallFailed,
    CallMissing,
    CallThrottled,
    CallUnknown,
)
from summarizer_assets.llm.batches.provider import BatchProvider
from summarizer_assets.llm.errors import StopCause
from summarizer_assets.llm.http.event_loop import run
from summarizer_assets.llm.reply import Counters
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs, JobRow

SLEEP: Callable[[float], Awaitable[None]] = asyncio.sleep  # replaced in a test
_WAITS: Final = "it waits for no answer: a batch job is sent, or its results are read"


@dataclass
class _Stops:
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


class BatchRoute:
    """A `Route`.

    Args:
        api: makes the calls; closed at the end. Called in the route's event loop.
        jobs: of the root.
        work: the run's.
        positions: whom to ask.
        prompt: of the authors.
        adapting: the form of requests.
        terms: of jobs.
        collector: reads results.
        counts: of the run; the collector has the same.
        log: hears each step.
        notices: of the model, for a person.
    """

    def __init__(  # noqa: PLR0913 - what it is made of, each by its name
        self,
        api: Callable[[], BatchProvider],
        jobs: BatchJobs,
        work: Work,
        positions: Sequence[int],
        prompt: BucketPrompt,
        *,
        adapting: Adapting,
        terms: BatchTerms,
        collector: Collector,
        counts: AskCounts,
        log: Callable[[str], None],
        notices: Sequence[str] = (),
    ) -> None:
        self._make_api = api
        self._jobs = jobs
        self._work = work
        self._positions = positions
        self._prompt = prompt
        self._adapting = adapting
        self._terms = terms
        self._collector = collector
        self._counts = counts
        self._log = log
        self._sent = Counters(notices=list(notices))
        self._planner = Planner(jobs, work, prompt, adapting, terms)
        self._stops = _Stops()
        self._told: Stop | None = None
        self._collected: list[Collected] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="asker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, why: Stop | None) -> None:
        """The step under way is taken to its end, for a job that is half made costs a search."""
        self._told = self._told or why or Stop("terminated", "the run was ended")
        if why is None and self._thread.ident is not None:
            self._thread.join()

    def join(self) -> Stop | None:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._stops.first or self._told or self._stops.waiting or self._waiting()

    def committed(self) -> None:
        """Book what the collected jobs cost, and give back the rest of their money."""
        for one in self._collected:
            money = self._terms.money
            self._jobs.settle(one.row, JobState.COLLECTED, one.booking, ledger=money.ledger, asked_as=money.asked_as)
        self._collected = []

    def progress(self) -> RouteProgress:
        changes: list[str] = []
        self._adapting.tell(changes.append)
        spending = self._spending
        return RouteProgress(None if spending is None else spending.spent, _WAITS, self._sent.notices, changes)

    def totals(self) -> RouteTotals:
        return RouteTotals(self._counts, self._sent, self._spending, jobs=self._under_way)

    @property
    def _spending(self) -> Spending | None:
        if self._terms.money.price is None:
            return None
        booked = sum((one.booking for one in self._collected), Booking())
        return Spending(booked.spent, booked.wasted, booked.uncertain, cap=self._terms.money.cap)

    @property
    def _under_way(self) -> list[JobRow]:
        """The bucket's live jobs, without those that this run has read and not booked yet."""
        read = {one.row.key for one in self._collected}
        return [row for row in self._jobs.live(self._work.facts.bucket) if row.key not in read]

    def _waiting(self) -> Stop | None:
        live = self._under_way
        if not live or not self._work.outcomes.open_positions():
            return None
        authors = sum(row.authors for row in live)
        return Stop(
            IN_BATCH,
            f"{authors} authors wait for {len(live)} batch jobs; a later run collects them: `summarizer jobs` lists "
            "them, and the sensor collect_batches starts that run",
        )

    def _run(self) -> None:
        try:
            run(self._work_through())
        except AccountRefused as error:
            self._stops.note(Stop(str(error.cause), str(error)))
        except PastUnknown as error:
            self._stops.note(Stop(str(StopCause.BUDGET), str(error)))
        except BaseException as error:  # noqa: BLE001 - raised again in `join`, in the step's thread
            self._error = error
        finally:
            self._work.outcomes.finish()

    async def _work_through(self) -> None:
        api = self._make_api()
        try:
            rows = self._jobs.live(self._work.facts.bucket)
            if self._of_another_account(rows):
                return
            found = await look(api, self._jobs, rows, self._log)
            for row in list(found.values()):
                if row.state is JobState.ENDED and self._told is None:
                    await self._end(api, row)
            if self._told is None and not await self._has_lost_its_jobs(api):
                if self._stops.first is None:
                    self._stops.note(self._planner.plan_new(self._positions, [one.row.key for one in self._collected]))
                await self._send(api)
        finally:
            await api.aclose()

    def _of_another_account(self, rows: Sequence[JobRow]) -> bool:
        others = [row.key for row in rows if row.account != self._terms.account]
        if not others:
            return False
        return self._stops.note(
            Stop(
                str(StopCause.AUTH),
                f"batch jobs {', '.join(others)} belong to another base URL or key than the settings name: set those "
                "again, SUMMARIZER_LLM_BASE_URL and SUMMARIZER_LLM_API_KEY, until they are collected; nothing is asked",
            )
        )

    async def _has_lost_its_jobs(self, api: BatchProvider) -> bool:
        """Whether authors may be in jobs that only the provider knows of: to ask them again would be paid twice."""
        try:
            unknown = await unknown_jobs(api, self._jobs)
        except (CallUnknown, CallThrottled) as error:
            return self._stops.note(
                Stop(IN_BATCH, f"the provider's batch jobs cannot be listed, a later run does: {error}")
            )
        except CallMissing:  # it has no batch jobs at all, which the first call about one says
            return False
        if not unknown:
            return False
        ids = ", ".join(job.id for job in unknown.values())
        told = (
            f"the provider has {len(unknown)} batch jobs that are, or may be, of these tables ({ids}), of which the "
            "state store knows nothing: it was lost, or SUMMARIZER_STATE names another one than before. Correct it; "
            "where it is right, their answers are lost: `summarizer jobs --disown`, then run again"
        )
        return self._stops.note(Stop("batch_unknown", told))

    async def _end(self, api: BatchProvider, row: JobRow) -> None:
        """What becomes of a job at its end."""
        ledger = self._terms.money.ledger
        reason = row.reason or "no reason given"
        match row.verdict:
            case Next.COLLECT:
                await self._collect(api, row)
            case Next.LOST:
                self._log(f"batch job {row.key} is lost: its results are gone; what it may have cost is uncertain")
                booking = Booking(uncertain=row.reserve, requests=row.requests)
                self._jobs.settle(row, JobState.LOST, booking, ledger=ledger, reason="its results are gone")
            case Next.AGAIN:
                self._log(f"batch job {row.key} did not fit into what the account may have queued: {reason}")
                self._jobs.settle(row, JobState.FAILED, Booking(), ledger=ledger, reason=reason)
            case _:
                self._jobs.settle(row, JobState.FAILED, Booking(), ledger=ledger, reason=reason)
                told = f"the provider failed batch job {row.key}, billed nothing, and no author is charged: {reason}"
                self._stops.note(Stop("batch_failed", told))

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
            self._work.claim.check()
            collected = self._collector.collect(row, self._jobs.requests(row.key), lambda: _lines(results))
        self._counts.requests += row.requests
        self._counts.asked_again += len(positions_of(collected.questions))
        self._collected.append(collected)
        self._log(f"batch job {row.key} was collected: {collected.accepted} of {row.authors} authors have a summary")
        self._stops.note(collected.stop)
        self._planner.plan_next(row, collected.questions)

    def _gone(self, row: JobRow, error: CallMissing) -> None:
        """A 404 may pass; after hours of them the job is lost."""
        now = self._jobs.now()
        verdict = row.verdict
        missed_at = row.missed_at or now
        if now - missed_at >= 6 * 3_600:
            verdict = str(Next.LOST)
        self._jobs.move(row, row.state, missed_at=missed_at, verdict=verdict)
        self._log(f"the results of batch job {row.key} are not there now, and are looked for again: {error}")

    async def _send(self, api: BatchProvider) -> None:
        """All that is planned or was begun, while the provider takes it."""
        submitter = Submitter(
            api,
            self._jobs,
            self._work,
            self._prompt,
            adapting=self._adapting,
            money=self._terms.money,
            log=self._log,
            sleep=SLEEP,
        )
        sendable = (JobState.PLANNED, JobState.UPLOADING, JobState.UPLOADED)
        for row in self._jobs.live(self._work.facts.bucket):
            if row.state not in sendable or self._stops.first is not None or self._told is not None:
                continue
            if not self._planner.has_room(row):
                continue
            self._sent.sent += 1
            if self._stops.note(await submitter.send(row)):
                return


def _lines(results: IO[bytes]) -> Iterator[bytes]:
    results.seek(0)
    yield from results
