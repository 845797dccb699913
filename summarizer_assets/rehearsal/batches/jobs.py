"""One job of the batch service: its states in the course of time, and how it is described."""

from dataclasses import dataclass, field
from typing import Any, Final

from summarizer_assets.rehearsal.batches.input_file import Input, Line
from summarizer_assets.rehearsal.batches.job_form import JobForm
from summarizer_assets.rehearsal.batches.line_answer import LineAnswer
from summarizer_assets.rehearsal.batches.terms import BatchTerms

LIVE: Final = frozenset({"validating", "in_progress", "finalizing", "cancelling"})


@dataclass(slots=True)
class Job:
    """`course`: the lines in the order in which they are done. `moments`: when it came into each state."""

    id: str
    account: str
    input_file_id: str | None
    endpoint: str
    window: str
    metadata: dict[str, str] | None
    content: bytes = field(repr=False)  # of the input file, until it is validated
    created_at: float
    expires_at: float
    terms: BatchTerms
    form: JobForm
    status: str = "validating"
    input: Input | None = None
    course: list[Line] = field(default_factory=list)
    answers: dict[int, LineAnswer] = field(default_factory=dict)
    problems: tuple[dict[str, Any], ...] = ()
    output_file_id: str | None = None
    error_file_id: str | None = None
    moments: dict[str, float] = field(default_factory=dict)
    deleted: bool = False

    @property
    def live(self) -> bool:
        return self.status in LIVE

    def become(self, status: str, at: float) -> None:
        self.status = status
        self.moments[status] = at

    @property
    def ended_at(self) -> float:
        """When it came into the state that it is in."""
        return self.moments.get(self.status, self.created_at)

    def described(self, *, with_files: bool) -> dict[str, Any]:
        """The job as a client sees it; `with_files`: not before its files' ids show."""
        model = None if self.input is None else self.input.model
        times = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
        moments = {f"{name}_at": _whole(self.moments.get(name)) for name in times}
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "model": model,
            "errors": {"object": "list", "data": list(self.problems)} if self.problems else None,
            "input_file_id": self.input_file_id,
            "completion_window": self.window,
            "status": self.status,
            "output_file_id": self.output_file_id if with_files else None,
            "error_file_id": self.error_file_id if with_files else None,
            "created_at": int(self.created_at),
            "expires_at": int(self.expires_at),
            **moments,
            "request_counts": self._counts,
            "usage": self._usage,
            "metadata": self.metadata,
        }

    @property
    def _counts(self) -> dict[str, int]:
        completed = sum(answer.well for answer in self.answers.values())
        return {"total": len(self.course), "completed": completed, "failed": len(self.answers) - completed}

    @property
    def _usage(self) -> dict[str, Any]:
        prompt = sum(answer.prompt_tokens for answer in self.answers.values())
        completion = sum(answer.completion_tokens for answer in self.answers.values())
        return {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": completion,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + completion,
        }


def _whole(moment: float | None) -> int | None:
    return None if moment is None else int(moment)
