"""What becomes of a refused request: another form, smaller parts, an author at fault, or the end of the run.

Whether the authors are to blame is decided by `core.blame`; its control is asked here.
"""

import asyncio
from dataclasses import replace
from typing import NoReturn

from summarizer_assets.bucket_run.asking.adapting import Adapting
from summarizer_assets.bucket_run.asking.followups import Followups
from summarizer_assets.bucket_run.asking.group import Fault, Group
from summarizer_assets.bucket_run.asking.prompts import BucketPrompt
from summarizer_assets.bucket_run.asking.scheduler import Scheduler
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
    Unsupported,
)
from summarizer_assets.llm.reply import Reply


class Refusals:
    """Of one run."""

    def __init__(
        self, client: Client, prompt: BucketPrompt, scheduler: Scheduler, adapting: Adapting, followups: Followups
    ) -> None:
        self._client = client
        self._prompt = prompt
        self._scheduler = scheduler
        self._adapting = adapting
        self._followups = followups
        self._blame = scheduler.backlog.blame
        self._asking_control = False

    def begin(self) -> int:
        """A request goes out; its place in the order of events."""
        return self._blame.begin()

    def answered(self, begun: int) -> None:
        """A request that went out at `begun` was answered."""
        cleared = self._blame.answered(begun)
        if self._scheduler.stop is not None:  # whoever was not charged by now stays pending
            return
        self._followups.charge(cleared.charged)
        for group in cleared.again:
            self._followups.requeue(replace(group, fault=None, second=True))

    async def refused(self, group: Group, error: Refused) -> None:
        size = self._prompt.size(group.positions, group.form)
        match self._adapting.after(error, group.form, size):
            case True:
                self._scheduler.backlog.add(group, first=True)
                return
            case Stop() as stop:
                self._scheduler.request_stop(stop)
                return
        alone = len(group.positions) == 1
        if isinstance(error, GroupTooLarge) and alone and self._prompt.can_trim(group.positions[0], group.trim + 1):
            self._followups.requeue(replace(group, trim=group.trim + 1))
            return
        # A filter speaks of the authors, a size of their number: several of them tell nothing about all.
        if alone or not isinstance(error, ContentFiltered | GroupTooLarge):
            case = replace(group, fault=Fault(_reason(error), error)) if alone else None
            self._blame.refused(error.fingerprint, group.positions, case, second=group.second)
        if not alone:  # the halves next, so that it shows soon who is to blame
            self._followups.split_next(group)
        if self._blame.suspicious is not None and not self._asking_control:
            await self._decide()

    async def settle(self) -> bool:
        """Nobody is left to be asked: explain what is still open. Whether there was anything."""
        if self._scheduler.stop is not None or all(one.case is None for one in self._blame.open):
            return False
        if self._client.breaker.open:
            await asyncio.sleep(self._client.breaker.wait_s)
        await self._decide()
        return True

    async def _decide(self) -> None:
        """Ask the control. Undecided when the provider is out meanwhile: then all stays open."""
        self._asking_control = self._scheduler.paused = True
        try:
            while self._scheduler.stop is None:
                words = self._blame.suspicious or self._blame.open[0].words
                begun, form = self._blame.begin(), self._adapting.form
                try:
                    await self._ask_control()
                except BadReply:  # an answer, whatever it says
                    self._blame.vindicated(words)
                    self.answered(begun)
                except Refused as error:
                    after = self._adapting.after(error, form, self._prompt.control_size(form))
                    if after is True:
                        continue
                    self._scheduler.request_stop(after or _stop(error))
                except RunFatal as error:
                    self._scheduler.request_stop(Stop(str(error.cause), str(error)))
                except (Parked, Exhausted):
                    pass
                return
        finally:
            self._asking_control = self._scheduler.paused = False

    async def _ask_control(self) -> None:
        """Raises `BadReply` when it is answered, so that its cost is booked as spent for no summary."""
        form = self._adapting.form
        size = self._prompt.control_size(form)
        await self._client.complete(
            self._prompt.control(form),
            estimated_tokens=size.prompt + size.expected,
            most_output_tokens=size.bound,
            check=_no_summary,
            settle=lambda used: used,
            probe=self._client.breaker.open,
        )


def _no_summary(_: Reply) -> NoReturn:
    raise BadReply("control", retry=False)


def _reason(error: Refused) -> FailureReason:
    if isinstance(error, GroupTooLarge):
        return FailureReason.TOO_LARGE
    return FailureReason.CONTENT_FILTER if isinstance(error, ContentFiltered) else FailureReason.REJECTED


def _stop(error: Refused) -> Stop:
    """Why nobody is answered, when a harmless author who does not exist is refused too."""
    if error.cause is not None:
        return Stop(str(error.cause), f"{error.cause.remedy}. The provider refuses everybody alike: {error}")
    cause = str(StopCause.CONFIGURATION) if isinstance(error, Unsupported) else "rejected"
    return Stop(
        cause,
        f"the provider refuses everybody alike, a made-up author too: {error}; nobody is charged: check "
        "SUMMARIZER_LLM_MODEL, SUMMARIZER_LLM_EXTRA_BODY and the account, then run again",
    )
