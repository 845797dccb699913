"""Which request gets which fault: rules as data, decided by hash, so that the same plan does the same again."""

from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from summarizer_assets.llm.fault_bodies import BODIES
from summarizer_assets.llm.fault_statuses import STATUSES

#: Never answers; ends when the client hangs up.
STALL = "stall"

FAULTS: frozenset[str] = frozenset(BODIES) | frozenset(STATUSES) | {STALL}

#: The faults by their number in the project's list of faults.
NUMBERS: dict[int, tuple[str, ...]] = {
    1: ("truncated_json", "truncated_body"),
    2: ("finish_length",),
    3: ("content_filter",),
    4: ("refusal", "null_content"),
    5: ("no_choices",),
    6: ("empty_text", "empty_summary"),
    7: ("tool_calls",),
    8: ("html_page", "empty_body"),
    9: ("error_under_200",),
    10: ("unknown_id",),
    11: ("swapped",),
    12: ("duplicate_same", "duplicate_different"),
    13: ("missing_id",),
    14: ("positions_for_ids",),
    15: ("id_number", "id_float", "id_beyond_double"),
    17: ("summary_list", "summary_object", "summary_number", "summary_null"),
    18: ("code_fence", "prose_around"),
    19: ("duplicate_keys",),
    20: ("nan",),
    21: ("deep_nesting",),
    22: ("invalid_utf8",),
    23: ("lone_surrogate",),
    24: ("nul",),
    25: ("bidi", "zero_width"),
    26: ("huge_summary",),
    27: ("prompt_echo",),
    28: ("other_language",),
    29: ("link", "image", "script"),
    30: ("leading_formula",),
    31: ("usage_missing", "usage_absurd"),
    32: ("other_model",),
    33: ("gzip_garbage",),
    34: ("gzip_bomb",),
    36: ("context_length",),
    37: ("bad_request",),
    38: ("unauthorized",),
    39: ("insufficient_quota", "payment_required"),
    40: ("model_not_found", "forbidden"),
    41: ("server_error", "request_timeout", "conflict", "bad_gateway", "unavailable", "gateway_timeout"),
    42: ("request_too_large",),
    43: ("unprocessable",),
    44: ("throttled",),
    45: ("throttled_date", "throttled_past_date"),
    46: ("throttled_ms",),
    47: ("throttled_nan", "throttled_negative", "throttled_huge"),
    48: ("throttled_reset_only",),
    50: ("overloaded",),
    51: ("should_not_retry", "should_retry"),
    52: ("redirect",),
    56: (STALL,),
}


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault and whom it hits: a share of the groups, or each request that holds one of the authors."""

    fault: str  # a name, or a number of the list as text ("11": its first form)
    share: float = 0.0  # of groups, 0 to 1, chosen by a hash of the ids asked
    authors: tuple[str, ...] = ()  # author ids that always bring it on: poison
    larger_than: int = 0  # hits only groups of more authors than this
    times_per_group: int | None = None  # then this very group is answered; None: as long as the rule lasts
    heal_after_requests: int | None = None  # counted over the whole server, from the plan's start
    heal_after_s: float | None = None  # seconds from the plan's start

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise ValueError(f"unknown fault {self.fault!r}; known: {', '.join(sorted(FAULTS))}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"share of {self.fault} is {self.share}; allowed: 0 to 1")

    @property
    def name(self) -> str:
        number = int(self.fault) if self.fault.isdecimal() else None
        return NUMBERS[number][0] if number in NUMBERS else self.fault

    def lasts(self, requests: int, seconds: float) -> bool:
        """Whether it still holds for the request after so many and so long since the plan's start."""
        return (self.heal_after_requests is None or requests < self.heal_after_requests) and (
            self.heal_after_s is None or seconds < self.heal_after_s
        )

    def hit(self, ids: Sequence[str], seed: int) -> frozenset[str]:
        """The authors of a group whose rows it hits, empty when it leaves the group alone."""
        if len(ids) <= self.larger_than:
            return frozenset()
        poisoned = frozenset(self.authors).intersection(ids)
        if poisoned:
            return poisoned
        if ids and _draw(seed, self.name, *sorted(ids)) < self.share:
            return frozenset({min(ids, key=lambda author_id: _draw(seed, author_id))})
        return frozenset()


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the server does wrong, how slow it is and what it allows. The first rule that hits a request counts."""

    rules: tuple[Rule, ...] = ()
    seed: int = 0
    latency_s: float = 0.0
    latency_spread_s: float = 0.0  # up to so much more, by a hash of the ids
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    announce_limits: bool = True  # x-ratelimit-* headers on every answer

    def choose(
        self, ids: Sequence[str], *, requests: int, seconds: float, times: dict[tuple[str, ...], int]
    ) -> tuple[Rule, frozenset[str]] | None:
        """The rule for a request and the authors it hits; `times` counts how often each group was hit, and is kept."""
        for rule in self.rules:
            if not rule.lasts(requests, seconds):
                continue
            hit = rule.hit(ids, self.seed)
            if not hit:
                continue
            group = (rule.name, *sorted(ids))
            if rule.times_per_group is not None and times.get(group, 0) >= rule.times_per_group:
                continue
            times[group] = times.get(group, 0) + 1
            return rule, hit
        return None

    def latency(self, ids: Sequence[str]) -> float:
        return self.latency_s + (self.latency_spread_s * _draw(self.seed, "latency", *ids))


def _draw(seed: int, *words: str) -> float:
    """A number in [0, 1), the same for the same words."""
    digest = blake2b("\x1f".join((str(seed), *words)).encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
