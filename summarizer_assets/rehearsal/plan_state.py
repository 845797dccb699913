"""A plan on its way: what it decides request by request, and the counts that this takes."""

from collections import OrderedDict
from collections.abc import Sequence

from summarizer_assets.rehearsal.limits import Limits
from summarizer_assets.rehearsal.plan import SHUT, Plan, Rule

_MOST_GROUPS = 200_000  # whose counts are remembered; the ones longest unseen are forgotten


class Course:
    """A plan from `now` on: its counts and its time start there."""

    def __init__(self, plan: Plan, now: float) -> None:
        self.plan = plan
        self.limits = Limits(plan.requests_per_minute, plan.tokens_per_minute, now)
        self._began = now
        self._requests = 0
        self._counts: OrderedDict[int, int] = OrderedDict()
        self._counts_asks = any(rule.each_request for rule in plan.rules)

    @property
    def let_through(self) -> int:
        """Requests so far."""
        return self._requests

    def choose(self, ids: Sequence[str], now: float) -> tuple[Rule, frozenset[str]] | None:
        """The rule for a request that was let through, and the authors it hits."""
        requests, seconds = self._requests, now - self._began
        self._requests += 1
        if not self.plan.rules:
            return None
        asked = self._count("", ids) if self._counts_asks else 0
        for rule in self.plan.rules:
            if not rule.lasts(requests, seconds):
                continue
            hit = rule.hit(ids, self.plan.seed, asked)
            if hit is None:
                continue
            if rule.times_per_group is not None and self._count(rule.name, ids) >= rule.times_per_group:
                continue
            return rule, hit
        return None

    def outage(self, now: float) -> Rule | None:
        """The rule for a request that asks for no answer at all, which is counted too: an outage is over some time.

        What befalls a single request is no outage: it waits for one that asks for an answer.
        """
        requests, seconds = self._requests, now - self._began
        rules = [
            rule
            for rule in self.plan.rules
            if not rule.of_one_request and rule.covers_everything and rule.lasts(requests, seconds)
        ]
        if rules:
            self._requests += 1
        return rules[0] if rules else None

    def shut_from_the_start(self) -> Rule | None:
        """The rule by which nobody can even connect now."""
        rules = (rule for rule in self.plan.rules if rule.name in SHUT and rule.covers_everything)
        return next((rule for rule in rules if rule.lasts(0, 0.0)), None)

    def _count(self, what: str, ids: Sequence[str]) -> int:
        """How often this was counted before for the group."""
        key = hash((what, *sorted(ids)))
        before = self._counts.pop(key, 0)
        self._counts[key] = before + 1
        if len(self._counts) > _MOST_GROUPS:
            self._counts.popitem(last=False)
        return before
