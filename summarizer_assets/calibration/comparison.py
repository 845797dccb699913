"""Comparison of group sizes measured on the same authors, and the recommended size. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

#: A size is as good as the best if its share of first answers not accepted is at most this much higher (or by one
#: author, which decides nothing in a small sample), and its mean support at most this much lower.
SHARE_MARGIN: Final = 0.02
SUPPORT_MARGIN: Final = 0.03
#: A larger group is worth it if it saves at least this share of the cost of an accepted answer.
LEAST_GAIN: Final = 0.05
_ONE_AUTHOR: Final = 1.5
_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Measured:
    """First answers of `authors` in groups of at most `size`, without any re-asks.

    Each author is in exactly one of `accepted`, `missing` (no answer under the id), `contradicted` (two different
    answers) and `refused` (by reason: a run would ask again, or the whole request gave nothing). `strange`: rows under
    ids that were not asked. `support_*`: of the accepted answers. `cost_usd`: None if no price is known. `seconds`:
    wall time of all requests. `latency_s`: median of one request.
    """

    size: int
    authors: int
    requests: int
    accepted: int
    missing: int = 0
    contradicted: int = 0
    strange: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    support_mean: float | None = None
    support_p10: float | None = None
    words_mean: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    seconds: float = 0.0
    latency_s: float | None = None

    @property
    def not_accepted(self) -> float:
        """The share of authors whose first answer was not accepted, 0 to 1."""
        return 1 - self.accepted / self.authors

    @property
    def price(self) -> float | None:
        """Cost of an accepted answer in dollars, or in tokens if there is no price; None if none was accepted."""
        if not self.accepted:
            return None
        return (self.cost_usd or self.prompt_tokens + self.completion_tokens) / self.accepted


@dataclass(frozen=True)
class Recommendation:
    """`size`: None if no size had an accepted answer. `verdicts`: why each size was chosen or not."""

    size: int | None
    verdicts: Mapping[int, str]


def recommend(measured: Sequence[Measured]) -> Recommendation:
    """The largest size whose answers are as good as the best, if each step up to it saves enough."""
    usable = [one for one in sorted(measured, key=lambda one: one.size) if one.accepted]
    if not usable:
        return Recommendation(None, {one.size: "no answer was accepted" for one in measured})
    fewest = min(one.not_accepted for one in usable)
    best = max((one.support_mean for one in usable if one.support_mean is not None), default=None)
    verdicts = {one.size: "no answer was accepted" for one in measured if not one.accepted}
    chosen: Measured | None = None
    for one in usable:
        worse = _worse(one, fewest, best)
        if worse is not None:
            verdicts[one.size] = worse
            continue
        if chosen is None:
            chosen, verdicts[one.size] = one, "as good as the best"
            continue
        assert one.price is not None and chosen.price is not None  # noqa: PT018 - both have accepted answers
        gain = 1 - one.price / chosen.price
        verdicts[one.size] = f"as good as the best, {_saves(gain, one)} for an accepted answer than {chosen.size}"
        if gain >= LEAST_GAIN:
            chosen = one
        else:
            verdicts[one.size] += ": not worth it"
    if chosen is None:  # one size has the fewest failures, another the best support
        chosen = min(usable, key=lambda one: (one.not_accepted, one.size))
        verdicts[chosen.size] += "; but no size has fewer that are not accepted"
    return Recommendation(chosen.size, verdicts)


def _worse(one: Measured, fewest: float, best: float | None) -> str | None:
    """How a size is worse than the best; None if it is not."""
    if one.not_accepted > fewest + max(SHARE_MARGIN, _ONE_AUTHOR / one.authors) + _ROUNDING:
        return f"{one.not_accepted:.1%} of first answers not accepted, {fewest:.1%} at best: too many"
    if best is not None and one.support_mean is not None and one.support_mean < best - SUPPORT_MARGIN:
        return f"mean support {one.support_mean:.2f}, {best:.2f} at best: too low"
    return None


def _saves(gain: float, one: Measured) -> str:
    less, more = ("cheaper", "dearer") if one.cost_usd else ("fewer tokens", "more tokens")
    return f"{gain:.1%} {less}" if gain >= 0 else f"{-gain:.1%} {more}"
