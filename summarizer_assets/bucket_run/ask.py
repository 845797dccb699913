"""Asks the provider for the authors of one bucket until each has an answer or a failure, or the run must stop.

Groups are sent side by side. A group that fails as a whole is halved until the author that causes it stands alone;
authors whose answer is missing or fails a check are asked again, the good ones kept. Nothing here writes: every
outcome goes to the sink before the request's permit is released.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from summarizer_assets.bucket_run.adapting import Adapting
from summarizer_assets.bucket_run.ask_counts import AskCounts
from summarizer_assets.bucket_run.brake import Braking
from summarizer_assets.bucket_run.group import Fault, Group
from summarizer_assets.bucket_run.protocols import Prompt, Sink
from summarizer_assets.bucket_run.refusals import Fates, Refusals
from summarizer_assets.bucket_run.scheduler import Dispatcher
from summarizer_assets.core.answers.reply import Limits, UnusableReply, read_reply
from summarizer_assets.core.answers.usage import usage_of
from summarizer_assets.core.brake import UNUSABLE, Trust
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.outcome import Answer, Failed, Stop
from summarizer_assets.core.prompt.grouping import GroupLimits, halves, plan_groups
from summarizer_assets.core.reasons import ABOUT_THE_TEXT, OUTSIDE
from summarizer_assets.core.records import FailureReason
from summarizer_assets.llm.client import Client
from summarizer_assets.llm.errors import BadReply, Exhausted, Parked, Refused, RunFatal, Unreadable
from summarizer_assets.llm.reply import Reply


class Asker:
    """One run's questions to the provider. Lives in one event loop."""

    def __init__(
        self,
        client: Client,
        prompt: Prompt,
        sink: Sink,
        *,
        limits: GroupLimits,
        checks: Limits,
        max_in_flight: int,
        adapting: Adapting,
        trust: Trust = Trust.UNTRIED,
    ) -> None:
        self.counts = AskCounts()
        self._client = client
        self._prompt = prompt
        self._sink = sink
        self._limits = limits
        self._checks = checks
        self._braking = Braking(trust, client.redact)
        self._dispatcher = Dispatcher(client, self._ask, lambda: self._braking.most_in_flight(max_in_flight))
        self._backlog = self._dispatcher.backlog
        self.adapting = adapting
        self._refusals = Refusals(
            client, prompt, self._dispatcher, adapting, Fates(self._split_next, self._requeue, self._charge)
        )
        self._succeeded = False
        self._suspects: set[int] = set()  # failed in an earlier run

    async def run(
        self,
        positions: Sequence[int],
        tokens: Sequence[int],
        attempts: Sequence[int],
        names: Sequence[str | None] | None = None,
    ) -> None:
        """Ask for the authors at `positions`, whose estimated `tokens`, earlier `attempts` and `names` are in order.

        Returns when every author has an outcome, or when `stop` says why not; authors without one stay pending.
        """
        self._suspects = {position for position, tried in zip(positions, attempts, strict=True) if tried}
        self._braking.begin(self._suspects)
        for group in plan_groups(tokens, attempts, self._limits, names):
            alone, rest = self._braking.single_out([positions[place] for place in group])
            for part in (*alone, rest):
                if part:
                    self._backlog.add(Group(part))
        await self._dispatcher.run()
        while self._backlog.held or await self._refusals.settle():
            if self._backlog.held:
                await self._ask_held()
            else:
                await self._dispatcher.run()
        if self.stop is None:
            self._look_back(at_the_end=True)

    async def _ask_held(self) -> None:
        """Groups failed with nothing answered after them. Of a provider that is there, some half answers."""
        answers = self._dispatcher.answers
        if not self._backlog.halve_held():
            if await self._client.wire.reachable():
                self._answered()
            else:
                self._client.breaker.trip()
        await self._dispatcher.run()
        if self._dispatcher.answers > answers:
            self._charge(self._backlog.take_held())

    @property
    def stop(self) -> Stop | None:
        """Why not all were asked."""
        return self._dispatcher.stop

    @property
    def waiting(self) -> int:
        """Authors for whom no request is under way."""
        return len(self._backlog.positions)

    def interrupt(self, stop: Stop) -> None:
        """Send nothing more; what is in flight has a moment to be answered."""
        self._dispatcher.interrupt(stop)

    def cancel(self) -> None:
        """Drop everything."""
        self._dispatcher.cancel()

    async def _ask(self, group: Group, probe: bool) -> None:
        form = self.adapting.form
        self.counts.adapted = form.differences
        parts = self._prompt.cut(group.positions, form)
        if len(parts) > 1:  # the model takes less than was thought when the groups were made
            for part in reversed(parts):
                self._backlog.add(replace(group, positions=part), first=True)
            return
        group = replace(group, form=form, begun=self._refusals.begin())
        body = self._prompt.body(group.positions, form, group.complaint, group.trim)
        size = self._prompt.size(group.positions, form)
        self.counts.requests += 1
        number = self.counts.requests
        try:
            await self._client.complete(
                body,
                estimated_tokens=size.prompt + size.expected,
                most_output_tokens=size.bound,
                check=lambda reply: self._read(group, number, reply, len(body)),
                settle=lambda read: read[0],
                in_vain=lambda read: read[1],
                probe=probe,
                wanted=lambda: form == self.adapting.form and not self._dispatcher.paused,
            )
        except Refused as error:
            self._answered()
            await self._refusals.refused(group, error)
        except Parked as error:
            self._park(group, error)
        except (BadReply, Exhausted) as error:
            reason = FailureReason[error.kind.upper()]
            if isinstance(error, Unreadable):
                self._braking.unreadable(number, group.positions, reason, str(error))
            if reason not in OUTSIDE:
                self._isolate(group, reason, error)
            elif self.stop is None:
                await self._failed_outside(replace(group, fault=Fault(reason, error)))
        except RunFatal as error:
            self._dispatcher.request_stop(Stop(str(error.cause), str(error)))  # plain: Dagster stores no foreign enum
        finally:
            self._braking.ended(number)
            self._look_back()

    def _read(self, group: Group, number: int, reply: Reply, asked_bytes: int) -> tuple[Usage | None, bool]:
        """Take what a reply holds, while its permit is held: what it used, if it says so; whether it was in vain."""
        asked = [self._prompt.asked(position, group.trim) for position in group.positions]
        try:
            reading = read_reply(reply.body, asked, self._checks)
        except UnusableReply as error:
            self.counts.add(usage_of(reply.body))
            self._braking.unusable(number, group.positions, error, reply)
            self._look_back()
            retry = error.retry_same and not self._braking.arrived.doubtful
            raise BadReply(error.reason, retry=retry, detail=str(error)) from error
        if reading.response_model not in (None, self._checks.model):
            reading.response_model = self._client.redact(reading.response_model or "")  # foreign text, to be stored
        by_id = {author.author_id: position for author, position in zip(asked, group.positions, strict=True)}
        self._succeeded = True
        self._answered()
        self._refusals.answered(group.begun)
        self.counts.unknown_ids += reading.unknown_ids
        self.counts.add(reading.told)
        positions = [by_id[author_id] for author_id, _, _ in reading.accepted]
        if positions:
            most = self._prompt.size(group.positions, group.form).bound
            used = reading.told.usage or self._client.purse.assumed(asked_bytes, len(reply.body), most)
            self._sink.answered(Answer(positions, reading, reply.request_id, used))
        again = {by_id[author_id]: reason for author_id, reason in reading.again.items()}
        details = {by_id[author_id]: detail for author_id, detail in reading.details.items()}
        self._braking.read(number, group.positions, positions, again, details, reply)
        self._look_back()
        if again:
            self._ask_again(group, again, details, reply)
        return reading.told.usage, not positions

    def _look_back(self, *, at_the_end: bool = False) -> None:
        """End the run if the model will never do its work; who failed meanwhile is not the cause."""
        client, course = self._client, self._braking.course
        if self.stop is None and (course.hopeless or (at_the_end and course.hopeless_at_the_end)):
            self._dispatcher.request_stop(self._braking.stop(self.counts, client.counters.sent, client.purse.spending))
            self.counts.failures.subtract(str(failure.reason) for failure in self._braking.doubted)
            self._sink.forgiven(self._braking.doubted)

    def _ask_again(self, group: Group, again: dict[int, FailureReason], details: dict[int, str], reply: Reply) -> None:
        """An answer that fails a check is asked for once more, alone and with the reason; missing ones together."""
        missing, final = [], []
        for position, reason in again.items():
            why = reason.meaning + (f" ({details[position]})" if position in details else "")
            if group.complaint is not None:
                final.append(Failed(position, reason, why, reply.status, reply.request_id))
            elif reason in ABOUT_THE_TEXT or len(group.positions) == 1:
                self._requeue(Group([position], complaint=why, trim=group.trim))
            else:
                missing.append(position)
        # Halved when most are missing, so that a model that drops all but one costs no request an author.
        if 2 * len(missing) <= len(group.positions):
            self._requeue(Group(missing))
        else:
            for part, first in self._parts(Group(missing)):
                self._requeue(part, first=first)
        self._fail(final)

    def _requeue(self, group: Group, *, first: bool = False) -> None:
        if self.stop is None and group.positions:
            self.counts.asked_again += len(group.positions)
            self._backlog.add(group, first=first)

    def _parts(self, group: Group) -> Iterator[tuple[Group, bool]]:
        """Halves; while the model is in doubt also some authors alone, who go before all others (True)."""
        alone, rest = self._braking.single_out(group.positions)
        for positions in (*alone, *halves(rest)):
            if positions:
                yield replace(group, positions=positions, fault=None), positions in alone

    def _split(self, group: Group) -> None:
        for part, first in self._halved(group):
            self._backlog.add(part, first=first)

    def _split_next(self, group: Group) -> None:
        """As `_split`, but the halves are asked before all others."""
        for part, _ in reversed(self._halved(group)):
            self._backlog.add(part, first=True)

    def _halved(self, group: Group) -> list[tuple[Group, bool]]:
        if self.stop is not None:
            return []
        self.counts.splits += 1
        return list(self._parts(group))

    def _fail(self, failures: Sequence[Failed]) -> None:
        if failures and (self.stop is None or self.stop.cause != UNUSABLE):
            self._braking.charged(failures)
            self.counts.failures.update(str(failure.reason) for failure in failures)
            self._sink.failed(failures)

    def _fail_group(self, positions: Sequence[int], fault: Fault) -> None:
        error = fault.error
        self._fail(
            [Failed(position, fault.reason, str(error), error.status, error.request_id) for position in positions]
        )

    def _answered(self) -> None:
        """The provider is up, whatever it said: who failed before is the cause of it."""
        self._dispatcher.answers += 1
        self._charge(self._backlog.take_held())

    def _charge(self, failed: Sequence[Group]) -> None:
        for group in failed:
            assert group.fault is not None
            self._fail_group(group.positions, group.fault)

    def _isolate(self, group: Group, reason: FailureReason, error: BadReply | Exhausted) -> None:
        self._answered()
        self._refusals.answered(group.begun)
        if len(group.positions) > 1:
            self._split(group)
        else:
            self._fail_group(group.positions, Fault(reason, error))

    def _park(self, group: Group, error: Parked) -> None:
        if self.stop is not None:
            return
        if error.failed:
            self._backlog.add(replace(group, fault=Fault(FailureReason.SERVER_ERROR, error)))
        else:
            self._backlog.add(group, first=True)

    async def _failed_outside(self, group: Group) -> None:
        """Whether the provider is out or these authors are the cause shows by what it answers next."""
        if not self._client.breaker.open:
            self._backlog.hold(group)
            return
        self._backlog.add(group)
        # They alone are left, each failed alone, and others were answered: they, if the provider is there at all.
        waiting = self._backlog
        if (
            waiting.is_of_failed_authors
            and (self._succeeded or self._all_suspects())
            and await self._client.wire.reachable()
        ):
            failed = waiting.take_waiting()
            self._client.breaker.answered()
            self._charge(failed)

    def _all_suspects(self) -> bool:
        return self._suspects.issuperset(self._backlog.positions)
