"""The fault plan as data: rules and limits, decided by hashes, so that a plan is reproducible."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from summarizer_assets.rehearsal.batches.terms import BatchTerms
from summarizer_assets.rehearsal.body_faults import BODIES
from summarizer_assets.rehearsal.chance import draw
from summarizer_assets.rehearsal.limits import LimitHeaders
from summarizer_assets.rehearsal.status_faults import STATUSES
from summarizer_assets.rehearsal.wire_faults import SCRIPTS, STALL

#: A correct but late answer: the latency times the rule's `factor`.
SLOW: Final = "slow"
#: The server is shut for the rule's `seconds`: connections are refused or never accepted, and open ones are broken.
REFUSE: Final = "refuse"
NO_ACCEPT: Final = "no_accept"
SHUT = frozenset({REFUSE, NO_ACCEPT})

#: Faults that need a real socket.
OF_THE_WIRE: frozenset[str] = frozenset(SCRIPTS) | SHUT
FAULTS: frozenset[str] = frozenset(BODIES) | frozenset(STATUSES) | OF_THE_WIRE | {SLOW}

#: Faults by their number in the project's list of faults. Some are made by a plan instead of a reply: 49 (a throttle
#: with share 1), 59 (`to_tls`, or the server's certificate), 62 (a share with `each_request`), 63 (a rule's window).
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
#: Statuses that a provider returns for every request, including its list of models.
_EVERYWHERE = frozenset(
    {"unauthorized", "server_error", "bad_gateway", "unavailable", "gateway_timeout", "overloaded", "redirect"}
)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault and the requests it hits: a share of the groups, or each request with one of the authors.

    A request without authors (is the provider reachable?) is hit only by rules with share 1.
    """

    fault: str  # a name, or a number of the list as text ("11" is its first variant)
    share: float = 0.0  # of groups, 0 to 1, chosen by a hash of their ids
    authors: tuple[str, ...] = ()  # poison authors: ids that always trigger it
    larger_than: int = 0  # hits only groups with more authors than this
    each_request: bool = False  # the share is of requests: a group asked again is drawn again
    times_per_group: int | None = None  # hits per group, after which it is answered; None: no bound
    after_requests: int = 0  # start; counted over the whole server from the plan's start, like the next
    heal_after_requests: int | None = None
    after_s: float = 0.0  # start; seconds from the plan's start, like the next
    heal_after_s: float | None = None
    seconds: float = 1.0  # how long the server is shut; slow_loris: time between two bytes
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
        """Whether the rule ends with the first request that it hits."""
        return self.heal_after_requests is not None and self.heal_after_requests - self.after_requests == 1

    def lasts(self, requests: int, seconds: float) -> bool:
        """Whether the rule applies after `requests` and `seconds` since the plan's start."""
        return (
            self.after_requests <= requests
            and (self.heal_after_requests is None or requests < self.heal_after_requests)
            and self.after_s <= seconds
            and (self.heal_after_s is None or seconds < self.heal_after_s)
        )

    def hit(self, ids: Sequence[str], seed: int, asked: int = 0) -> frozenset[str] | None:
        """The authors of a group whose rows the rule hits; None if it does not hit the group.

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
        """Whether the rule hits every request while it applies."""
        everywhere = self.name in _EVERYWHERE or self.name in OF_THE_WIRE
        return self.share >= 1 and not self.larger_than and self.times_per_group is None and everywhere


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The server's faults, latency and limits. The first rule that hits a request applies.

    The latency of an answer is `latency_s`, distributed lognormally around that median if `latency_sigma` is given,
    plus up to `latency_spread_s`, plus `latency_per_token_s` per token of the answer; all by a hash of the ids.

    Limits refill continuously and hold one second's worth. A request takes one request and the tokens of its prompt and
    answer; it passes while any tokens are left, and may leave a debt. `at_once` simulates a server without announced
    limits: more concurrent requests are refused with `busy_status`.

    `replies`: "answered": computed by the provider's answer function; "cached": the same, but once per body; "fixed":
    one sentence per author, built without parsing the request as JSON (for benchmarks).

    With `cache_from`, the instruction of requests is kept in a prompt cache if it has at least so many tokens (of the
    messages interface: if the request marks it); usage tells what was read from there and written. Without
    `accepts_schema`, requests that ask for a JSON schema are refused.

    With `hidden_times`, a share of the answers, chosen by hash, is billed and reported with that multiple of what the
    request allows (with `hidden_spread`: up to that multiple), after a number of answers.
    """

    rules: tuple[Rule, ...] = ()
    seed: int = 0
    latency_s: float = 0.0
    latency_sigma: float = 0.0
    latency_spread_s: float = 0.0
    latency_per_token_s: float = 0.0
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    output_tokens_per_minute: float | None = None  # of answers alone; only the messages interface announces it
    announce_limits: bool = True  # x-ratelimit-* or anthropic-ratelimit-* on every answer
    limit_headers: LimitHeaders = "openai"  # of chat completions
    announce_wait: bool = True  # retry-after and retry-after-ms on a refusal
    at_once: int | None = None
    busy_status: Literal[429, 503] = 503
    replies: Literal["answered", "cached", "fixed"] = "answered"
    cache_from: int | None = None
    accepts_schema: bool = True
    hidden_times: float | None = None  # multiple of what a request allows: its bytes as tokens, plus its output limit
    hidden_spread: bool = False
    hidden_share: float = 1.0
    hidden_after_answers: int = 0
    hidden_of: Literal["both", "prompt", "output"] = "both"
    keep_entries: int = 100_000  # number of newest entries in the log; its counts are complete
    to_tls: Literal["garbage", "alert", "reset"] = "garbage"  # the answer to a TLS client on a plain port
    batch: BatchTerms = BatchTerms()  # of the batch service

    def __post_init__(self) -> None:
        limits = {
            "requests_per_minute": self.requests_per_minute,
            "tokens_per_minute": self.tokens_per_minute,
            "output_tokens_per_minute": self.output_tokens_per_minute,
            "at_once": self.at_once,
            "keep_entries": self.keep_entries,
            "cache_from": self.cache_from,
            "hidden_times": self.hidden_times,
        }
        for name, value in limits.items():
            if value is not None and value <= 0:
                raise ValueError(f"{name} is {value}; allowed: above 0, or null for no limit")
