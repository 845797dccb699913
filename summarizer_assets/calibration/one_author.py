"""One request for one author, outside of any run: what comes back, costs and limits, and how it wants to be asked."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from summarizer_assets.bucket_run.asking.adapting import Adapting
from summarizer_assets.core.answers.reply import Asked, read_reply
from summarizer_assets.core.answers.unusable import UnusableReply
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.outcome import Stop
from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.installation import Summarizer
from summarizer_assets.llm.client import Client
from summarizer_assets.llm.errors import BadReply, ProviderError, Refused, RunFatal, StopCause
from summarizer_assets.llm.http.event_loop import run
from summarizer_assets.llm.reply import Reply
from summarizer_assets.llm.request_builder import RequestBuilder
from summarizer_assets.storage.state_db.estimates import CALIBRATION

_FORMS: Final = 8  # ways to ask; there are fewer
_SHOWN: Final = 2000  # characters of a reply


@dataclass
class Trial:
    """What one request brought.

    Attributes:
        author_id, name, record: the author, as sent.
        reply: what the model wrote, cut; None if nothing came or it is no text.
        summary: accepted of it; None if it was not accepted, for the `reason`.
        flags: of the summary.
        model: as the reply names it.
        usage: of the reply; None if it tells none.
        cost: nano-dollars; None if no price is known or no usage was told.
        limits: of the account a minute, as the reply's headers tell.
        seconds: of the last try. `tries`: without throttled ones.
        adapted: how it was asked differently, and why; `form`: the differences from the usual form in all.
        failed: the message of the provider's or the network's error; empty if a reply came.
    """

    author_id: str
    name: str
    record: str
    reply: str | None = None
    summary: str | None = None
    reason: str = ""
    flags: Sequence[str] = ()
    model: str | None = None
    usage: Usage | None = None
    cost: int | None = None
    limits: RateLimits = field(default_factory=RateLimits)
    seconds: float = 0.0
    tries: int = 0
    request_id: str | None = None
    adapted: list[str] = field(default_factory=list)
    form: str = ""
    failed: str = ""


def try_one(summarizer: Summarizer, author: pl.DataFrame) -> Trial:
    """Ask for one author, as a run would. The request is booked in the ledger and keeps to the budget.

    Args:
        summarizer: the installation whose model is asked.
        author: one rendered row: author_id, author_name, text, tokens.

    Raises:
        StorageError: the state store does not answer.
    """
    row = author.row(0, named=True)
    trial = Trial(row["author_id"], row["author_name"] or "", row["text"])
    adapting = summarizer.adapting
    client = summarizer.client(f"ping-{uuid.uuid4().hex[:12]}", CALIBRATION)
    asker = _Asker(summarizer, client, adapting, trial, int(row["tokens"]))
    try:
        run(asker.ask())
    finally:
        adapting.tell(trial.adapted.append)
    trial.form = adapting.form.differences
    return trial


class _Asker:
    """Fills in the trial."""

    def __init__(self, summarizer: Summarizer, client: Client, adapting: Adapting, trial: Trial, tokens: int) -> None:
        self._checks, self._price = summarizer.model.checks, summarizer.price
        self._protocol = summarizer.settings.protocol
        self._builder: RequestBuilder = summarizer.model.request_builder
        self._client, self._adapting, self._trial, self._tokens = client, adapting, trial, tokens

    async def ask(self) -> None:
        try:
            for _ in range(_FORMS):
                if await self._asked():
                    return
        except ProviderError as error:
            self._trial.failed = "" if self._trial.reason else str(error)  # else a reply came, and it is no use
        finally:
            await self._client.aclose()

    async def _asked(self) -> bool:
        """Whether that was the last way to ask."""
        form = self._adapting.form
        size = self._builder.size(self._tokens, 1, form)
        try:
            await self._client.complete(
                self._builder.body([self._trial.record], form, size),
                estimated_tokens=size.prompt + size.expected,
                most_output_tokens=size.bound,
                check=self._read,
                settle=lambda used: used,
                in_vain=lambda _: self._trial.summary is None,
            )
        except Refused as error:
            match self._adapting.after(error, form, size):
                case Stop() as stop:
                    raise RunFatal(stop.message, cause=StopCause.CONFIGURATION) from None
                case True:
                    return False
                case _:
                    raise
        return True

    def _read(self, reply: Reply) -> Usage | None:
        trial, told = self._trial, self._protocol.limits(reply.headers)
        text = self._protocol.text(reply.body)
        trial.reply = None if text is None else self._client.redact(text[:_SHOWN])
        trial.usage, trial.seconds, trial.tries = reply.usage, reply.seconds, reply.tries
        trial.request_id = reply.request_id
        trial.limits = RateLimits(told.requests.limit, told.tokens.limit)
        if self._price is not None and trial.usage is not None:
            trial.cost = self._price.cost(trial.usage)
        try:
            reading = read_reply(reply.opened(), [Asked(trial.author_id, trial.name, trial.record)], self._checks)
        except UnusableReply as error:
            trial.reason = str(error)
            raise BadReply(error.reason, retry=False, detail=str(error)) from error
        trial.model = reading.response_model
        for _, summary, judgement in reading.accepted:
            trial.summary, trial.flags = summary, [str(flag) for flag in judgement.flags]
        for author_id, reason in reading.again.items():
            trial.reason = f"{reason}: {reading.details.get(author_id) or reason.meaning}"
        return trial.usage
