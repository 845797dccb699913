"""The faulty provider's logic: from a request's body to the answer, its delay and how it is sent."""

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from summarizer_assets.llm.embedded.app import RequestRefusedError
from summarizer_assets.rehearsal.batches.calls import BatchCalls
from summarizer_assets.rehearsal.batches.line_answer import LineAnswer
from summarizer_assets.rehearsal.batches.service import BatchService
from summarizer_assets.rehearsal.body_faults import BODIES, Original
from summarizer_assets.rehearsal.hidden_usage import with_hidden
from summarizer_assets.rehearsal.interface import CHAT, Interface
from summarizer_assets.rehearsal.latency import latency_s
from summarizer_assets.rehearsal.limits import LimitHeaders
from summarizer_assets.rehearsal.plan import REFUSE, SHUT, SLOW, Plan, Rule
from summarizer_assets.rehearsal.plan_state import Course
from summarizer_assets.rehearsal.prompt_cache import PromptCache
from summarizer_assets.rehearsal.reply import Reply, Shut
from summarizer_assets.rehearsal.request_log import Entry, Record
from summarizer_assets.rehearsal.right_answers import AnswerFunction, Right, Rights
from summarizer_assets.rehearsal.status_faults import STATUSES, Answer
from summarizer_assets.rehearsal.wire_faults import SCRIPTS

RATE_LIMITED: Final = "rate_limited"
BUSY: Final = "busy"

_OK: Final = 200
_REDIRECTS: Final = 300
#: Responses with status 200 that come from a gateway and not from the model.
_OF_A_GATEWAY = frozenset({"html_page", "empty_body", "error_under_200"})
_TOKENS: Final = ("prompt_tokens", "completion_tokens", "wasted_prompt_tokens", "wasted_completion_tokens")


class FaultyProvider:
    """A correct provider plus the faults of a plan, served by `http_server` or in process.

    `entries`, `plan`, `use` and `heal` are thread-safe; the rest belongs to the server's thread.

    Attributes:
        record: of requests.
        lines: of lines of batch jobs, each when the model has worked on it.

    Args:
        answer: computes the correct answer; its `summaries` show the authors asked for. It may raise
            `RequestRefusedError`, which is answered with its status and not logged.
        plan: the faults and limits.
        clock: returns seconds, for limits and the windows of rules.
        time_of_day: returns epoch seconds, for files and batch jobs.
    """

    def __init__(
        self,
        answer: AnswerFunction,
        plan: Plan | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        time_of_day: Callable[[], float] = time.time,
    ) -> None:
        self._rights = Rights(answer)
        self._cache = PromptCache()
        self._clock = clock
        self._started = clock()
        plan = plan or Plan()
        self.record = Record(plan.keep_entries)
        self.lines = Record(plan.keep_entries)
        self._course = Course(plan, self._started)
        self.batches = BatchService(self._line, lambda: self.plan.batch, lambda: self.plan.seed, time_of_day)
        self.batch_calls = BatchCalls(self.batches, lambda: self.plan.batch, time_of_day)
        #: Called after a change of plan, in the thread that made it.
        self.on_change: list[Callable[[], None]] = []

    @property
    def entries(self) -> list[Entry]:
        """The newest requests, in order of arrival."""
        return self.record.entries

    @property
    def plan(self) -> Plan:
        return self._course.plan

    def use(self, plan: Plan) -> None:
        """Switch to another plan, whose counts and time start now."""
        self.batches.bring_up_to_date()  # under the plan that held until now
        self.batch_calls.restart()
        self.record.keep(plan.keep_entries)
        self.lines.keep(plan.keep_entries)
        self._course = Course(plan, self._clock())
        for changed in self.on_change:
            changed()

    def heal(self) -> None:
        """Drop all rules; latency and limits stay."""
        self.use(msgspec.structs.replace(self.plan, rules=()))

    def stats(self) -> dict[str, Any]:
        """See `Record.stats`."""
        return self.record.stats(self._since_start())

    def line_stats(self) -> dict[str, Any]:
        """Of the lines of batch jobs, those of the same that are no times and sockets."""
        found = self.lines.stats(self._since_start())
        return {name: found[name] for name in ("requests", "by_fault", *_TOKENS)}

    def shut_from_the_start(self) -> Shut | None:
        rule = self._course.shut_from_the_start()
        return None if rule is None else _shut(rule)

    def models(self, interface: Interface = CHAT) -> Reply:
        """The reply to a request for the list of models: the list, or the fault of an outage."""
        self.record.models_asked += 1
        rule = self._course.outage(self._clock())
        right = Answer(_OK, interface.models())
        if rule is None:
            return Reply(right)
        if rule.name in STATUSES:
            return Reply(interface.told(STATUSES[rule.name](time.time())))
        return Reply(right, script=SCRIPTS.get(rule.name), seconds=rule.seconds, shut=_shut(rule))

    def reply(self, body: bytes, interface: Interface = CHAT) -> Reply:
        """The reply to a request in `interface`. The server always calls `done` with it at the end."""
        course = self._course
        try:
            asked = interface.asked(body)
            right = self._rights.of(asked, course.plan)
        except RequestRefusedError as refused:  # the request itself is invalid, whatever the plan
            return Reply(interface.told(Answer(refused.status, refused.body)))
        self.record.requests += 1
        entry = Entry(self.record.requests, self._since_start(), right.ids, None)
        right = self._billed(right, asked, course, interface)
        reply = self._decide(entry, right, course, interface.limit_headers or course.plan.limit_headers)
        reply.answer = interface.told(reply.answer)
        self.record.began(entry)
        return reply

    def _line(self, body: bytes, interface: Interface) -> LineAnswer:
        """What a line of a batch job gets: the right answer, or the fault of a rule that needs no connection."""
        course = self._course
        try:
            asked = interface.asked(body)
            right = self._rights.of(asked, course.plan)
        except RequestRefusedError as refused:
            return LineAnswer.of(Answer(refused.status, refused.body), Right(b"", (), 0, 0), interface)
        right = self._billed(right, asked, course, interface)
        self.lines.requests += 1
        now = self._since_start()
        entry = Entry(self.lines.requests, now, right.ids, None)
        reply = Reply(Answer(_OK, right.body))
        chosen = course.choose(right.ids, self._clock())
        if chosen is not None and (chosen[0].name in BODIES or chosen[0].name in STATUSES):
            _spoil(reply, *chosen)
            entry.fault, entry.hit = chosen[0].name, tuple(sorted(chosen[1]))
        answer = LineAnswer.of(reply.answer, right, interface)
        entry.prompt_tokens, entry.completion_tokens = answer.prompt_tokens, answer.completion_tokens
        self.lines.began(entry)
        self.lines.ended(entry, answer.status, now, useful=entry.fault is None)
        return answer

    def _billed(self, right: Right, asked: bytes, course: Course, interface: Interface) -> Right:
        """`right` with the usage that the plan has it tell."""
        plan = course.plan
        if plan.cache_from is not None:
            marked_only = interface.cache_is_marked
            right = self._cache.applied(right, asked, plan.cache_from, self._clock(), marked_only=marked_only)
        return with_hidden(right, asked, plan, course.let_through)

    def done(self, reply: Reply, status: int | None, *, whole: bool) -> None:
        """Record the end of a reply: the `status` the client saw, if any, and whether it got the `whole` reply."""
        if reply.entry is None:
            return
        right = reply.entry.fault in (None, SLOW) or (reply.script is not None and reply.script.whole)
        answered = self._since_start() if whole and status is not None else None
        self.record.ended(reply.entry, status, answered, useful=right and whole)

    def _since_start(self) -> float:
        return self._clock() - self._started

    def _decide(self, entry: Entry, right: Right, course: Course, style: LimitHeaders) -> Reply:
        """Decide the reply to a request; record its fault and cost in the entry."""
        plan, now = course.plan, self._clock()
        headers = {"x-request-id": f"req-{entry.number}"}
        if plan.at_once is not None and self.record.in_flight >= plan.at_once:
            entry.fault = BUSY
            refusal = STATUSES["throttled_silent" if plan.busy_status == 429 else "unavailable"](time.time())  # noqa: PLR2004 - one of the two that a plan may name
            return Reply(Answer(refusal.status, refusal.body, headers), entry)
        if course.limits.given:
            wait = course.limits.wait(now)
            if wait <= 0:
                course.limits.take(right.prompt_tokens, right.completion_tokens)
            if plan.announce_limits:
                headers |= course.limits.headers(style, time.time())
            if wait > 0:
                return _rate_limited(entry, plan, wait, headers, style)
        chosen = course.choose(right.ids, now)
        answer = Answer(_OK, right.body, headers)
        reply = Reply(answer, entry, latency_s(plan, right.ids, right.completion_tokens))
        if chosen is not None:
            rule, hit = chosen
            entry.fault, entry.hit = rule.name, tuple(sorted(hit))
            _spoil(reply, rule, hit)
        if reply.answer.status < _REDIRECTS and reply.shut is None and entry.fault not in _OF_A_GATEWAY:
            entry.prompt_tokens, entry.completion_tokens = right.prompt_tokens, right.completion_tokens
            entry.cached_tokens, entry.written_tokens = right.cached_tokens, right.written_tokens
        return reply


def _rate_limited(entry: Entry, plan: Plan, wait: float, headers: dict[str, str], style: LimitHeaders) -> Reply:
    entry.fault = RATE_LIMITED
    refusal = STATUSES["throttled_silent"](time.time())
    told = {"retry-after": str(int(wait) + 1)}
    if style == "openai":
        told["retry-after-ms"] = str(int(wait * 1000) + 1)
    return Reply(Answer(refusal.status, refusal.body, headers | told if plan.announce_wait else headers), entry)


def _spoil(reply: Reply, rule: Rule, hit: frozenset[str]) -> None:
    """Apply the rule's fault to a correct reply."""
    name, right = rule.name, reply.answer
    if name in BODIES:
        reply.answer = Answer(right.status, BODIES[name](Original.of(right.body), hit), right.headers)
    elif name in STATUSES:
        faulty = STATUSES[name](time.time())
        reply.answer = Answer(faulty.status, faulty.body, {**right.headers, **faulty.headers})
    elif name == SLOW:
        reply.delay_s *= rule.factor
    elif name in SHUT:
        reply.delay_s, reply.shut = 0.0, _shut(rule)
    else:
        reply.script, reply.seconds = SCRIPTS[name], rule.seconds


def _shut(rule: Rule) -> Shut | None:
    return Shut(rule.name == REFUSE, rule.seconds) if rule.name in SHUT else None
