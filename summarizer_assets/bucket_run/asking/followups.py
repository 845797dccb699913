"""What follows a request that did not answer all its authors: requests for halves, another request, or failures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from summarizer_assets.bucket_run.asking.group import Group
from summarizer_assets.bucket_run.asking.quality_watch import Braking
from summarizer_assets.bucket_run.asking.scheduler import Scheduler
from summarizer_assets.bucket_run.route import AskCounts, Sink
from summarizer_assets.core.authors.remedies import ABOUT_THE_TEXT
from summarizer_assets.core.outcome import Failed
from summarizer_assets.core.prompt.grouping import halves
from summarizer_assets.core.quality_breaker import UNUSABLE
from summarizer_assets.core.records import FailureReason
from summarizer_assets.llm.reply import Reply


class Followups:
    """Adds to the backlog and the outcomes of one run. After the run's stop nobody is asked again."""

    def __init__(self, scheduler: Scheduler, braking: Braking, counts: AskCounts, outcomes: Sink) -> None:
        self._scheduler = scheduler
        self._backlog = scheduler.backlog
        self._braking = braking
        self._counts = counts
        self._outcomes = outcomes

    def provider_answered(self) -> None:
        """The provider is up, whatever it said: who failed before is the cause of it."""
        self.charge(self._backlog.blame.heard())

    def requeue(self, group: Group, *, first: bool = False) -> None:
        if self._scheduler.stop is None and group.positions:
            self._counts.asked_again += len(group.positions)
            self._backlog.add(group, first=first)

    def ask_again(
        self, group: Group, again: Mapping[int, FailureReason], details: Mapping[int, str], reply: Reply
    ) -> None:
        """An answer that fails a check is asked for once more, alone and with the reason; missing ones together."""
        missing, final = [], []
        for position, reason in again.items():
            why = reason.meaning + (f" ({details[position]})" if position in details else "")
            if group.complaint is not None:
                final.append(Failed(position, reason, why, reply.status, reply.request_id))
            elif reason in ABOUT_THE_TEXT or len(group.positions) == 1:
                self.requeue(Group([position], complaint=why, trim=group.trim))
            else:
                missing.append(position)
        # Halved when most are missing, so that a model that drops all but one costs no request an author.
        if 2 * len(missing) <= len(group.positions):
            self.requeue(Group(missing))
        else:
            for part, first in self._parts(Group(missing)):
                self.requeue(part, first=first)
        self._fail(final)

    def split(self, group: Group) -> None:
        for part, first in self._halved(group):
            self._backlog.add(part, first=first)

    def split_next(self, group: Group) -> None:
        """As `split`, but the halves are asked before all others."""
        for part, _ in reversed(self._halved(group)):
            self._backlog.add(part, first=True)

    def charge(self, failed: Sequence[Group]) -> None:
        """The authors of these groups failed for good."""
        for group in failed:
            assert group.fault is not None
            reason, error = group.fault.reason, group.fault.error
            self._fail([Failed(at, reason, str(error), error.status, error.request_id) for at in group.positions])

    def _fail(self, failures: Sequence[Failed]) -> None:
        stop = self._scheduler.stop
        if failures and (stop is None or stop.cause != UNUSABLE):
            self._braking.charged(failures)
            self._outcomes.failed(failures)

    def _halved(self, group: Group) -> list[tuple[Group, bool]]:
        if self._scheduler.stop is not None:
            return []
        self._counts.splits += 1
        return list(self._parts(group))

    def _parts(self, group: Group) -> Iterator[tuple[Group, bool]]:
        """Halves; while the model is in doubt also some authors alone, who go before all others (True)."""
        alone, rest = self._braking.single_out(group.positions)
        for positions in (*alone, *halves(rest)):
            if positions:
                yield replace(group, positions=positions, fault=None), positions in alone
