"""Outcomes as the records that the journal keeps and the tables' rows are made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.authors.remedies import FOR_A_SECOND_MODEL
from summarizer_assets.core.authors.retry_policy import RetryPolicy
from summarizer_assets.core.authors.work_plan import Identity
from summarizer_assets.core.money.amounts import Price, dollars, share_out
from summarizer_assets.core.outcome import Answer, Failed
from summarizer_assets.core.records import SUMMARIES, FailureReason

ANSWERS, FAILED, FORGIVEN = "answers", "failures", "forgiven"  # kinds of journal records

#: What each answer of a request has of its own, in the journal's order; the rest it shares with its request.
OWN = (
    "author_id",
    "author_name",
    "summary",
    "content_hash",
    "prompt_tokens",
    "completion_tokens",
    "cost_usd",
    "support",
    "flags",
)
SHARED = tuple(name for name in SUMMARIES.names() if name not in OWN)


def answered_in(records: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """author_id, content_hash, answered_at, replaces of the answers among journal records, each question's newest."""
    author, content = OWN.index("author_id"), OWN.index("content_hash")
    newest: dict[tuple[str, str], tuple[datetime, bool]] = {}
    for record in records:
        if record["kind"] == ANSWERS:
            # A journal of the version before does not tell.
            told = (datetime.fromisoformat(record["shared"]["summarized_at"]), record.get("replaces", True))
            for row in record["rows"]:
                question = (row[author], row[content])
                newest[question] = max(told, newest.get(question, told))
    rows = [(*question, *told) for question, told in sorted(newest.items())]
    return pl.DataFrame(rows, schema=_ANSWERED, orient="row")


_ANSWERED = pl.Schema(
    {
        "author_id": pl.String(),
        "content_hash": pl.String(),
        "answered_at": SUMMARIES["summarized_at"],
        "replaces": pl.Boolean(),
    }
)


@dataclass(frozen=True)
class Todo:
    """The authors to ask, as columns by position (see `core.authors.pending.Plan.todo`)."""

    ids: list[str]
    names: list[str | None]
    texts: list[str]
    hashes: list[str]
    tokens: list[int]
    attempts: list[int]
    first_failed_at: list[datetime | None]
    has_summary: list[bool]
    outdated: list[bool]
    asked_before: list[bool]
    driven: list[bool]
    second_model: list[str | None]
    second_reason: list[str | None]

    @classmethod
    def of(cls, todo: pl.DataFrame) -> "Todo":
        columns = {"ids": "author_id", "names": "author_name", "texts": "text", "hashes": "content_hash"}
        names = [field.name for field in fields(cls)]
        return cls(**{name: todo[columns.get(name, name)].to_list() for name in names})

    def renews(self, position: int) -> bool:
        """Whether the author has a summary of this very content: it stays when asking again fails."""
        return self.has_summary[position] and not self.outdated[position]


@dataclass(frozen=True)
class RunFacts:
    """What all outcomes of a run share. `second_model`: asked of whom the model fails; None: nobody is."""

    bucket: str
    run_id: str
    identity: Identity
    price: Price | None
    policy: RetryPolicy
    second_model: str | None = None


def _shared(total: int | None, weights: list[int]) -> Sequence[int | None]:
    return [None] * len(weights) if total is None else share_out(total, weights)


class RecordBuilder:
    """Makes journal records of what the asker reports."""

    def __init__(self, todo: Todo, facts: RunFacts) -> None:
        self._todo = todo
        self._facts = facts

    def answers(self, answer: Answer) -> dict[str, Any]:
        todo, facts, reading = self._todo, self._facts, answer.reading
        identity = answer.identity or facts.identity
        positions = answer.positions
        ids, summaries, judgements = zip(*reading.accepted, strict=True)
        by_record = [todo.tokens[position] for position in positions]
        by_answer = [len(summary) for summary in summaries]
        own = {
            "author_id": ids,
            "author_name": [todo.names[position] for position in positions],
            "summary": summaries,
            "content_hash": [todo.hashes[position] for position in positions],
            "prompt_tokens": _shared(reading.told.prompt_tokens, by_record),
            "completion_tokens": _shared(reading.told.completion_tokens, by_answer),
            "cost_usd": self._costs(answer, by_record, by_answer),
            "support": [judgement.support for judgement in judgements],
            "flags": [[*reading.flags, *judgement.flags] for judgement in judgements],
        }
        rows = list(zip(*(own[name] for name in OWN), strict=True))
        shared = {
            "bucket": facts.bucket,
            "prompt_version": identity.prompt_version,
            "model": identity.model,
            "response_model": reading.response_model,
            "request_id": answer.request_id,
            "run_id": facts.run_id,
            "summarized_at": datetime.now(UTC),
        }
        return {"kind": ANSWERS, "shared": shared, "rows": rows}

    def _costs(self, answer: Answer, by_record: list[int], by_answer: list[int]) -> Sequence[float | None]:
        """Dollars of each answer, whole nano-dollars that sum to what the request cost; None: no price is known."""
        price = answer.price or self._facts.price
        if price is None:
            return [None] * len(by_record)
        for_input, for_output = price.parts(answer.used)
        shares = zip(share_out(for_input, by_record), share_out(for_output, by_answer), strict=True)
        return [dollars(one + other) for one, other in shares]

    def failure(self, failure: Failed) -> dict[str, Any]:
        """The row of an author whom the run's model failed; a later run asks again while the second is still to be."""
        todo, facts, position = self._todo, self._facts, failure.position
        now = datetime.now(UTC)
        second = todo.second_model[position]
        for_second = facts.second_model is not None and second is None and failure.reason in FOR_A_SECOND_MODEL
        before = "" if second is None else f"; {second} failed before: {todo.second_reason[position]}"
        return {
            "author_id": todo.ids[position],
            "bucket": facts.bucket,
            "content_hash": todo.hashes[position],
            "prompt_version": facts.identity.prompt_version,
            "model": facts.identity.model,
            "reason": str(failure.reason),
            "detail": made_visible(failure.detail) + before,
            "first_failed_at": todo.first_failed_at[position] or now,
            "last_failed_at": now,
            "http_status": failure.status,
            "request_id": failure.request_id,
            "run_id": facts.run_id,
            "second_model": second,
            "second_reason": todo.second_reason[position],
            **self._retry(todo.attempts[position] + 1, now, retryable=failure.reason.retryable or for_second),
        }

    def failed_too(self, row: Mapping[str, Any], failure: Failed, second_model: str) -> dict[str, Any]:
        """`row`, the failure of the first model, when the second failed, too; it is retried by the first's reason."""
        said = f"{failure.reason}, {made_visible(failure.detail)}"
        retryable = FailureReason[row["reason"].upper()].retryable
        return {
            **row,
            "detail": f"{row['detail']}; {second_model} failed too: {said}",
            "second_model": second_model,
            "second_reason": str(failure.reason),
            **self._retry(row["attempts"], row["last_failed_at"], retryable=retryable),
        }

    def _retry(self, attempts: int, failed_at: datetime, *, retryable: bool) -> dict[str, Any]:
        wait_s = self._facts.policy.next_due_s(attempts, retryable=retryable)
        due = None if wait_s is None else failed_at + timedelta(seconds=wait_s)
        return {"attempts": attempts, "retryable": retryable, "next_retry_at": due}
