"""Plans batch jobs: who goes into which request and job. It only stores; the lines are written when a job is sent."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from summarizer_assets.bucket_run.asking.adapting import Adapting
from summarizer_assets.bucket_run.asking.prompts import BucketPrompt
from summarizer_assets.bucket_run.batches.submit import Money
from summarizer_assets.bucket_run.work import Work
from summarizer_assets.core.batches.followups import Question
from summarizer_assets.core.batches.lines import KEY_CHARACTERS
from summarizer_assets.core.batches.packing import JobLimits, LineSize, affordable, packed
from summarizer_assets.core.batches.routing import RouteRule
from summarizer_assets.core.batches.states import JobState
from summarizer_assets.core.money.excess import Excess
from summarizer_assets.core.outcome import Stop
from summarizer_assets.core.prompt.grouping import GroupLimits, plan_groups
from summarizer_assets.llm.errors import StopCause
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs, JobRow, RequestRow

_DAY_S: Final = 86_400.0
_AROUND_A_BODY: Final = 200  # bytes of a line


@dataclass(frozen=True)
class BatchTerms:
    """How jobs are made. `account`: a hash of the base URL and the key. `rule`: who goes into one."""

    limits: JobLimits
    groups: GroupLimits
    account: str
    money: Money
    rule: RouteRule


class Planner:
    """Of one run."""

    def __init__(
        self, jobs: BatchJobs, work: Work, prompt: BucketPrompt, adapting: Adapting, terms: BatchTerms
    ) -> None:
        self._jobs = jobs
        self._work = work
        self._prompt = prompt
        self._adapting = adapting
        self._terms = terms

    def plan_next(self, row: JobRow, questions: Sequence[Question]) -> None:
        """The job after `row`. Its key follows from `row`'s: it is planned once, however often `row` is collected."""
        if questions:
            key = blake2b(f"after {row.key}".encode(), digest_size=KEY_CHARACTERS // 2).hexdigest()
            # Where nobody is asked online instead, each job has all of the time: else the second would be cancelled.
            self._store(key, questions, row.waits_since if self._terms.rule.route == "auto" else None)

    def plan_new(self, questions: Sequence[Question]) -> Stop | None:
        """Jobs for these; returns why not all of them are planned."""
        excess = self._terms.money.excess
        sizes = [self._size(question, excess) for question in questions]
        count = affordable(sizes, self._terms.money.room)
        for places in packed(sizes[:count], self.limits):
            self._store(uuid.uuid4().hex[:KEY_CHARACTERS], [questions[place] for place in places])
        if count == len(questions):
            return None
        told = "the budget leaves no room for all authors that wait: raise SUMMARIZER_BUDGET_USD, then run again"
        return Stop(str(StopCause.BUDGET), told)

    def free(self, settled: Collection[str]) -> frozenset[int]:
        """Positions without an outcome who are in no live job; `settled`: keys of jobs whose results were just read."""
        todo, open_positions = self._work.todo, self._work.outcomes.open_positions()
        blocked: set[str] = set()
        for row in self._jobs.live(self._work.facts.bucket):
            if row.key not in settled:
                blocked.update(author for request in self._jobs.requests(row.key) for author in request.authors)
        return frozenset(at for at in open_positions if todo.ids[at] not in blocked)

    def grouped(self, positions: Sequence[int]) -> list[Question]:
        """Questions about authors who were asked nothing yet."""
        todo = self._work.todo
        tokens, attempts = ([column[at] for at in positions] for column in (todo.tokens, todo.attempts))
        names = [todo.names[at] for at in positions]
        return [
            Question(tuple(part))
            for group in plan_groups(tokens, attempts, self._terms.groups, names)
            for part in self._prompt.cut([positions[place] for place in group], self._adapting.form)
        ]

    @property
    def limits(self) -> JobLimits:
        """Those of the settings; fewer tokens for a day after the provider had no room."""
        limits, identity = self._terms.limits, self._work.facts.identity
        window = self._jobs.token_window(self._terms.account, identity.model, self._jobs.now() - _DAY_S)
        known = [tokens for tokens in (limits.tokens, window) if tokens is not None]
        return JobLimits(limits.requests, limits.bytes, min(known, default=None))

    def has_room(self, row: JobRow) -> bool:
        """Whether the account's queue takes the job, as far as is known."""
        most = self.limits.tokens
        sent = (JobState.CREATING, JobState.OPEN)
        queued = sum(one.tokens for one in self._jobs.live() if one.state in sent and one.account == row.account)
        return most is None or not queued or queued + row.tokens <= most

    def _size(self, question: Question, excess: Excess) -> LineSize:
        """Of its line; money as it is held when the job is sent."""
        positions, money = list(question.positions), self._terms.money
        size = self._prompt.size(positions, self._adapting.form)
        body = self._prompt.body(positions, self._adapting.form, size, question.complaint, question.trim)
        return LineSize(len(body) + _AROUND_A_BODY, size.prompt, money.bound(len(body), size.bound, excess))

    def _store(self, key: str, questions: Sequence[Question], since: float | None = None) -> None:
        todo, facts = self._work.todo, self._work.facts
        requests = [
            RequestRow(
                number,
                tuple(todo.ids[at] for at in question.positions),
                tuple(todo.hashes[at] for at in question.positions),
                question.trim,
                question.complaint,
                question.second,
            )
            for number, question in enumerate(questions)
        ]
        if all(question.alone and question.second for question in questions):
            requests.append(RequestRow(len(requests), (), ()))  # the control, which shows whose fault a refusal is
        tokens = sum(self._prompt.size(list(question.positions), self._adapting.form).prompt for question in questions)
        row = JobRow(
            key,
            facts.bucket,
            facts.run_id,
            self._terms.account,
            facts.identity.model,
            facts.identity.prompt_version,
            requests=len(requests),
            authors=sum(len(request.authors) for request in requests),
            tokens=tokens,
            waiting_since=since,
        )
        self._jobs.plan(row, requests)
