"""Watches the answers of one run, and ends the run if almost none is usable; `core.quality_breaker` decides.

Failures since the last accepted answer are forgiven when the run ends for it: then not the authors are the cause.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from summarizer_assets.bucket_run.route import AskCounts
from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.answers.unusable import UnusableReply
from summarizer_assets.core.authors.remedies import NOT_THE_MODEL, change_for
from summarizer_assets.core.display_text import exact_usd
from summarizer_assets.core.money.spending import Spending
from summarizer_assets.core.outcome import Failed, Stop
from summarizer_assets.core.quality_breaker import UNUSABLE, Course, InOrder, Trust
from summarizer_assets.core.records import FailureReason
from summarizer_assets.llm.reply import Reply

_QUOTED = 200  # characters of what the model said
#: What follows from the stop.
BRAKED: Final = (
    "No author is charged an attempt. No sensor starts this bucket until the model, the prompt or a setting of the "
    "requests changes; materialise it to try at once"
)


@dataclass(frozen=True, slots=True)
class _Told:
    """By one reply: answers accepted, and refused by reason; `examples` of these, and whether one author was asked."""

    accepted: int
    refused: Counter[FailureReason]
    examples: Mapping[FailureReason, str]
    alone: bool


class Braking:
    """Of one run.

    Args:
        trust: in the model, from earlier runs.
        redact: what foreign text goes through before it is shown.
        then: what follows from the stop, for a person.
    """

    def __init__(self, trust: Trust, redact: Callable[[str], str], then: str = BRAKED) -> None:
        self.course = Course(trust)  # by the requests' order: what ends the run
        self.arrived = Course(trust)  # as the replies come: what makes it careful
        self.suspects: frozenset[int] = frozenset()  # failed in an earlier run
        self._redact = redact
        self._then = then
        self._known: set[int] = set()  # of whom nothing new is to be learnt: judged, or failed in an earlier run
        self._alone: set[int] = set()  # singled out, and not judged yet
        self._reasons: Counter[FailureReason] = Counter()
        self._examples: dict[FailureReason, str] = {}
        self._in_groups = False
        self._replies: InOrder[_Told] = InOrder()
        self._doubted: list[tuple[int, Failed]] = []  # failed since the model was last seen to do its work

    def begin(self, suspects: frozenset[int]) -> None:
        """`suspects` failed in an earlier run: they may be the cause themselves, and tell nothing of the model."""
        self.suspects = suspects
        self._known.update(suspects)

    def read(
        self,
        number: int,
        positions: Sequence[int],
        accepted: Sequence[int],
        again: Mapping[int, FailureReason],
        details: Mapping[int, str],
        reply: Reply,
    ) -> None:
        """A readable reply about the authors at `positions`, each of whom is in one of `accepted` and `again`.

        `number` is that of the request, in the order in which they were made.
        """
        # Who is missing in the answer for many may be there when fewer are asked.
        judged = {at: why for at, why in again.items() if len(positions) == 1 or why is not FailureReason.ID_MISMATCH}
        self._learn(number, positions, accepted, judged, details, reply)

    def unusable(self, number: int, positions: Sequence[int], error: UnusableReply, reply: Reply) -> None:
        """A reply that says nothing of anyone; one from a gateway is none of the model's."""
        if error.reason not in NOT_THE_MODEL:
            self._nothing_of(number, positions, error.reason, error.detail, reply)

    def unreadable(self, number: int, positions: Sequence[int], reason: FailureReason, detail: str) -> None:
        """An answer of the model's that was not kept."""
        self._nothing_of(number, positions, reason, detail, None)

    def ended(self, number: int) -> None:
        """Nothing more is to be heard of this request."""
        self._catch_up(self._replies.heard(number))

    def most_in_flight(self, allowed: int) -> int:
        """Requests at once, when the settings allow so many."""
        return allowed if self.arrived.in_flight is None else min(allowed, self.arrived.in_flight)

    def single_out(self, positions: Sequence[int]) -> tuple[list[list[int]], list[int]]:
        """Those to be asked alone and before all others, which tells whether anything usable comes; and the rest."""
        fresh = [position for position in positions if position not in self._known]
        chosen = fresh[: self.arrived.alone(len(positions), len(self._alone))]
        self._alone.update(chosen)
        return [[position] for position in chosen], [position for position in positions if position not in chosen]

    def charged(self, failures: Sequence[Failed]) -> None:
        """These failed for good."""
        latest = self._replies.latest
        self._doubted += [(latest, failure) for failure in failures if failure.reason not in NOT_THE_MODEL]

    @property
    def doubted(self) -> Sequence[Failed]:
        """Who failed, and may not be the cause of it."""
        return [failure for _, failure in self._doubted]

    def stop(self, counts: AskCounts, calls: int, spending: Spending | None) -> Stop:
        """Why the run ends: the commonest reason, an example of it, what was spent, and what to change."""
        (reason, number), *_ = self._reasons.most_common(1)
        course, tokens = self.course, counts.prompt_tokens + counts.completion_tokens
        money = "" if spending is None else f"{exact_usd(spending.spent)}, "
        change = change_for(reason)
        if self._in_groups and "SUMMARIZER_GROUP_SIZE" not in change:
            change += ", or ask for fewer authors at once (SUMMARIZER_GROUP_SIZE)"
        return Stop(
            UNUSABLE,
            f"nothing usable comes from the model: of {course.judged} answers {course.accepted} were accepted, and of "
            f"the last {self._reasons.total()} refused {number} were {reason}: {reason.meaning}. For example: "
            f"{self._examples[reason]}. Spent so far: {money}{tokens:,} tokens, {calls} calls. What to "
            f"change: {change}. {self._then}",
        )

    def _nothing_of(
        self, number: int, positions: Sequence[int], reason: FailureReason, detail: str, reply: Reply | None
    ) -> None:
        judged = dict.fromkeys(positions, reason) if len(positions) == 1 else {}
        self._learn(number, positions, [], judged, dict.fromkeys(positions, detail), reply)

    def _learn(
        self,
        number: int,
        positions: Sequence[int],
        accepted: Sequence[int],
        judged: Mapping[int, FailureReason],
        details: Mapping[int, str],
        reply: Reply | None,
    ) -> None:
        new = {position: reason for position, reason in judged.items() if position not in self._known}
        if not accepted and not new and self._known.issuperset(positions):
            return
        self.arrived = self.arrived.after(len(accepted), len(new))
        self._known.update(new)
        self._alone.difference_update(accepted, new)
        examples = {reason: self._example(details.get(at, reason.meaning), reply) for at, reason in new.items()}
        told = _Told(len(accepted), Counter(new.values()), examples, len(positions) == 1)
        self._catch_up(self._replies.heard(number, told))

    def _catch_up(self, replies: Iterable[tuple[int, _Told]]) -> None:
        for number, told in replies:
            if not self.course.score:
                self._reasons.clear()
                self._examples.clear()
                self._in_groups = False
            self.course = self.course.after(told.accepted, told.refused.total())
            self._reasons.update(told.refused)
            self._examples = {**told.examples, **self._examples}
            self._in_groups = self._in_groups or bool(told.refused and not told.alone)
            if not (self.course.score or self.course.fruitless):
                self._doubted = [doubted for doubted in self._doubted if doubted[0] > number]

    def _example(self, detail: str, reply: Reply | None) -> str:
        if reply is None:
            return made_visible(self._redact(detail), _QUOTED)
        said = made_visible(self._redact(_text(reply)), _QUOTED)
        words = f"the model said {said!r}" if said else "the model said nothing"
        where = f" (request id {reply.request_id})" if reply.request_id else ""
        return f"{made_visible(self._redact(detail), _QUOTED)}; {words}{where}"


def _text(reply: Reply) -> str:
    """What the model wrote, or the whole body where that cannot be told."""
    text = reply.protocol.text(reply.body)
    return reply.body[: 10 * _QUOTED].decode(errors="replace") if text is None else text
