"""The state of a running plan: its decision for each request, and the counts it needs."""

from collections import OrderedDict
from collections.abc import Sequence

from summarizer_assets.rehearsal.limits import ProviderLimits
from summarizer_assets.rehearsal.plan import SHUT, Plan, Rule

_MOST_GROUPS = 200_000  # groups whose counts are kept (least recently used are dropped)


class Course:
    """A plan started at `now`, from which its counts and its time run."""

    def __init__(self, plan: Plan, now: float) -> None:
        self.plan = plan
        self.limits = ProviderLimits(
            plan.requests_per_minute, plan.tokens_per_minute, plan.output_tokens_per_minute, now
        )
        self._began = now
        self._requests = 0
        self._counts: OrderedDict[int, int] = OrderedDict()
        self._counts_asks = any(rule.each_request for rule in plan.rules)

    @property
    def let_through(self) -> int:
        """The number of requests so far."""
        return self._requests

    def choose(self, ids: Sequence[str], now: float) -> tuple[Rule, frozenset[str]] | None:
        """The rule for a request that passed the limits, and the authors it hits; None if no rule hits."""
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
        """The outage rule for a request without authors, which is counted, too, because an outage ends after a while.

        Rules that hit a single request are no outage; they wait for a request with authors.
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
        """The rule by which the server is shut at the plan's start; None if it is open."""
        rules = (rule for rule in self.plan.rules if rule.name in SHUT and rule.covers_everything)
        return next((rule for rule in rules if rule.lasts(0, 0.0)), None)

    def _count(self, what: str, ids: Sequence[str]) -> int:
        """Count `what` for the group; return the count before."""
        key = hash((what, *sorted(ids)))
        before = self._counts.pop(key, 0)
        self._counts[key] = before + 1
        if len(self._counts) > _MOST_GROUPS:
            self._counts.popitem(last=False)
        return before
