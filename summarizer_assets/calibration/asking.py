"""The trial of one group size: asks each group of the same authors once and measures the first answers."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from summarizer_assets.bucket_run.asking.adapting import Adapting
from summarizer_assets.calibration.comparison import Measured
from summarizer_assets.core.answers.reply import NO_ANSWER, AnswerChecks, Asked, read_reply
from summarizer_assets.core.answers.unusable import UnusableReply
from summarizer_assets.core.money.amounts import Price, Usage, dollars
from summarizer_assets.core.outcome import Stop
from summarizer_assets.core.records import FailureReason
from summarizer_assets.llm.client import Client
from summarizer_assets.llm.errors import (
    BadReply,
    ContentFiltered,
    Exhausted,
    GroupTooLarge,
    Parked,
    Refused,
    RunFatal,
    StopCause,
)
from summarizer_assets.llm.reply import Reply
from summarizer_assets.llm.request_builder import RequestBuilder

#: The failure reason of each author of a refused request; other refusals are `rejected`.
_REASONS: Mapping[type[Refused], FailureReason] = {
    GroupTooLarge: FailureReason.TOO_LARGE,
    ContentFiltered: FailureReason.CONTENT_FILTER,
}
_TENTH = 10


@dataclass(frozen=True)
class Question:
    """What all requests share."""

    builder: RequestBuilder
    checks: AnswerChecks
    price: Price | None


@dataclass
class _Tally:
    """Counts of one size, updated with each reply."""

    accepted: int = 0
    missing: int = 0
    contradicted: int = 0
    strange: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    supports: list[float] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: int = 0


class SizeTrial:
    """The trials of one client, one size after another.

    `measure` raises:
        RunFatal: no request can succeed, or the budget is used up.
        Parked: the provider has an outage.
    """

    def __init__(self, client: Client, question: Question, adapting: Adapting) -> None:
        self._client = client
        self._question = question
        self._adapting = adapting

    async def measure(self, size: int, groups: Sequence[Sequence[Asked]], tokens: Sequence[int]) -> Measured:
        """Ask each group once, concurrently. `tokens`: estimated tokens of each group's records."""
        tally = _Tally()
        began = time.monotonic()
        tasks = [
            asyncio.ensure_future(self._ask(group, number, tally)) for group, number in zip(groups, tokens, strict=True)
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        seconds = time.monotonic() - began
        authors = sum(map(len, groups))
        price = self._question.price
        return Measured(
            size=size,
            authors=authors,
            requests=len(groups),
            accepted=tally.accepted,
            missing=tally.missing,
            contradicted=tally.contradicted,
            strange=tally.strange,
            refused=dict(sorted(tally.refused.items())),
            support_mean=statistics.fmean(tally.supports) if tally.supports else None,
            support_p10=_tenth(tally.supports),
            words_mean=statistics.fmean(tally.words) if tally.words else None,
            prompt_tokens=tally.prompt_tokens,
            completion_tokens=tally.completion_tokens,
            cost_usd=None if price is None else dollars(tally.cost),
            seconds=seconds,
            latency_s=statistics.median(tally.latencies) if tally.latencies else None,
        )

    async def _ask(self, group: Sequence[Asked], tokens: int, tally: _Tally) -> None:
        question, form = self._question, self._adapting.form
        size = question.builder.size(tokens, len(group), form)
        body = question.builder.body([author.text for author in group], form, size)

        def check(reply: Reply) -> Usage | None:
            used = reply.usage
            self._book(used or self._client.purse.assumed(len(body), len(reply.body), size.bound), reply.seconds, tally)
            try:
                self._read(group, reply, tally)
            except UnusableReply as error:
                raise BadReply(error.reason, retry=False, detail=str(error)) from error
            return used

        try:
            await self._client.complete(
                body,
                estimated_tokens=size.prompt + size.expected,
                most_output_tokens=size.bound,
                check=check,
                settle=lambda used: used,
            )
        except (Parked, RunFatal):
            raise
        except Refused as error:
            match self._adapting.after(error, form, size):
                case Stop() as stop:
                    raise RunFatal(stop.message, cause=StopCause.CONFIGURATION) from None
                case True:
                    await self._ask(group, tokens, tally)
                case _:
                    tally.refused[_REASONS.get(type(error), FailureReason.REJECTED)] += len(group)
        except (BadReply, Exhausted) as error:
            tally.refused[FailureReason[error.kind.upper()]] += len(group)

    def _book(self, used: Usage, seconds: float, tally: _Tally) -> None:
        tally.latencies.append(seconds)
        tally.prompt_tokens += used.prompt_tokens
        tally.completion_tokens += used.completion_tokens
        if self._question.price is not None:
            tally.cost += self._question.price.cost(used)

    def _read(self, group: Sequence[Asked], reply: Reply, tally: _Tally) -> None:
        reading = read_reply(reply.opened(), group, self._question.checks)
        tally.strange += reading.unknown_ids
        for author_id, reason in reading.again.items():
            if reason is not FailureReason.ID_MISMATCH:
                tally.refused[reason] += 1
            elif reading.details[author_id] == NO_ANSWER:
                tally.missing += 1
            else:
                tally.contradicted += 1
        for _, summary, judgement in reading.accepted:
            tally.accepted += 1
            tally.words.append(len(summary.split()))
            if judgement.support is not None:
                tally.supports.append(judgement.support)


def _tenth(values: Sequence[float]) -> float | None:
    """The 10th percentile; None without values."""
    return sorted(values)[len(values) // _TENTH] if values else None
