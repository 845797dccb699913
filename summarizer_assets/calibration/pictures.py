"""Charts of a calibration: share of failures and cost of an accepted answer, by group size."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from summarizer_assets.calibration.calibrate import Calibration
from summarizer_assets.charts import BLUE, GREEN, ORANGE, RED, Chart, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def picture(found: Calibration) -> Chart:
    title = f"First answers and their cost by the authors a request; recommended: {found.recommendation.size}"
    return draw(title, _quality(found), _cost(found), width=8.2)


def _quality(found: Calibration) -> Callable[["Axes"], None]:
    def paint(axes: "Axes") -> None:
        places = range(len(found.measured))
        below = [0.0] * len(found.measured)
        parts = {
            "missing": ([one.missing for one in found.measured], ORANGE),
            "contradicted": ([one.contradicted for one in found.measured], BLUE),
            "refused": ([sum(one.refused.values()) for one in found.measured], RED),
        }
        for name, (counts, colour) in parts.items():
            shares = [100 * count / one.authors for count, one in zip(counts, found.measured, strict=True)]
            axes.bar(places, shares, bottom=below, color=colour, width=0.6, label=name)
            below = [low + share for low, share in zip(below, shares, strict=True)]
        axes.set_ylabel("% of first answers not accepted")
        axes.set_ylim(0, max(1.0, *below) * 1.35)  # room for the legend
        axes.legend(frameon=False, ncols=3, loc="upper left")
        _sizes(axes, found)

    return paint


def _cost(found: Calibration) -> Callable[["Axes"], None]:
    def paint(axes: "Axes") -> None:
        known = [(place, one) for place, one in enumerate(found.measured) if one.price is not None]
        in_dollars = all(one.cost_usd for _, one in known)
        values = [(1000 if in_dollars else 1) * (one.price or 0.0) for _, one in known]
        colours = [GREEN if one.size == found.recommendation.size else BLUE for _, one in known]
        axes.bar([place for place, _ in known], values, color=colours, width=0.6)
        axes.set_ylabel("US dollars, 1,000 accepted answers" if in_dollars else "tokens, an accepted answer")
        _sizes(axes, found)

    return paint


def _sizes(axes: "Axes", found: Calibration) -> None:
    best = found.recommendation.size
    names = [f"{one.size}{'*' if one.size == best else ''}" for one in found.measured]
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.6, len(found.measured) - 0.4)
    axes.set_xlabel("authors a request (* recommended)")
