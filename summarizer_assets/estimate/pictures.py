"""Charts of an estimate: cost with its interval, and time, by group size."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from summarizer_assets.charts import BLUE, GREY, ORANGE, Chart, draw
from summarizer_assets.core.display_text import duration
from summarizer_assets.core.estimation.cost import Span
from summarizer_assets.estimate.spend import SpendEstimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BESIDE = 0.12  # offset between the marks of two tiers


def picture(spend: SpendEstimate) -> Chart:
    """Cost (tokens if the price is unknown or 0) and time, by group size."""
    return draw("What the pending authors will cost, and how long it takes", _cost(spend), _time(spend), width=8.2)


def _cost(spend: SpendEstimate) -> Callable[["Axes"], None]:
    def paint(axes: "Axes") -> None:
        price = spend.prices.price
        if price is None or price.free:
            spans: list[Span | None] = [option.estimate.tokens * 1e-6 for option in spend.options]
            _points(axes, spans, 0.0, BLUE, "tokens")
            axes.set_ylabel("million tokens")
        else:
            _points(axes, [option.estimate.cost_usd for option in spend.options], -_BESIDE, BLUE, spend.prices.name)
            _points(axes, [option.other_cost_usd for option in spend.options], _BESIDE, ORANGE, spend.prices.other_tier)
            axes.set_ylabel("US dollars, with interval")
            axes.legend(frameon=False, loc="upper right", ncols=2)
        axes.set_ylim(0, 1.25 * axes.get_ylim()[1])  # room for the legend
        _sizes(axes, spend)

    return paint


def _points(axes: "Axes", spans: list[Span | None], beside: float, colour: str, label: str) -> None:
    known = [(place + beside, span) for place, span in enumerate(spans) if span is not None]
    if not known:
        return
    middles = [span.expected for _, span in known]
    errors = [[span.expected - span.low for _, span in known], [span.high - span.expected for _, span in known]]
    places = [place for place, _ in known]
    axes.errorbar(places, middles, yerr=errors, fmt="o", color=colour, capsize=4, label=label)


def _time(spend: SpendEstimate) -> Callable[["Axes"], None]:
    def paint(axes: "Axes") -> None:
        seconds = [option.duration.seconds for option in spend.options]
        longest = max((known for known in seconds if known is not None), default=0.0)
        unit, size = next(
            (one for one in (("hours", 3600.0), ("minutes", 60.0)) if longest >= 2 * one[1]), ("seconds", 1.0)
        )
        for place, known in enumerate(seconds):
            if known is None:
                axes.annotate("not\nknown", (place, 0), ha="center", va="bottom", color=GREY)
            else:
                axes.bar(place, known / size, color=BLUE, width=0.6)
                axes.annotate(duration(known), (place, known / size), ha="center", va="bottom")
        axes.set_ylabel(f"{unit}, {'at most' if spend.prices.by_batch else 'one run at a time'}")
        axes.set_ylim(0, max(1.15 * longest / size, 1e-9) if longest else 1)
        _sizes(axes, spend)

    return paint


def _sizes(axes: "Axes", spend: SpendEstimate) -> None:
    names = [f"{option.group_size}{'*' if option is spend.configured else ''}" for option in spend.options]
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_xlabel("authors a request (* configured)")
