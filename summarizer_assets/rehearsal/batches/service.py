"""The batch service behind its calls: accounts, limits, and jobs whose states follow a clock, which can be put on."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from summarizer_assets.rehearsal.batches.files import Files, StoredFile, refused
from summarizer_assets.rehearsal.batches.input_file import problem
from summarizer_assets.rehearsal.batches.job_form import JobForm
from summarizer_assets.rehearsal.batches.jobs import Job
from summarizer_assets.rehearsal.batches.line_answer import LineAnswer
from summarizer_assets.rehearsal.batches.results import in_own_order, result_files
from summarizer_assets.rehearsal.batches.terms import BatchTerms
from summarizer_assets.rehearsal.interface import Interface

_HOUR_S: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class Billed:
    """A line that the model worked on. `ids`: its authors. Of the prompt's tokens, some may be of the cache."""

    job: str
    custom_id: str
    ids: tuple[str, ...]
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    written_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job that is to be made: of the file `file_id`, or of `content`, which has its requests."""

    job_id: str
    endpoint: str
    window: str = "24h"
    metadata: dict[str, str] | None = None
    file_id: str | None = None
    content: bytes = field(default=b"", repr=False)


class BatchService:
    """All accounts' files and jobs. Thread-safe. Jobs are brought up to date whenever somebody looks.

    Args:
        answer: what the model gives to the body of a line, in an interface.
        terms: as they are now; a job keeps those that it was made under.
        seed: of the lines' order.
        clock: the time of day, in epoch seconds.
    """

    def __init__(
        self,
        answer: Callable[[bytes, Interface], LineAnswer],
        terms: Callable[[], BatchTerms],
        seed: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._answer = answer
        self._terms = terms
        self._seed = seed
        self._clock = clock
        self._ahead_s = 0.0
        self._files = Files()
        self._jobs: dict[str, Job] = {}
        self._bill: list[Billed] = []
        self._lock = threading.Lock()

    def advance(self, seconds: float) -> None:
        """Put the clock forward."""
        with self._lock:
            self._ahead_s += seconds

    @property
    def bill(self) -> list[Billed]:
        """Everything billed until now."""
        with self._lock:
            self._bring_up_to_date()
            return list(self._bill)

    def bring_up_to_date(self) -> None:
        """Do all that is to be done until now."""
        with self._lock:
            self._bring_up_to_date()

    def jobs(self) -> list[dict[str, Any]]:
        """All accounts' jobs, oldest first, also those that no list shows yet, or that were deleted."""
        with self._lock:
            now = self._bring_up_to_date()
            return [self._described(job, now) for job in self._jobs.values()]

    # The calls of one account; each raises `RequestRefusedError`.

    def upload(self, account: str, name: str, content: bytes, fields: dict[str, str]) -> dict[str, Any]:
        with self._lock:
            now = self._bring_up_to_date()
            return self._files.upload(account, name, content, fields, self._terms(), now).described

    def files(self, account: str, purpose: str | None, *, oldest_first: bool) -> list[dict[str, Any]]:
        with self._lock:
            listed = self._files.listed(account, self._terms(), self._bring_up_to_date())
            found = [file.described for file in listed if purpose in (None, file.purpose)]
            return found if oldest_first else found[::-1]

    def file(self, account: str, file_id: str) -> StoredFile:
        with self._lock:
            return self._files.get(account, file_id, self._bring_up_to_date())

    def is_fresh(self, account: str, file_id: str) -> bool:
        """Whether no job can be made of the file yet."""
        with self._lock:
            now = self._bring_up_to_date()
            return now - self._files.get(account, file_id, now).created_at < self._terms().readable_after_s

    def has_file(self, account: str, file_id: str | None) -> bool:
        with self._lock:
            now = self._bring_up_to_date()
            return any(file.id == file_id for file in self._files.of(account, now))

    def delete(self, account: str, file_id: str) -> dict[str, Any]:
        with self._lock:
            self._files.delete(account, file_id, self._bring_up_to_date())
            return {"id": file_id, "object": "file", "deleted": True}

    def create(self, account: str, wanted: Wanted, form: JobForm) -> dict[str, Any]:
        """Make a job. Of its file only the name is looked at."""
        with self._lock:
            now, terms = self._bring_up_to_date(), self._terms()
            content = wanted.content
            if wanted.file_id is not None:
                content = self._readable(account, wanted.file_id, terms, now).content
            lately = [job for job in self._of(account) if now - job.created_at < _HOUR_S]
            if len(lately) >= terms.jobs_an_hour:
                raise refused(
                    "Rate limit reached: too many batches in an hour.",
                    HTTPStatus.TOO_MANY_REQUESTS,
                    code="rate_limit_exceeded",
                )
            job = Job(
                wanted.job_id,
                account,
                wanted.file_id,
                wanted.endpoint,
                wanted.window,
                wanted.metadata,
                content,
                now,
                now + terms.window_s,
                terms,
                form,
            )
            if form.at_once:
                self._validate(job, now)
                if job.problems:
                    raise refused(job.problems[0]["message"], HTTPStatus.TOO_MANY_REQUESTS, code="rate_limit_exceeded")
            self._jobs[job.id] = job
            return self._described(job, now)

    def listed(self, account: str) -> list[dict[str, Any]]:
        """Newest first."""
        with self._lock:
            now = self._bring_up_to_date()
            late = self._terms().listed_after_s
            found = [job for job in self._of(account) if now - job.created_at >= late]
            return [self._described(job, now) for job in reversed(found)]

    def job(self, account: str, job_id: str) -> dict[str, Any]:
        with self._lock:
            now = self._bring_up_to_date()
            return self._described(self._get(account, job_id), now)

    def cancel(self, account: str, job_id: str) -> dict[str, Any]:
        with self._lock:
            now = self._bring_up_to_date()
            job = self._get(account, job_id)
            if not job.live:
                raise refused(f"Cannot cancel a batch with status '{job.status}'.", HTTPStatus.CONFLICT)
            if job.status != "cancelling":
                job.become("cancelling", now)
                self._advance(job, now)
            return self._described(job, now)

    def delete_job(self, account: str, job_id: str) -> None:
        """Forget a job that ended, with its results."""
        with self._lock:
            self._bring_up_to_date()
            job = self._get(account, job_id)
            if job.live:
                raise refused("The batch is still processing: cancel it first.")
            job.deleted = True

    def _get(self, account: str, job_id: str) -> Job:
        job = self._jobs.get(job_id)
        if job is None or job.account != account or job.deleted:
            raise refused(f"No batch found with id '{job_id}'.", HTTPStatus.NOT_FOUND, param="id")
        return job

    def _of(self, account: str) -> list[Job]:
        return [job for job in self._jobs.values() if job.account == account and not job.deleted]

    def _described(self, job: Job, now: float) -> dict[str, Any]:
        return job.described(with_files=now >= job.ended_at + job.terms.ids_after_s)

    def _readable(self, account: str, file_id: str, terms: BatchTerms, now: float) -> StoredFile:
        found = next((file for file in self._files.of(account, now) if file.id == file_id), None)
        if found is None or now - found.created_at < terms.readable_after_s:
            raise refused(f"Invalid 'input_file_id': no file {file_id} found.", param="input_file_id")
        return found

    # Time.

    def _bring_up_to_date(self) -> float:
        now = self._clock() + self._ahead_s
        for job in self._jobs.values():
            if job.live:
                self._advance(job, now)
        return now

    def _advance(self, job: Job, now: float) -> None:
        terms = job.terms
        if job.status == "validating" and now >= job.created_at + terms.validating_s:
            self._validate(job, job.created_at + terms.validating_s)
        if job.status == "in_progress":
            self._work(job, now)
        if job.status == "finalizing" and now >= job.moments["finalizing"] + terms.finalizing_s:
            self._end(job, "completed", job.moments["finalizing"] + terms.finalizing_s)
        if job.status == "cancelling" and now >= job.moments["cancelling"] + terms.cancelling_s:
            self._end(job, "cancelled", job.moments["cancelling"] + terms.cancelling_s)

    def _validate(self, job: Job, at: float) -> None:
        job.input = found = job.form.read(job.content, job.endpoint, job.terms)
        job.content = b""
        job.problems = found.problems or self._over_the_limit(job)
        if job.problems:
            job.become("failed", at)
            return
        job.course = in_own_order(found.lines, self._seed())
        job.become("in_progress", at)

    def _over_the_limit(self, job: Job) -> tuple[dict[str, Any], ...]:
        assert job.input is not None
        most = job.terms.enqueued_tokens
        queued = sum(
            other.input.tokens
            for other in self._of(job.account)
            if other.live and other is not job and other.input is not None and other.input.model == job.input.model
        )
        if most is None or queued + job.input.tokens <= most:
            return ()
        told = (
            f"Enqueued token limit reached for {job.input.model}. Limit: {most:,} enqueued tokens. Please try again "
            "once some in_progress batches have been completed."
        )
        return (problem("token_limit_exceeded", told),)

    def _work(self, job: Job, now: float) -> None:
        terms = job.terms
        began = job.moments["in_progress"]
        until = (min(now, job.expires_at) if job.form.expires else now) - began
        whole = until >= terms.running_s
        done = len(job.course) if whole else int(len(job.course) * until / terms.running_s)
        for line in job.course[len(job.answers) : done]:
            answer = job.answers[line.number] = self._answer(line.body, job.form.interface)
            if answer.prompt_tokens or answer.completion_tokens:
                tokens = (answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens, answer.written_tokens)
                self._bill.append(Billed(job.id, line.custom_id, answer.ids, *tokens))
        if whole:
            job.become("finalizing", began + terms.running_s)
        elif job.form.expires and now >= job.expires_at:
            self._end(job, "expired", job.expires_at)

    def _end(self, job: Job, status: str, at: float) -> None:
        """Write the result files; of a job that was cancelled before it was validated there are none."""
        terms, seed = job.terms, self._seed()
        files = result_files(
            job.course,
            job.answers,
            status,
            job.form,
            bad=terms.lines,
            seed=seed,
            empty_error_file=terms.empty_error_file,
        )
        job.output_file_id = self._result(job, "output", files.output, at)
        job.error_file_id = self._result(job, "error", files.errors, at)
        job.become(status, at)

    def _result(self, job: Job, kind: str, content: bytes | None, at: float) -> str | None:
        if content is None:
            return None
        name = f"{job.id}_{kind}.jsonl"
        kept, from_creation = job.terms.kept_s, job.form.kept_from_creation_s
        until = at + kept if from_creation is None else job.created_at + min(kept, from_creation)
        return self._files.put(job.account, name, "batch_output", content, at, until).id
