"""What goes wrong, as data: rules and limits, decided by hash, so that the same plan does the same again."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from summarizer_assets.rehearsal.body_faults import BODIES
from summarizer_assets.rehearsal.chance import draw
from summarizer_assets.rehearsal.status_faults import STATUSES
from summarizer_assets.rehearsal.wire_faults import SCRIPTS, STALL

#: The right answer, late: the latency times the rule's `factor`.
SLOW: Final = "slow"
#: The door is shut for the rule's `seconds`: connections are refused, or never accepted; those that stand are broken.
REFUSE: Final = "refuse"
NO_ACCEPT: Final = "no_accept"
SHUT = frozenset({REFUSE, NO_ACCEPT})

#: Faults that only a socket can do.
OF_THE_WIRE: frozenset[str] = frozenset(SCRIPTS) | SHUT
FAULTS: frozenset[str] = frozenset(BODIES) | frozenset(STATUSES) | OF_THE_WIRE | {SLOW}

#: The faults by their number in the project's list of faults. Not faults of a reply, but of a plan: 49 (a throttle with
#: share 1), 59 (`to_tls`, or a certificate of the server), 62 (a share of `each_request`), 63 (a window of a rule).
NUMBERS: dict[int, tuple[str, ...]] = {
    1: ("truncated_json", "truncated_body", "json_validate_failed"),
    2: ("finish_length",),
    3: ("content_filter", "moderated", "firewall_page"),
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
    15: ("id_number", "id_float"),
    16: ("id_beyond_double",),
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
    34: ("gzip_bomb", "huge_body", "huge_body_in_chunks", "huge_head"),
    35: ("short_body", "long_body", "length_too_small", "chunks_cut", "no_http", "no_headers"),
    36: ("context_length",),
    37: ("bad_request",),
    38: ("unauthorized", "key_expired"),
    39: ("insufficient_quota", "payment_required", "credit_exhausted"),
    40: ("model_not_found", "forbidden"),
    41: (
        "server_error",
        "request_timeout",
        "conflict",
        "bad_gateway",
        "unavailable",
        "gateway_timeout",
        "model_crashed",
    ),
    42: ("request_too_large",),
    43: ("unprocessable",),
    44: ("throttled", "throttled_silent", "throttled_as_400"),
    45: ("throttled_date", "throttled_past_date"),
    46: ("throttled_ms",),
    47: ("throttled_nan", "throttled_negative", "throttled_huge"),
    48: ("throttled_reset_only",),
    50: ("overloaded",),
    51: ("should_not_retry", "should_retry"),
    52: ("redirect",),
    53: (REFUSE,),
    54: (NO_ACCEPT,),
    55: ("stall_in_body",),
    56: (STALL,),
    57: ("slow_loris",),
    58: ("reset", "reset_in_head", "reset_after_head", "reset_in_body", "close", "close_kept_alive"),
    61: (SLOW,),
}
#: Statuses that a provider gives whatever it is asked for, its list of models too.
_EVERYWHERE = frozenset(
    {"unauthorized", "server_error", "bad_gateway", "unavailable", "gateway_timeout", "overloaded", "redirect"}
)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault and whom it hits: a share of the groups, or each request that holds one of the authors.

    A request that asks for no author (is the provider there?) is hit by rules with share 1 only.
    """

    fault: str  # a name, or a number of the list as text ("11": its first form)
    share: float = 0.0  # of groups, 0 to 1, chosen by a hash of the ids asked
    authors: tuple[str, ...] = ()  # author ids that always bring it on: poison
    larger_than: int = 0  # hits only groups of more authors than this
    each_request: bool = False  # the share is of requests: a group asked again is drawn for again
    times_per_group: int | None = None  # then this very group is answered; None: as long as the rule lasts
    after_requests: int = 0  # begins then; counted over the whole server, from the plan's start, as is the next
    heal_after_requests: int | None = None
    after_s: float = 0.0  # begins then; seconds from the plan's start, as is the next
    heal_after_s: float | None = None
    seconds: float = 1.0  # a shut door: for how long; slow_loris: between two bytes
    factor: float = 10.0  # slow: times the latency

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise ValueError(f"unknown fault {self.fault!r}; known: {', '.join(sorted(FAULTS))}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"share of {self.fault} is {self.share}; allowed: 0 to 1")
        if self.seconds < 0 or self.factor < 0:
            raise ValueError(f"seconds, factor of {self.fault} are {self.seconds}, {self.factor}; allowed: from 0")

    @property
    def name(self) -> str:
        number = int(self.fault) if self.fault.isdecimal() else None
        return NUMBERS[number][0] if number in NUMBERS else self.fault

    @property
    def of_one_request(self) -> bool:
        """Whether it is over with the first request that it hits."""
        return self.heal_after_requests is not None and self.heal_after_requests - self.after_requests == 1

    def lasts(self, requests: int, seconds: float) -> bool:
        """Whether it holds for the request after so many and so long since the plan's start."""
        return (
            self.after_requests <= requests
            and (self.heal_after_requests is None or requests < self.heal_after_requests)
            and self.after_s <= seconds
            and (self.heal_after_s is None or seconds < self.heal_after_s)
        )

    def hit(self, ids: Sequence[str], seed: int, asked: int = 0) -> frozenset[str] | None:
        """The authors of a group whose rows it hits; None when it leaves the group alone.

        `asked`: how often the group was asked before.
        """
        if self.larger_than and len(ids) <= self.larger_than:
            return None
        poisoned = frozenset(self.authors).intersection(ids)
        if poisoned:
            return poisoned
        if not ids:
            return frozenset() if self.share >= 1 else None
        again = (str(asked),) if self.each_request else ()
        if draw(seed, self.name, *sorted(ids), *again) < self.share:
            return frozenset({min(ids, key=lambda author_id: draw(seed, author_id))})
        return None

    @property
    def covers_everything(self) -> bool:
        """Whether no request to the provider escapes it while it lasts."""
        everywhere = self.name in _EVERYWHERE or self.name in OF_THE_WIRE
        return self.share >= 1 and not self.larger_than and self.times_per_group is None and everywhere


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the server does wrong, how slow it is and what it allows. The first rule that hits a request counts.

    The time to an answer is `latency_s`, spread by `latency_sigma` if given (lognormal, of that median), plus up to
    `latency_spread_s` more, plus `latency_per_token_s` for each token of the answer; all by a hash of the ids.

    Limits refill all the time and hold one second's worth. A request takes one of the requests and its prompt's and
    answer's tokens; it is let through while tokens are there, and may leave a debt. `at_once` is what a server without
    announced limits does: more requests at the same time are refused with `busy_status`.

    `replies`: "answered": by the right provider's own function; "cached": the same, but computed once for each body;
    "fixed": one sentence for each author, put together without reading the request as JSON (for benchmarks).

    With `hidden_times`, a share of the answers, by hash, is billed and told so many times what its request allows (or,
    with `hidden_spread`, up to so many times), once so many have been answered.
    """

    rules: tuple[Rule, ...] = ()
    seed: int = 0
    latency_s: float = 0.0
    latency_sigma: float = 0.0
    latency_spread_s: float = 0.0
    latency_per_token_s: float = 0.0
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    announce_limits: bool = True  # x-ratelimit-* or anthropic-ratelimit-* on every answer
    limit_headers: Literal["openai", "anthropic"] = "openai"
    announce_wait: bool = True  # retry-after and retry-after-ms on a refusal
    at_once: int | None = None
    busy_status: Literal[429, 503] = 503
    replies: Literal["answered", "cached", "fixed"] = "answered"
    hidden_times: float | None = None  # of what a request allows: its bytes as tokens, and its bound of the answer
    hidden_spread: bool = False
    hidden_share: float = 1.0
    hidden_after_answers: int = 0
    hidden_of: Literal["both", "prompt", "output"] = "both"
    keep_entries: int = 100_000  # the newest so many in the record; its counts are complete
    to_tls: Literal["garbage", "alert", "reset"] = "garbage"  # to a client that speaks TLS where the server does not

    def __post_init__(self) -> None:
        limits = {
            "requests_per_minute": self.requests_per_minute,
            "tokens_per_minute": self.tokens_per_minute,
            "at_once": self.at_once,
            "keep_entries": self.keep_entries,
            "hidden_times": self.hidden_times,
        }
        for name, value in limits.items():
            if value is not None and value <= 0:
                raise ValueError(f"{name} is {value}; allowed: above 0, or null for no limit")
