"""The route of a provider's batch jobs: collect those that ended, send the next ones, ask some online, end the run.

It waits for no job. Authors in a live job are not asked again; they stay pending, and a later run collects them.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from summarizer_assets.bucket_run.asking.adapting import Adapting
from summarizer_assets.bucket_run.asking.prompts import BucketPrompt
from summarizer_assets.bucket_run.batches.aside import Aside, Online
from summarizer_assets.bucket_run.batches.collect import Collector
from summarizer_assets.bucket_run.batches.ended import EndedJobs, Stops
from summarizer_assets.bucket_run.batches.files import delete_files
from summarizer_assets.bucket_run.batches.look import look, unknown_jobs
from summarizer_assets.bucket_run.batches.plan import BatchTerms, Planner
from summarizer_assets.bucket_run.batches.submit import Submitter
from summarizer_assets.bucket_run.route import RouteProgress, RouteTotals
from summarizer_assets.bucket_run.work import Work
from summarizer_assets.core.batches.followups import Question, positions_of
from summarizer_assets.core.batches.routing import Chosen
from summarizer_assets.core.batches.states import JobState
from summarizer_assets.core.money.spending import Booking, PastUnknown, Spending
from summarizer_assets.core.outcome import Stop
from summarizer_assets.core.quality_breaker import Trust
from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.llm.batches.errors import AccountRefused, CallMissing, CallThrottled, CallUnknown
from summarizer_assets.llm.batches.provider import BatchProvider
from summarizer_assets.llm.errors import StopCause
from summarizer_assets.llm.http.event_loop import run
from summarizer_assets.llm.reply import Counters
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs, JobRow

SLEEP: Callable[[float], Awaitable[None]] = asyncio.sleep  # replaced in a test
_WAITS: Final = "it waits for no answer: a batch job is sent, or its results are read"
_DELETING_S: Final = 10.0
#: Authors who are asked online before the first job of a model that nobody has tried: enough to tell that it is none.
_FIRST_AUTHORS: Final = 8


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
        collector: reads results, and has the run's counts.
        log: hears each step.
        online: asks whom the rule of the terms gives no job.
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
        log: Callable[[str], None],
        online: Online,
        notices: Sequence[str] = (),
    ) -> None:
        self._make_api = api
        self._jobs = jobs
        self._work = work
        self._positions = positions
        self._prompt = prompt
        self._adapting = adapting
        self._terms = terms
        self._counts = collector.counts
        self._trust = collector.trust
        self._log = log
        self._aside = Aside(online)
        self._sent = Counters(notices=list(notices))
        self._planner = Planner(jobs, work, prompt, adapting, terms)
        self._stops = Stops()
        self._ended = EndedJobs(jobs, collector, terms.money, self._stops, log)
        self._chosen: list[str] = []
        self._lacking = False  # the provider has no batch jobs at this address
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="asker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, why: Stop | None) -> None:
        """The step under way is taken to its end, for a job that is half made costs a search."""
        self._aside.stop(why)
        if why is None and self._thread.ident is not None:
            self._thread.join()

    def join(self) -> Stop | None:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._stops.first or self._aside.told or self._stops.waiting or self._waiting()

    def committed(self) -> None:
        """Book what the collected jobs cost, give back the rest of their money, and delete their files."""
        self._ended.settle()
        if self._jobs.to_delete(self._terms.account, 1):
            run(self._delete_files())

    def progress(self) -> RouteProgress:
        asking, totals = self._aside.asking, self._so_far()
        spent = None if totals.spending is None else totals.spending.spent
        if asking is not None:
            now = asking.progress()
            return RouteProgress(spent, now.waits, totals.sent.notices, now.changes)
        changes: list[str] = []
        self._adapting.tell(changes.append)
        return RouteProgress(spent, _WAITS, totals.sent.notices, changes)

    def totals(self) -> RouteTotals:
        return replace(self._so_far(), jobs=self._under_way)

    def _so_far(self) -> RouteTotals:
        asked, sent, spending = self._counts, self._sent, self._spending
        for one in self._aside.totals():
            asked, sent = replace(asked + one.asked, adapted=one.asked.adapted), sent + one.sent
            spending = None if spending is None or one.spending is None else spending + one.spending
        sent = replace(sent, notices=list(dict.fromkeys(sent.notices)))  # each says what is to be said of the model
        return RouteTotals(asked, sent, spending, "; ".join(self._chosen))

    @property
    def _spending(self) -> Spending | None:
        """In batch jobs."""
        money = self._terms.money
        if money.price is None:
            return Spending() if money.free else None
        booked = sum((one.booking for one in self._ended.collected), Booking())
        return Spending(booked.spent, booked.wasted, booked.uncertain, cap=money.cap)

    @property
    def _under_way(self) -> list[JobRow]:
        """The bucket's live jobs, without those that this run has read and not booked yet."""
        read = self._ended.keys
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
            run(self._look_and_collect())
            self._share_out()
        except AccountRefused as error:
            self._note_refused(error)
        except PastUnknown as error:
            self._stops.note(Stop(str(StopCause.BUDGET), str(error)))
        except BaseException as error:  # noqa: BLE001 - raised again in `join`, in the step's thread
            self._error = error
        finally:
            self._work.outcomes.finish()

    def _note_refused(self, error: AccountRefused) -> None:
        self._stops.note(Stop(str(error.cause), str(error)))

    async def _look_and_collect(self) -> None:
        """What the provider has done."""
        api, rule = self._make_api(), self._terms.rule
        try:
            rows = self._jobs.live(self._work.facts.bucket)
            if not self._of_another_account(rows):
                self._ended.give_up_unsent(rows, rule)
                found = await look(api, self._jobs, rows, self._log, rule=rule)
                for row in list(found.values()):
                    if row.state is JobState.ENDED and self._aside.told is None:
                        await self._ended.take(api, row)
                if self._planner.free(self._ended.keys):  # of whom else a job might know
                    await self._look_for_lost_jobs(api)
        except AccountRefused as error:  # what was read before is kept, and planned
            self._note_refused(error)
        finally:
            await api.aclose()

    def _share_out(self) -> None:
        """Who is left goes into jobs, or is asked online. The rest of a job that was read is planned in any case."""
        free, now = self._planner.free(self._ended.keys), self._jobs.now()
        left = self._ended.left(free)
        asked = {at for _, questions in left for at in positions_of(questions)}
        fresh = [at for at in self._positions if at in free and at not in asked]
        groups = self._planner.grouped(fresh)
        requests = len(groups) + sum(len(questions) for _, questions in left)
        online: list[Question] = []
        for row, questions in left:
            if self._choose(requests, now - row.waits_since).batch:
                self._planner.plan_next(row, questions)
            else:
                online += questions
        if self._stops.first or self._stops.waiting or self._aside.told:
            return
        short: Stop | None = None
        if groups and self._choose(requests).batch:
            untried = self._untried(fresh, groups)
            if untried is None:
                return
            short = self._planner.plan_new(self._planner.grouped(untried))
            fresh = []
        run(self._send())
        if not self._stops.note(short) and self._stops.first is None and (fresh or online):
            self._stops.note(self._aside.ask(fresh, online))

    def _choose(self, requests: int, waited_s: float = 0.0) -> Chosen:
        rule = self._terms.rule
        if self._lacking and rule.route == "auto":
            chosen = Chosen(False, "the provider has no batch jobs at this address")
        else:
            chosen = rule.choose(requests, waited_s)
        if rule.route == "auto" and chosen.told not in self._chosen:
            self._chosen.append(chosen.told)
            self._log(f"asked {chosen.told}")
        return chosen

    def _untried(self, positions: Sequence[int], groups: Sequence[Question]) -> Sequence[int] | None:
        """The positions for a job, once it is known that this model answers; None: it does not.

        A model that is none, or a form of requests that it refuses, is found out online by the first few authors. In a
        job that would take a day, and in the first one most of what there is to send.
        """
        if self._terms.rule.route != "auto" or self._trust is Trust.PROVEN:
            return positions
        first: list[int] = []
        for group in groups:
            if len(first) < _FIRST_AUTHORS:
                first += group.positions
        self._log(f"{len(first)} authors are asked online first, for nobody knows yet how this model answers")
        if self._stops.note(self._aside.ask(first, [])):
            return None
        return [at for at in positions if at not in frozenset(first)]

    def _of_another_account(self, rows: Sequence[JobRow]) -> bool:
        others = [row.key for row in rows if row.account != self._terms.account]
        if not others:
            return False
        return self._stops.note(
            Stop(
                "batch_account",
                f"batch jobs {', '.join(others)} belong to another base URL or key than the settings name: set those "
                "again, SUMMARIZER_LLM_BASE_URL and SUMMARIZER_LLM_API_KEY, until they are collected; nothing is asked",
            )
        )

    async def _look_for_lost_jobs(self, api: BatchProvider) -> None:
        """Where authors may be in jobs that only the provider knows of, to ask them again would be paid twice."""
        try:
            unknown = await unknown_jobs(api, self._jobs)
        except (CallUnknown, CallThrottled) as error:
            told = f"the provider's batch jobs cannot be listed, a later run does: {error}"
            self._stops.note(Stop(IN_BATCH, told))
            return
        except CallMissing:  # it has no batch jobs at all, which the first call about one says too
            self._lacking = True
            return
        if unknown:
            ids = ", ".join(job.id for job in unknown.values())
            told = (
                f"the provider has {len(unknown)} batch jobs that are, or may be, of these tables ({ids}), of which "
                "the state store knows nothing: it was lost, or SUMMARIZER_STATE names another one than before. "
                "Correct it; where it is right, their answers are lost: `summarizer jobs --disown`, then run again"
            )
            self._stops.note(Stop("batch_unknown", told))

    async def _send(self) -> None:
        """All that is planned or was begun, while the provider takes it."""
        rows = [row for row in self._jobs.live(self._work.facts.bucket) if row.state.unsent]
        if not rows:
            return
        api = self._make_api()
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
        try:
            for row in rows:
                if self._aside.told is not None:
                    return
                if self._planner.has_room(row):
                    self._sent.sent += 1
                    if self._stops.note(await submitter.send(row)):
                        return
        finally:
            await api.aclose()

    async def _delete_files(self) -> None:
        api = self._make_api()
        try:
            await delete_files(api, self._jobs, self._terms.account, self._log, within_s=_DELETING_S)
        finally:
            await api.aclose()
