"""The results of a batch job as outcomes of the run's authors, and what they cost."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import httpx

from summarizer_assets.bucket_run.asking.adapting import Adapting
from summarizer_assets.bucket_run.asking.prompts import BucketPrompt
from summarizer_assets.bucket_run.route import AskCounts
from summarizer_assets.bucket_run.work import Work
from summarizer_assets.core.answers.reply import AnswerChecks, Reading, read_reply
from summarizer_assets.core.answers.unusable import UnusableReply
from summarizer_assets.core.answers.usage import estimated_usage
from summarizer_assets.core.authors.remedies import ABOUT_THE_TEXT
from summarizer_assets.core.authors.work_plan import Identity
from summarizer_assets.core.batches.followups import (
    Question,
    Refusal,
    Rest,
    after_reading,
    after_refusal,
    after_unusable,
    unanswered,
)
from summarizer_assets.core.batches.lines import Contents, LineForm, ResultLine, contents_of, results_of
from summarizer_assets.core.batches.states import may_have_run
from summarizer_assets.core.judging.flags import Flag
from summarizer_assets.core.money.amounts import Price, Usage
from summarizer_assets.core.money.excess import NOTHING_SEEN
from summarizer_assets.core.money.spending import Booking
from summarizer_assets.core.outcome import Answer, Failed, Stop
from summarizer_assets.core.quality_breaker import UNUSABLE, Course, Trust
from summarizer_assets.llm.errors import ContentFiltered, GroupTooLarge, Refused
from summarizer_assets.llm.http.classify import Outcome, Verdict, classify, success_in_name_only
from summarizer_assets.llm.http.exchange import FailedTry
from summarizer_assets.llm.protocols.chat_protocol import ChatProtocol
from summarizer_assets.llm.reply import Reply
from summarizer_assets.storage.state_db.batch_jobs import JobRow, RequestRow

_NO_HEADERS = httpx.Headers()


@dataclass
class Collected:
    """What a job brought. `questions`: of the next one. `stop`: why there is to be no next one now."""

    row: JobRow
    booking: Booking = field(default_factory=Booking)
    questions: list[Question] = field(default_factory=list)
    stop: Stop | None = None
    accepted: int = 0


@dataclass(frozen=True)
class Collector:
    """Of one run: reports answers as they are read, and failures once all of a job is read.

    `form`: of the results' lines. `price_at`: the price in a job, by the factor of its row; None: nobody knows it, or
    nothing costs anything. `capped`: there is a budget, so that a reply that tells no usage costs all that it may.
    `redact`: foreign text goes through it. `counts`: of the run. `trust`: in the model.
    """

    work: Work
    prompt: BucketPrompt
    checks: AnswerChecks
    protocol: ChatProtocol
    form: LineForm
    adapting: Adapting
    price_at: Callable[[float | None], Price | None]
    capped: bool
    redact: Callable[[str], str]
    counts: AskCounts
    trust: Trust

    def collect(self, row: JobRow, requests: Sequence[RequestRow], lines: Callable[[], Iterable[bytes]]) -> Collected:
        """Read all results of a job. `lines`: begins anew with each call; it is read twice."""
        contents = contents_of(self.form, lines(), row.key, len(requests))
        job = _OneJob(self, row, requests, contents)
        for line in results_of(self.form, lines(), row.key, len(requests), contents):
            job.take(line)
        return job.finish()

    @cached_property
    def places(self) -> dict[str, int]:
        return {author: position for position, author in enumerate(self.work.todo.ids)}

    def question_of(self, request: RequestRow, still_open: frozenset[int]) -> Question:
        """The request's authors who wait for this very answer."""
        todo, places, positions = self.work.todo, self.places, []
        for author, content in zip(request.authors, request.hashes, strict=True):
            position = places.get(author, -1)
            if position in still_open and todo.hashes[position] == content:
                positions.append(position)
        return Question(tuple(positions), request.complaint, request.trim, request.second)

    def is_wasted(self, request: RequestRow) -> bool:
        """Whether nobody of the request is as it was asked any more."""
        todo, at = self.work.todo, self.places
        pairs = zip(request.authors, request.hashes, strict=True)
        return all(author in at and todo.hashes[at[author]] != content for author, content in pairs)


class _OneJob:
    def __init__(self, of: Collector, row: JobRow, requests: Sequence[RequestRow], contents: Contents) -> None:
        self._of = of
        self._requests = {request.number: request for request in requests}
        self._contents = contents
        self._open = frozenset(of.work.outcomes.open_positions())
        self._course = Course(of.trust)
        self._failed: list[tuple[Question, Failed]] = []
        self._refusal: str | None = None
        identity = Identity(row.prompt_version, row.model)
        self._identity = None if identity == of.work.facts.identity else identity
        self._price = of.price_at(row.factor)
        self._sent = of.adapting.form
        self._result = Collected(row)

    def take(self, line: ResultLine) -> None:
        request = self._requests[line.number]
        question = self._of.question_of(request, self._open)
        reply = Reply(200, line.body, self._told_id(line), _NO_HEADERS, 0.0, 1, self._of.protocol)
        verdict = self._verdict(line)
        if verdict is None:
            rest = self._answered(request, question, reply)
        elif line.status is None or not question.positions:
            rest = unanswered(question)
        else:
            rest = self._refused(question, verdict, reply.request_id)
        self._result.questions += rest.again
        self._failed += [(question, failed) for failed in rest.failed]

    def finish(self) -> Collected:
        of, result, row = self._of, self._result, self._result.row
        missing = self._contents.missing(len(self._requests))
        for number in (*missing, *sorted(self._contents.contradicted)):
            result.questions += unanswered(of.question_of(self._requests[number], self._open)).again
        if self._price is not None:
            ran = may_have_run(len(missing), self._contents.answered, row.completed)
            dearest = sorted((self._requests[number].reserve for number in missing), reverse=True)[:ran]
            unclear = [self._requests[number].reserve for number in self._contents.contradicted]
            result.booking += Booking(uncertain=sum(dearest) + sum(unclear), requests=ran + len(unclear))
        course = self._course
        if self._identity is not None:  # asked for another prompt or model: whoever has no answer is asked anew
            result.questions = []
        elif course.hopeless or course.hopeless_at_the_end:
            result.questions = []
            result.stop = Stop(
                UNUSABLE,
                f"batch job {row.key} brought {course.accepted} usable of {course.judged} judged answers: the model, "
                "the prompt or a setting of the requests is the cause, and no author is charged; change it, then run "
                "again",
            )
        elif self._failed and result.questions and not course.accepted and of.trust is not Trust.PROVEN:
            # Too few were judged to tell whether the model is the cause: the next job, with halves of groups, tells.
            result.questions += [question for question, _ in self._failed]
        elif self._failed:
            of.work.outcomes.failed([failed for _, failed in self._failed])
        if self._refusal is not None and not self._contents.answered and result.stop is None:
            result.stop = Stop(
                "rejected", f"the provider refuses everybody alike, and nobody is charged: {self._refusal}"
            )
        return result

    def _verdict(self, line: ResultLine) -> Verdict | None:
        """None: it is an answer of the model."""
        if line.status is None:
            return Verdict(Outcome.TRANSIENT, line.code or "no response")
        if line.answered:
            return success_in_name_only(line.body, _NO_HEADERS, self._of.protocol)
        return classify(line.status, _NO_HEADERS, line.body)

    def _told_id(self, line: ResultLine) -> str | None:
        return None if line.request_id is None else self._of.redact(line.request_id)

    def _answered(self, request: RequestRow, question: Question, reply: Reply) -> Rest:
        of = self._of
        if not question.positions:
            of.counts.add(reply.usage)
            self._book(request, reply.usage, reply, wasted=of.is_wasted(request))
            return unanswered(question)
        asked = of.prompt.asked(question.positions, question.trim)
        try:
            reading = read_reply(reply.opened(), asked, of.checks)
        except UnusableReply as error:
            of.counts.add(reply.usage)
            self._book(request, reply.usage, reply, wasted=True)
            self._course = self._course.after(0, int(question.alone))
            return after_unusable(question, error.reason, str(error), reply.request_id)
        of.counts.add(reading.told)
        self._without_flags_of_our_own_making(reading, len(request.authors) - len(question.positions))
        by_id = {author.author_id: position for author, position in zip(asked, question.positions, strict=True)}
        again = {by_id[author]: reason for author, reason in reading.again.items()}
        details = {by_id[author]: detail for author, detail in reading.details.items()}
        accepted = [position for position in question.positions if position not in again]
        used = self._book(request, reading.told.usage, reply, wasted=not accepted)
        if accepted:
            answer = Answer(accepted, reading, reply.request_id, used, self._identity, self._price)
            of.work.outcomes.answered(answer)
            self._result.accepted += len(accepted)
        judged = sum(reason in ABOUT_THE_TEXT or question.alone for reason in again.values())
        self._course = self._course.after(len(accepted), judged)
        return after_reading(question, again, details, status=200, request_id=reply.request_id)

    def _without_flags_of_our_own_making(self, reading: Reading, dropped: int) -> None:
        """Answers for authors who are not waited for any more came under ids that were not asked for now."""
        of = self._of
        if dropped and reading.unknown_ids <= dropped:
            reading.flags = tuple(flag for flag in reading.flags if flag is not Flag.UNKNOWN_ID)
        if reading.response_model not in (None, of.checks.model):
            reading.response_model = of.redact(reading.response_model or "")

    def _refused(self, question: Question, verdict: Verdict, request_id: str | None) -> Rest:
        of = self._of
        if verdict.outcome in (Outcome.TRANSIENT, Outcome.THROTTLED, Outcome.GARBLED):
            return unanswered(question)
        detail = of.redact(verdict.message)
        if verdict.outcome is Outcome.FATAL:
            assert verdict.cause is not None
            self._result.stop = Stop(str(verdict.cause), f"{verdict.cause.remedy}. A line of a batch job: {detail}")
            return unanswered(question)
        error = FailedTry(verdict, 0.0, request_id=request_id).refusal
        assert isinstance(error, Refused)
        size = of.prompt.size(question.positions, self._sent)
        match of.adapting.after(error, self._sent, size):
            case True:
                return unanswered(question)
            case Stop() as stop:
                self._result.stop = stop
                return unanswered(question)
        self._refusal = detail
        kind = Refusal.TOO_LARGE if isinstance(error, GroupTooLarge) else Refusal.UNTOLD
        kind = Refusal.CONTENT if isinstance(error, ContentFiltered) else kind
        return after_refusal(
            question,
            kind,
            detail,
            status=verdict.status,
            request_id=request_id,
            can_trim=question.alone and of.prompt.can_trim(question.positions[0], question.trim + 1),
            others_answered=self._contents.answered > 0,
        )

    def _book(self, request: RequestRow, told: Usage | None, reply: Reply, *, wasted: bool) -> Usage:
        """What an answered request cost; it tells nothing: all that it may cost, or an estimate without a budget."""
        of, price = self._of, self._price
        used = told or estimated_usage(request.bytes, len(reply.body))
        if price is None:
            return used
        if told is None and of.capped:
            used = price.at_most(request.bytes, request.bound)
        cost = price.cost(used)
        self._result.booking.add(cost, used, wasted=wasted)
        if told is not None:
            most = price.most(request.bytes, request.bound)
            self._result.booking.worst = max(self._result.booking.worst, NOTHING_SEEN.after(cost, most).worst)
        return used
