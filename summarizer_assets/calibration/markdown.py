"""Markdown of an offer and of a calibration, for Dagster's pages and a terminal. It names no authors."""

from collections import Counter
from collections.abc import Sequence

from summarizer_assets.calibration.calibrate import Calibration, Offer
from summarizer_assets.calibration.comparison import LEAST_GAIN, SHARE_MARGIN, SUPPORT_MARGIN, Measured
from summarizer_assets.core.display_text import duration, number, usd
from summarizer_assets.core.estimation.cost import Estimate
from summarizer_assets.core.markdown import table
from summarizer_assets.estimate.terms import NO_PRICE, usd_span

_NONE = "-"
RULE = (
    f"The rule: of the sizes at which at most {SHARE_MARGIN:.0%} more of the first answers are not accepted than at "
    f"the best, and the mean support is at most {SUPPORT_MARGIN} lower, take the largest, as long as each step up "
    f"saves at least {LEAST_GAIN:.0%} of the cost of an accepted answer."
)


def offer_markdown(offered: Offer) -> str:
    """The requests and their cost."""
    head = ("authors a request", "requests", "tokens in", "tokens out", "cost")
    rows = [_offered(number(size), found) for size, found in offered.by_size.items()]
    rows.append(_offered("**all**", offered.whole))
    text = f"{offered.authors.height} authors, asked once at each size:\n\n{table(head, rows)}"
    notes = [] if offered.whole.cost_usd is not None else [f"Tokens only: {NO_PRICE}."]
    return "\n\n".join((text, *notes, *(f"**{notice}**" for notice in offered.notices)))


def calibration_markdown(found: Calibration) -> str:
    """The measurements and the recommendation."""
    return f"{measured_markdown(found.measured)}\n\n{recommendation_markdown(found)}"


def recommendation_markdown(found: Calibration) -> str:
    """The size to set, and why each size was chosen or not."""
    size, verdicts = found.recommendation.size, found.recommendation.verdicts
    said = "**No size can be recommended.**" if size is None else f"**Recommended: SUMMARIZER_GROUP_SIZE={size}**"
    why = [f"- {one}: {verdicts[one]}" for one in sorted(verdicts)]
    return "\n".join([said, "", *why, "", RULE])


def measured_markdown(measured: Sequence[Measured]) -> str:
    """A table with one row per size, with shares of the authors, who are the same at each size."""
    head = ("authors a request", "requests", "missing", "mixed up", "refused", "support, mean (p10)", "words",
            "tokens an author", "cost of 1,000", "a request", "an author")  # fmt: skip
    lines = [table(head, [_row(one) for one in measured])]
    reasons: Counter[str] = Counter()
    for one in measured:
        reasons.update(one.refused)
    if reasons:
        lines.append("\nRefused, at all sizes: " + ", ".join(f"{why} {count}" for why, count in reasons.most_common()))
    return "\n".join(lines)


def _offered(size: str, found: Estimate) -> tuple[str, ...]:
    cost = _NONE if found.cost_usd is None else usd_span(found.cost_usd)
    calls, asked, said = found.calls.expected, found.prompt_tokens.expected, found.completion_tokens.expected
    return (size, number(calls), number(asked), number(said), cost)


def _row(one: Measured) -> tuple[str, ...]:
    support = _NONE
    if one.support_mean is not None and one.support_p10 is not None:
        support = f"{one.support_mean:.2f} ({one.support_p10:.2f})"
    cost = _NONE
    if one.cost_usd is not None and one.accepted:
        cost = usd(1000 * one.cost_usd / one.accepted)
    return (
        number(one.size),
        number(one.requests),
        f"{one.missing / one.authors:.1%}",
        f"{(one.contradicted + one.strange) / one.authors:.1%}",
        f"{sum(one.refused.values()) / one.authors:.1%}",
        support,
        _NONE if one.words_mean is None else f"{one.words_mean:.0f}",
        f"{(one.prompt_tokens + one.completion_tokens) / one.authors:,.0f}",
        cost,
        _NONE if one.latency_s is None else f"{one.latency_s:,.2f} s",
        f"{one.seconds / one.authors:.3f} s" if one.seconds < _LONG_S else duration(one.seconds / one.authors),
    )


_LONG_S = 3600
