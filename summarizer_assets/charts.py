"""SVG charts for Dagster's pages and our own; the callers paint their content.

Drawn with matplotlib, which needs no browser and no script in the page, and has been maintained for twenty years. It is
imported at the first chart, because its import takes half a second and writes a font cache.
"""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Okabe and Ito's palette: distinguishable with colour blindness, and on light and dark pages.
BLUE, ORANGE, GREEN, RED, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#8a8a8a"

_STYLE = {
    "svg.fonttype": "none",  # keep text as text: the browser has fonts for every script
    "svg.hashsalt": "summarizer",  # makes the output deterministic
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
}


@dataclass(frozen=True)
class Chart:
    """An SVG chart; `title` is its alternative text."""

    title: str
    svg: bytes

    @property
    def data_uri(self) -> str:
        """A data URI for an `img`, in which scripts never run."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()

    @property
    def markdown(self) -> str:
        """The chart as Markdown for Dagster's `md` metadata."""
        alt = "".join(f"\\{sign}" if sign in "\\[]" else sign for sign in " ".join(self.title.split()))
        return f"![{alt}]({self.data_uri})"


def draw(title: str, *paint: Callable[["Axes"], None], width: float = 6.4, height: float = 2.6) -> Chart:
    """A chart with one panel per function in `paint`, side by side; sizes in inches.

    Each function labels its axes with units. Text from data (names, titles) must go through `plain` first.
    """
    import matplotlib as mpl  # noqa: PLC0415 - see the module's first lines
    from matplotlib.figure import Figure  # noqa: PLC0415 - same

    buffer = io.BytesIO()
    with mpl.rc_context(_STYLE):  # type: ignore[arg-type] # its keys are literals of its own
        figure = Figure(figsize=(width, height), layout="constrained")
        panels = figure.subplots(1, len(paint), squeeze=False)[0]
        for painter, axes in zip(paint, panels, strict=True):
            painter(axes)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Title": plain(title)})
    return Chart(title, buffer.getvalue())


def plain(text: str) -> str:
    """`text` without characters that matplotlib treats as mathematics or that no font can draw."""
    return "".join(sign for sign in text if sign.isprintable()).replace("$", r"\$")
