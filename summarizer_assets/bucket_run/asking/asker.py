"""Asks the provider for the authors of one bucket until each has an answer or a failure, or the run must stop.

Groups are sent side by side. A group that fails as a whole is halved until the author that causes it stands alone;
authors whose answer is missing or fails a check are asked again, the good ones kept. Nothing here writes: every
outcome goes to `outcomes` before the request's permit is released.
"""

from collections.abc import Sequence
from dataclasses import replace

from summarizer_assets.bucket_run.asking.adapting import Adapting
from summarizer_assets.bucket_run.asking.followups import Followups
from summarizer_assets.bucket_run.asking.group import Fault, Group
from summarizer_assets.bucket_run.asking.prompts import BucketPrompt
from summarizer_assets.bucket_run.asking.quality_watch import BRAKED, Braking
from summarizer_assets.bucket_run.asking.refusals import Refusals
from summarizer_assets.bucket_run.asking.scheduler import Scheduler
from summarizer_assets.bucket_run.journal_records import Todo
from summarizer_assets.bucket_run.route import AskCounts, Sink
from summarizer_assets.core.answers.reply import AnswerChecks, read_reply
from summarizer_assets.core.answers.unusable import UnusableReply
from summarizer_assets.core.authors.remedies import OUTSIDE
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.outcome import Answer, Stop
from summarizer_assets.core.prompt.grouping import GroupLimits, plan_groups
from summarizer_assets.core.quality_breaker import Trust
from summarizer_assets.core.records import FailureReason
from summarizer_assets.llm.client import Client
from summarizer_assets.llm.errors import BadReply, Exhausted, Parked, Refused, RunFatal, Unreadable
from summarizer_assets.llm.reply import Reply


class Asker:
    """One run's questions to the provider. Lives in one event loop."""

    def __init__(
        self,
        client: Client,
        prompt: BucketPrompt,
        outcomes: Sink,
        *,
        limits: GroupLimits,
        checks: AnswerChecks,
        max_in_flight: int,
        adapting: Adapting,
        trust: Trust = Trust.UNTRIED,
        braked: str = BRAKED,
    ) -> None:
        self.counts = AskCounts()
        self.adapting = adapting
        self._client = client
        self._prompt = prompt
        self._outcomes = outcomes
        self._limits = limits
        self._checks = checks
        self._braking = Braking(trust, client.redact, braked)
        self._scheduler = Scheduler(client, self._ask, lambda: self._braking.most_in_flight(max_in_flight))
        self._followups = Followups(self._scheduler, self._braking, self.counts, outcomes)
        self._refusals = Refusals(client, prompt, self._scheduler, adapting, self._followups)
        self._succeeded = False

    async def run(self, positions: Sequence[int], todo: Todo, groups: Sequence[Group] = ()) -> None:
        """Ask for the authors at `positions` of `todo`, and for those of `groups`, as these say.

        Returns when every author has an outcome, or when `stop` says why not; authors without one stay pending.
        """
        attempts = [todo.attempts[position] for position in positions]
        tokens = [todo.tokens[position] for position in positions]
        names = [todo.names[position] for position in positions]
        everybody = [*positions, *(position for group in groups for position in group.positions)]
        self._braking.begin(frozenset(position for position in everybody if todo.attempts[position]))
        backlog = self._scheduler.backlog
        for group in groups:
            backlog.add(group)
        for places in plan_groups(tokens, attempts, self._limits, names):
            alone, rest = self._braking.single_out([positions[place] for place in places])
            for part in (*alone, rest):
                if part:
                    backlog.add(Group(part))
        await self._scheduler.run()
        while backlog.blame.undecided or await self._refusals.settle():
            if backlog.blame.undecided:
                await self._ask_undecided()
            else:
                await self._scheduler.run()
        if self.stop is None:
            self._look_back(at_the_end=True)

    async def _ask_undecided(self) -> None:
        """Groups failed with nothing answered after them. Of a provider that is there, some half answers."""
        backlog, blame = self._scheduler.backlog, self._scheduler.backlog.blame
        answers = blame.answers
        several = [group for group in blame.undecided if len(group.positions) > 1]
        if several:
            blame.undecided = [group for group in blame.undecided if len(group.positions) == 1]
            backlog.add_failed(several, in_halves=True)
        elif await self._client.wire.reachable():
            self._followups.provider_answered()
        else:
            self._client.breaker.trip()
        await self._scheduler.run()
        if blame.answers > answers:
            self._followups.charge(blame.take_undecided())

    @property
    def stop(self) -> Stop | None:
        """Why not all were asked."""
        return self._scheduler.stop

    def interrupt(self, stop: Stop) -> None:
        """Send nothing more; what is in flight has a moment to be answered."""
        self._scheduler.interrupt(stop)

    def cancel(self) -> None:
        """Drop everything."""
        self._scheduler.cancel()

    async def _ask(self, group: Group, probe: bool) -> None:
        form = self.adapting.form
        self.counts.adapted = form.differences
        parts = self._prompt.cut(group.positions, form)
        if len(parts) > 1:  # the model takes less than was thought when the groups were made
            for part in reversed(parts):
                self._scheduler.backlog.add(replace(group, positions=part), first=True)
            return
        group = replace(group, form=form, begun=self._refusals.begin())
        size = self._prompt.size(group.positions, form)
        body = self._prompt.body(group.positions, form, size, group.complaint, group.trim)
        self.counts.requests += 1
        number = self.counts.requests
        try:
            await self._client.complete(
                body,
                estimated_tokens=size.prompt + size.expected,
                most_output_tokens=size.bound,
                check=lambda reply: self._read(group, number, reply, len(body), size.bound),
                settle=lambda read: read[0],
                in_vain=lambda read: read[1],
                probe=probe,
                wanted=lambda: form == self.adapting.form and not self._scheduler.paused,
            )
        except Refused as error:
            self._followups.provider_answered()
            await self._refusals.refused(group, error)
        except Parked as error:
            self._park(group, error)
        except (BadReply, Exhausted) as error:
            reason = FailureReason[error.kind.upper()]
            if isinstance(error, Unreadable):
                self._braking.unreadable(number, group.positions, reason, str(error))
            failed = replace(group, fault=Fault(reason, error))
            if reason not in OUTSIDE:
                self._isolate(failed)
            elif self.stop is None:
                await self._failed_outside(failed)
        except RunFatal as error:
            self._scheduler.request_stop(Stop(str(error.cause), str(error)))  # plain: Dagster stores no foreign enum
        finally:
            self._braking.ended(number)
            self._look_back()

    def _read(self, group: Group, number: int, reply: Reply, asked_bytes: int, most: int) -> tuple[Usage | None, bool]:
        """Take what a reply holds, while its permit is held: what it used, if it says so; whether it was in vain."""
        asked = self._prompt.asked(group.positions, group.trim)
        try:
            reading = read_reply(reply.opened(), asked, self._checks)
        except UnusableReply as error:
            self.counts.add(reply.usage)
            self._braking.unusable(number, group.positions, error, reply)
            self._look_back()
            retry = error.retry_same and not self._braking.arrived.doubtful
            raise BadReply(error.reason, retry=retry, detail=str(error)) from error
        if reading.response_model not in (None, self._checks.model):
            reading.response_model = self._client.redact(reading.response_model or "")  # foreign text, to be stored
        self._succeeded = True
        self._followups.provider_answered()
        self._refusals.answered(group.begun)
        self.counts.add(reading.told)
        positions, again, details = list(group.positions), {}, {}
        if reading.again:
            by_id = {author.author_id: position for author, position in zip(asked, group.positions, strict=True)}
            again = {by_id[author_id]: reason for author_id, reason in reading.again.items()}
            details = {by_id[author_id]: detail for author_id, detail in reading.details.items()}
            positions = [position for position in group.positions if position not in again]
        if positions:
            used = reading.told.usage or self._client.purse.assumed(asked_bytes, len(reply.body), most)
            self._outcomes.answered(Answer(positions, reading, reply.request_id, used))
        self._braking.read(number, group.positions, positions, again, details, reply)
        self._look_back()
        if again:
            self._followups.ask_again(group, again, details, reply)
        return reading.told.usage, not positions

    def _look_back(self, *, at_the_end: bool = False) -> None:
        """End the run if the model will never do its work; who failed meanwhile is not the cause."""
        client, course = self._client, self._braking.course
        if self.stop is None and (course.hopeless or (at_the_end and course.hopeless_at_the_end)):
            self._scheduler.request_stop(self._braking.stop(self.counts, client.counters.sent, client.purse.spending))
            self._outcomes.forgiven(self._braking.doubted)

    def _isolate(self, failed: Group) -> None:
        """The provider answered, and not as it should: halves show whose fault it is."""
        self._followups.provider_answered()
        self._refusals.answered(failed.begun)
        if len(failed.positions) > 1:
            self._followups.split(failed)
        else:
            self._followups.charge([failed])

    def _park(self, group: Group, error: Parked) -> None:
        if self.stop is not None:
            return
        if error.failed:
            self._scheduler.backlog.add(replace(group, fault=Fault(FailureReason.SERVER_ERROR, error)))
        else:
            self._scheduler.backlog.add(group, first=True)

    async def _failed_outside(self, group: Group) -> None:
        """Whether the provider is out or these authors are the cause shows by what it answers next."""
        backlog = self._scheduler.backlog
        if not self._client.breaker.open:
            backlog.blame.undecided.append(group)
            return
        backlog.add(group)
        # Only authors who failed alone are left, and others were answered: they are the cause if the provider is there.
        if (
            backlog.is_of_failed_authors
            and (self._succeeded or self._braking.suspects.issuperset(backlog.positions))
            and await self._client.wire.reachable()
        ):
            failed = backlog.take_waiting()
            self._client.breaker.answered()
            self._followups.charge(failed)
