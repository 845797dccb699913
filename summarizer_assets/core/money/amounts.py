"""Exact cost of requests in whole nano-dollars, so that all sums agree.

A price is stored in pico-dollars per token (a dollar per million tokens is a million of them), which is whole for every
price of up to six decimals. A request's cost is rounded up to a nano-dollar once; its parts sum to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import accumulate
from operator import sub
from typing import Final

NANO: Final = 1_000_000_000  # in a dollar
_PICO_IN_NANO: Final = 1_000
_PICO_A_TOKEN: Final = 1_000_000  # of one dollar per million tokens; and millions in a dollar's pico-dollars
#: The service tier of the list price, and the providers' names of the tiers.
STANDARD: Final = "standard"
_TIERS: Final = {
    **dict.fromkeys(("auto", "default", "standard", "standard_only", "on_demand"), STANDARD),
    "flex": "flex",
    "priority": "priority",
    "fast": "priority",
    "batch": "batch",  # what some replies in batch jobs name; no request asks for it
}


_UNTOLD: Final = "not told"  # a tier that no list has, priced as the most expensive


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request, as the provider counts them.

    Of `prompt_tokens`, `cached_tokens` were read from its cache and `written_tokens` written to it; None if not
    reported. `tier`: the service tier reported by the reply.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    written_tokens: int | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """Pico-dollars per token of each kind, at the requested tier. Created by `Price.per_million`.

    `request`: per answered request, in addition to its tokens. `tiers`: prices of all known tiers, by name; empty if
    all tiers cost the same. `cached_in_full`: a token from the cache costs as much in a batch job.
    """

    input: int
    cached_input: int
    cache_write: int
    output: int
    request: int = 0
    cached_in_full: bool = False
    tiers: tuple[tuple[str, "Price"], ...] = field(default=(), compare=False)

    @classmethod
    def per_million(
        cls,
        input_usd: float | Decimal,
        output_usd: float | Decimal,
        *,
        cached_input_usd: float | Decimal | None = None,
        cache_write_usd: float | Decimal | None = None,
        request_usd: float | Decimal = 0,
    ) -> "Price":
        """A price from US dollars per million tokens, rounded up if it has more than six decimals.

        Args:
            input_usd: tokens of the prompt.
            output_usd: tokens of the answer.
            cached_input_usd: prompt tokens read from the provider's cache; None if priced like the others.
            cache_write_usd: prompt tokens written to it; None if priced like the others.
            request_usd: per request, not per million.

        Raises:
            ValueError: a price is negative or not a number.
        """
        asked, said = _pico(input_usd), _pico(output_usd)
        cached = asked if cached_input_usd is None else _pico(cached_input_usd)
        written = asked if cache_write_usd is None else _pico(cache_write_usd)
        return cls(asked, cached, written, said, _pico(request_usd) * _PICO_A_TOKEN)

    @property
    def free(self) -> bool:
        return not (self.input or self.cached_input or self.cache_write or self.output or self.request)

    def at(self, tier: str | None) -> "Price":
        """The price of a reply of this tier; for an unknown tier the most expensive known one."""
        if not self.tiers:
            return self
        return dict(self.tiers).get(tier_name(tier) or "") or self._dearest

    @property
    def as_asked(self) -> "Price":
        """The price for estimates, which assume that the requested tier is served."""
        return replace(self, tiers=())

    @property
    def _dearest(self) -> "Price":
        return max((self, *(price for _, price in self.tiers)), key=lambda price: (price.output, price.input))

    def times(self, factor: float) -> "Price":
        """The price of tokens multiplied, for batch jobs; rounded up to a pico-dollar. What a request adds stays.

        Replies there may name the tier `batch`, or the one that was asked for.
        """

        def scaled(price: "Price") -> "Price":
            parts = (price.input, price.cached_input, price.cache_write, price.output)
            made = [int((part * Decimal(repr(factor))).to_integral_value(rounding="ROUND_CEILING")) for part in parts]
            asked, cached, written, said = made
            if self.cached_in_full:  # where no price of its own is known, it costs no more than a new one
                cached = min(price.cached_input, asked)
            return replace(price, input=asked, cached_input=cached, cache_write=written, output=said, tiers=())

        here = scaled(self)
        tiers = tuple((name, scaled(price)) for name, price in self.tiers)
        return replace(here, tiers=(*tiers, (_TIERS["batch"], here)) if tiers else ())

    def cost(self, usage: Usage) -> int:
        """Nano-dollars of one request, at the tier reported by its reply."""
        return sum(self.parts(usage))

    def parts(self, usage: Usage) -> tuple[int, int]:
        """Nano-dollars of a request's input and output; their sum is its cost, rounded up once.

        If writing to the cache costs more and the reply does not report it, all tokens not read from it count as
        written.
        """
        price = self.at(usage.tier)
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        fresh = usage.prompt_tokens - cached
        written = fresh if usage.written_tokens is None else min(usage.written_tokens, fresh)
        asked = (fresh - written) * price.input + written * price.cache_write + cached * price.cached_input
        asked += self.request
        whole = -(-(asked + usage.completion_tokens * price.output) // _PICO_IN_NANO)
        asked //= _PICO_IN_NANO
        return asked, whole - asked

    def most(self, prompt_tokens: int, completion_tokens: int) -> int:
        """The most nano-dollars that a request of at most so many tokens costs, cached or not, at any known tier."""
        price = self._dearest
        dearest = max(price.input, price.cached_input, price.cache_write)
        return -(-(prompt_tokens * dearest + completion_tokens * price.output + self.request) // _PICO_IN_NANO)

    def at_most(self, prompt_tokens: int, completion_tokens: int) -> Usage:
        """The usage that costs `most`, booked for a request whose reply reports none."""
        price = self._dearest
        cached = prompt_tokens if price.cached_input > max(price.input, price.cache_write) else 0
        written = None if price.cache_write > price.input else 0
        return Usage(prompt_tokens, completion_tokens, cached, written, _UNTOLD)


def tier_name(tier: object) -> str | None:
    """Our name of a request's or reply's tier, from any of its names; None if unknown."""
    if tier is None:
        return STANDARD
    return _TIERS.get(tier) if isinstance(tier, str) else None


def _pico(usd: float | Decimal) -> int:
    exact = Decimal(repr(usd)) if isinstance(usd, float) else Decimal(usd)  # the decimals as written, not their float
    if not exact.is_finite() or exact < 0:
        raise ValueError(f"a price is a number of dollars, zero or more, not {usd}")
    scaled = exact * _PICO_A_TOKEN
    return int(scaled.to_integral_value(rounding="ROUND_CEILING"))


def nano_of(usd: float) -> int:
    """A configured amount of dollars in whole nano-dollars, rounded down."""
    return int(Decimal(repr(usd)) * NANO)


def dollars(nano: int) -> float:
    return nano / NANO


def share_out(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` in proportion to `weights`, in whole numbers that sum to it exactly."""
    whole = sum(weights)
    if not weights:
        return []
    if whole == 0:
        weights, whole = [1] * len(weights), len(weights)
    upto = [total * seen // whole for seen in accumulate(weights)]
    return list(map(sub, upto, [0, *upto]))
