"""Sends planned batch jobs: their money, their file, then the job itself, each stored before it is done."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from summarizer_assets.bucket_run.asking.adapting import Adapting
from summarizer_assets.bucket_run.asking.prompts import BucketPrompt
from summarizer_assets.bucket_run.batches.look import opened
from summarizer_assets.bucket_run.work import Work
from summarizer_assets.core.batches.lines import custom_id, digest_of, file_name, metadata_of
from summarizer_assets.core.batches.states import JobState, since_of
from summarizer_assets.core.money.amounts import Price
from summarizer_assets.core.money.excess import NOTHING_SEEN, Excess
from summarizer_assets.core.money.spending import Booking, Grant, used_up
from summarizer_assets.core.outcome import Stop
from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.llm.batches.errors import (
    AccountRefused,
    BatchCallFailed,
    CallMissing,
    CallRefused,
    CallThrottled,
    CallUnknown,
    FileGone,
)
from summarizer_assets.llm.batches.provider import BatchProvider, NewJob
from summarizer_assets.llm.errors import StopCause
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs, JobRow, RequestRow
from summarizer_assets.storage.state_db.ledger import SpendLedger

#: Seconds between tries to make a job of a file that the provider does not find yet.
_UNTIL_READABLE_S: Final = (1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Money:
    """What pays for jobs. `ledger` and `price` are None where nothing is counted.

    `price`: of requests that are waited for. `factor`: of it, in a batch job; None: nobody knows, and the whole price
    is counted. `free`: nothing is counted because nothing costs anything.
    """

    ledger: SpendLedger | None
    price: Price | None
    cap: int | None
    asked_as: str
    factor: float | None = None
    free: bool = False

    def price_at(self, factor: float | None) -> Price | None:
        """The price in a job that was sent at this factor; None: as it is known now."""
        factor = self.factor if factor is None else factor
        return self.price if self.price is None or factor is None else self.price.times(factor)

    @cached_property
    def _price_now(self) -> Price | None:
        return self.price_at(None)

    @property
    def excess(self) -> Excess:
        return NOTHING_SEEN if self.ledger is None else self.ledger.excess(self.asked_as)

    @property
    def room(self) -> int | None:
        """What is left of the budget, in nano-dollars; None: no budget."""
        if self.cap is None or self.ledger is None:
            return None
        totals = self.ledger.totals()
        return self.cap - totals["spent"] - totals["uncertain"] - totals["reserved"]

    def bound(self, size: int, output: int, excess: Excess | None = None) -> int:
        """What a request of so many bytes, and at most so many output tokens, may cost."""
        price = self._price_now
        return 0 if price is None else (excess or self.excess).seen(price.most(size, output))


class Submitter:
    """Of one run.

    Args:
        api: of the provider.
        jobs: of the root.
        work: the run's; its claim is checked before each step.
        prompt: of its authors.
        adapting: the form of requests.
        money: of the jobs.
        log: hears each step.
        sleep: waits.
    """

    def __init__(
        self,
        api: BatchProvider,
        jobs: BatchJobs,
        work: Work,
        prompt: BucketPrompt,
        *,
        adapting: Adapting,
        money: Money,
        log: Callable[[str], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api = api
        self._jobs = jobs
        self._work = work
        self._prompt = prompt
        self._adapting = adapting
        self._money = money
        self._log = log
        self._sleep = sleep
        self._positions = {author: position for position, author in enumerate(work.todo.ids)}

    def written(
        self, request: RequestRow, key: str, excess: Excess, waiting: frozenset[int]
    ) -> tuple[RequestRow, bytes] | None:
        """The request's line, and the request with its size; None if nobody in it waits for this answer any more."""
        todo, form = self._work.todo, self._adapting.form
        positions = []
        for author, content in zip(request.authors, request.hashes, strict=True):
            position = self._positions.get(author, -1)
            if position in waiting and todo.hashes[position] == content:
                positions.append(position)
        if not request.authors:
            size, body = self._prompt.control_size(form), self._prompt.control(form)
        elif positions:
            size = self._prompt.size(positions, form)
            body = self._prompt.body(positions, form, size, request.complaint, request.trim)
        else:
            return None
        filled = replace(
            request,
            authors=tuple(todo.ids[at] for at in positions),
            hashes=tuple(todo.hashes[at] for at in positions),
            bytes=len(body),
            bound=size.bound,
            reserve=self._money.bound(len(body), size.bound, excess),
        )
        root = None if self._api.limits.tells_mark else self._jobs.mark
        return filled, self._api.lines.request(custom_id(key, request.number, root), body)

    async def send(self, row: JobRow) -> Stop | None:
        """Take a job as far as it goes; returns why the run should send no other.

        Raises:
            AccountRefused: the key, the credit or the model; the job is kept.
            PastUnknown: see `SpendLedger`.
        """
        requests, content = self._file(row)
        if not any(request.authors for request in requests):
            self._jobs.settle(row, JobState.FAILED, Booking(), ledger=self._money.ledger, reason="nobody waits for it")
            return None
        digest, again = digest_of(content), True
        if row.state is JobState.PLANNED or row.digest != digest:
            funded = self._fund(row, requests, digest)
            if not isinstance(funded, JobRow):
                return funded
            row, again = funded, False
        if row.state is JobState.UPLOADING:
            uploaded = await self._upload(row, content, again=again)
            if not isinstance(uploaded, JobRow):
                return uploaded
            row = uploaded
        return await self._create(row, content)

    def _file(self, row: JobRow) -> tuple[list[RequestRow], bytes]:
        excess, waiting = self._money.excess, frozenset(self._work.outcomes.open_positions())
        kept: list[RequestRow] = []
        lines: list[bytes] = []
        for request in self._jobs.requests(row.key):
            written = self.written(replace(request, number=len(kept)), row.key, excess, waiting)
            if written is not None:
                kept.append(written[0])
                lines.append(written[1])
        return kept, b"".join(lines)

    def _fund(self, row: JobRow, requests: Sequence[RequestRow], digest: str) -> JobRow | Stop | None:
        self._work.claim.check()
        money = self._money
        got = self._jobs.fund(
            row,
            requests,
            digest,
            ledger=money.ledger,
            cap=money.cap,
            asked_as=money.asked_as,
            factor=money.factor,
        )
        if isinstance(got, Grant):
            assert money.cap is not None
            need = sum(request.reserve for request in requests)
            return Stop(str(StopCause.BUDGET), used_up(got, money.cap, need, got.excess))
        return got

    async def _found(self, row: JobRow) -> str | None:
        """The id of the file that a dead run uploaded, if it did, and if the provider lists files at all."""
        assert row.digest is not None
        name = file_name(row.key, row.digest, self._jobs.mark)
        try:
            async for file in self._api.files(since_of(row.planned_at)):
                if file.name == name:
                    return file.id
        except CallMissing as error:
            self._log(f"the file of batch job {row.key} is uploaded again, for files are not listed: {error}")
        return None

    async def _upload(self, row: JobRow, content: bytes, *, again: bool) -> JobRow | Stop | None:
        """Args: `again`: a dead run may have done it."""
        assert row.digest is not None
        self._work.claim.check()
        if _carries_itself(self._api, content):
            return self._jobs.move(row, JobState.UPLOADED)
        try:
            file_id = await self._found(row) if again else None
            if file_id is None:
                file_id = (await self._api.upload(file_name(row.key, row.digest, self._jobs.mark), content)).id
        except (CallUnknown, CallThrottled) as error:
            return _later(f"the file of batch job {row.key} could not be uploaded: {error}")
        except (CallRefused, CallMissing) as error:
            return self._failed(row, f"the provider takes no file: {error}")
        return self._jobs.move(row, JobState.UPLOADED, file_id=file_id)

    async def _create(self, row: JobRow, content: bytes) -> Stop | None:
        stop: Stop | None = None
        for wait_s in (*_UNTIL_READABLE_S, None):
            again, stop = await self._try_to_create(row, content)
            if again is None or wait_s is None:
                break
            row = again
            await self._sleep(wait_s)
        return stop

    async def _try_to_create(self, row: JobRow, content: bytes) -> tuple[JobRow | None, Stop | None]:
        """The job as it is to be tried again soon, and why the run should send no other."""
        assert row.digest is not None
        self._work.claim.check()
        mark = metadata_of(row.key, row.digest, self._jobs.mark)
        creating = self._jobs.move(row, JobState.CREATING, intent_at=self._jobs.now(), absent_at=None)
        if creating is None:
            return None, None
        try:
            made = await self._api.create(NewJob(row.model, mark, row.file_id, content))
        except CallUnknown as error:
            return None, _later(f"nobody knows whether batch job {row.key} was made, and it is looked for: {error}")
        except AccountRefused:
            self._jobs.move(creating, JobState.UPLOADED, intent_at=None)  # it was not made
            raise
        except BatchCallFailed as error:
            return self._not_made(creating, error)
        self._jobs.move(creating, JobState.OPEN, **opened(made, self._jobs.now()))
        self._log(f"batch job {row.key} ({made.id}) was made: {row.requests} requests, {row.authors} authors")
        return None, None

    def _not_made(self, row: JobRow, error: BatchCallFailed) -> tuple[JobRow | None, Stop | None]:
        if isinstance(error, CallMissing):
            return None, self._failed(row, f"the provider has no batch jobs at this address: {error}")
        if isinstance(error, FileGone):
            self._jobs.move(row, JobState.UPLOADING, intent_at=None, file_id=None)
            return None, _later(f"the file of batch job {row.key} is gone, and is uploaded again: {error}")
        if isinstance(error, CallRefused) and "input_file_id" not in error.fields:
            return None, self._failed(row, f"the provider takes no such batch job: {error}")
        back = self._jobs.move(row, JobState.UPLOADED, intent_at=None)
        if isinstance(error, CallRefused):
            return back, _later(f"the provider does not find the file of batch job {row.key} yet: {error}")
        return None, _later(f"the provider takes no more batch jobs now: {error}")

    def _failed(self, row: JobRow, reason: str) -> Stop:
        """The provider says no: nothing is billed, nobody is charged."""
        self._jobs.settle(row, JobState.FAILED, Booking(), ledger=self._money.ledger, reason=reason)
        return Stop("batch_failed", f"{reason}; nothing was billed, and its authors stay pending")


def _carries_itself(api: BatchProvider, content: bytes) -> bool:
    return len(content) <= api.limits.inline_bytes


def _later(why: str) -> Stop:
    return Stop(IN_BATCH, f"{why}; a later run goes on with it")
