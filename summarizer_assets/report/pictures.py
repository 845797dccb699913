"""The charts of a report."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from summarizer_assets.charts import BLUE, GREEN, GREY, ORANGE, RED, Chart, draw, plain
from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.report.facts import Report
from summarizer_assets.report.statistics import Spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

_WIDTH, _HEIGHT = 4.6, 2.5  # inches; also readable on a phone
_REASONS = 10
_BUCKETS_WITH_NAMES, _BARS = 16, 32
_FEWEST_BARS = 2  # a single bar shows nothing


def pictures(report: Report) -> dict[str, Chart]:
    """The charts by name; those without data are left out."""
    drawn = {
        "buckets": _buckets(report),
        "failures": _failures(report),
        "over_time": _over_time(report),
        "words": _spread(
            report.summaries.words, "Length of the summaries", "words", mark=report.words_wanted, said="asked for"
        ),
        "support": _spread(report.summaries.support, "Support by the author's own record", "% of a summary's words"),
        "cost": _cost(report),
    }
    return {name: chart for name, chart in drawn.items() if chart is not None}


def _draw(title: str, paint: Callable[["Axes"], None]) -> Chart:
    return draw(title, paint, width=_WIDTH, height=_HEIGHT)


def _buckets(report: Report) -> Chart | None:
    keys = list(report.buckets)
    found = [report.buckets[key] for key in keys]
    if not report.coverage.authors:
        return None

    def paint(axes: "Axes") -> None:
        places = list(range(len(keys)))
        below = [0] * len(keys)
        for label, colour, heights in (
            ("summary", GREEN, [bucket.summaries for bucket in found]),
            ("failed", RED, [bucket.failed for bucket in found]),
            ("pending", GREY, [bucket.pending for bucket in found]),
        ):
            above = [low + height for low, height in zip(below, heights, strict=True)]
            if any(heights) and len(keys) > _BARS:  # bars are drawn one by one, an outline at once
                edges = [place - 0.5 for place in range(len(keys) + 1)]
                axes.stairs(above, edges, baseline=below, fill=True, color=colour, label=label)
            elif any(heights):
                axes.bar(places, heights, bottom=below, color=colour, width=0.9, label=label)
            below = above
        step = max(1, -(-len(keys) // _BUCKETS_WITH_NAMES))
        axes.set_xticks(places[::step], keys[::step], rotation=90, fontsize=7)
        axes.margins(x=0.01)
        axes.set_ylim(0, max(below) * 1.25)  # room for the legend
        _whole_numbers(axes.yaxis)
        axes.set_xlabel("bucket")
        axes.set_ylabel("authors")
        axes.legend(ncols=3, frameon=False, fontsize=8, loc="upper center")

    return _draw("Authors by bucket", paint)


def _failures(report: Report) -> Chart | None:
    reasons = list(report.failures.by_reason.items())[:_REASONS][::-1]
    if len(reasons) < _FEWEST_BARS:
        return None

    def paint(axes: "Axes") -> None:
        names = [plain(made_visible(reason, 30)) for reason, _ in reasons]
        left = [0] * len(reasons)
        for label, colour, widths in (
            ("due now", ORANGE, [found.due for _, found in reasons]),
            ("retried later", BLUE, [found.waiting for _, found in reasons]),
            ("attempts used up", RED, [found.exhausted for _, found in reasons]),
            ("not retried", GREY, [found.final for _, found in reasons]),
        ):
            if any(widths):
                axes.barh(names, widths, left=left, color=colour, height=0.7, label=label)
            left = [start + width for start, width in zip(left, widths, strict=True)]
        _whole_numbers(axes.xaxis)
        axes.set_xlabel("authors")
        axes.legend(ncols=2, frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.4, 1.0))

    return _draw("Failures by reason", paint)


def _over_time(report: Report) -> Chart | None:
    unit, steps = report.summaries.over_time()
    if sum(number > 0 for _, number in steps) < _FEWEST_BARS:
        return None

    def paint(axes: "Axes") -> None:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415 - see charts.py

        moments = [moment for moment, _ in steps]
        width = (steps[1][0] - steps[0][0]) * 0.9
        axes.bar(moments, [number for _, number in steps], color=BLUE, width=width, align="edge")  # type: ignore[arg-type] # dates, their stubs know numbers only
        locator = AutoDateLocator(minticks=2, maxticks=6)  # type: ignore[no-untyped-call] # matplotlib's
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call] # same
        _whole_numbers(axes.yaxis)
        axes.set_xlabel("UTC")
        axes.set_ylabel(f"summaries per {unit}" if unit[0].isalpha() else f"summaries in {unit}")

    return _draw("Summaries over time", paint)


def _spread(spread: Spread, title: str, label: str, *, mark: int | None = None, said: str = "") -> Chart | None:
    width, bars = spread.bars()
    if not bars:
        return None

    def paint(axes: "Axes") -> None:
        starts = [start for start, _ in bars]
        axes.bar(starts, [number for _, number in bars], width=width * 0.92, align="edge", color=BLUE)
        if mark is not None:
            axes.axvline(mark, color=ORANGE, linewidth=1.5, linestyle="--", label=f"{mark} {said}")
            axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0)
        if len(bars) < _FEWEST_BARS:
            axes.set_xlim(starts[0] - 3 * width, starts[0] + 4 * width)
        _whole_numbers(axes.xaxis)
        _whole_numbers(axes.yaxis)
        axes.set_xlabel(label)
        axes.set_ylabel("summaries")

    return _draw(title, paint)


def _cost(report: Report) -> Chart | None:
    """The estimate's interval, and the cost of all its authors at the actual cost per author."""
    found = report.estimate
    if found is None or not found.authors_answered:
        return None
    if found.cost_usd is not None and found.cost_low_usd is not None and found.cost_high_usd is not None:
        low, expected, high = found.cost_low_usd, found.cost_expected_usd or 0.0, found.cost_high_usd
        actual, label = found.cost_usd, "US dollars"
    else:
        low, expected, high = found.tokens_low, found.tokens_expected, found.tokens_high
        actual, label = found.tokens, "tokens"
    scaled = actual * found.authors_expected / found.authors_answered
    values: Mapping[str, Sequence[float]] = {"estimated": (low, expected, high), "at today's cost": (scaled,)}

    def paint(axes: "Axes") -> None:
        axes.errorbar(
            [expected], [1], xerr=[[expected - low], [high - expected]], fmt="o", color=BLUE, capsize=5, linewidth=2
        )
        axes.plot([scaled], [0], "D", color=GREEN if low <= scaled <= high else RED)
        axes.set_yticks([1, 0], list(values))
        axes.set_ylim(-0.7, 1.7)
        axes.set_xlim(0, max(high, scaled) * 1.1)
        axes.xaxis.set_major_formatter(_thousands)
        axes.set_xlabel(f"{label}, for all authors of the estimate")

    return _draw("Estimate and actual", paint)


def _whole_numbers(axis: "Axis") -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - see charts.py

    axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axis.set_major_formatter(_thousands)


def _thousands(value: float, _: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,g}"
