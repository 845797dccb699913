"""Charts as SVG, for Dagster's pages and for pages of our own. What is in a chart is said by whoever draws it.

Drawn with matplotlib: it needs no browser and no script in the page, and it has been kept up for twenty years. Imported
at the first chart, since its import costs half a second and writes a cache of fonts.
"""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Told apart by people who see few colours, too (Okabe and Ito's palette), and on white as on dark pages.
BLUE, ORANGE, GREEN, RED, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#8a8a8a"

_STYLE = {
    "svg.fonttype": "none",  # text stays text: the browser has fonts for every script
    "svg.hashsalt": "summarizer",  # the same chart is the same bytes
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
}


@dataclass(frozen=True)
class Chart:
    """`title` is what is read where a picture is not seen."""

    title: str
    svg: bytes

    @property
    def data_uri(self) -> str:
        """The source of an `img`: scripts in a picture that is loaded so never run."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()

    @property
    def markdown(self) -> str:
        """As Dagster's metadata of the kind `md` shows it."""
        alt = "".join(f"\\{sign}" if sign in "\\[]" else sign for sign in " ".join(self.title.split()))
        return f"![{alt}]({self.data_uri})"


def draw(title: str, *paint: Callable[["Axes"], None], width: float = 6.4, height: float = 2.6) -> Chart:
    """A chart of one panel for each of `paint`, side by side; sizes in inches.

    Each painter labels its axes: a number without a unit says nothing. Text from outside (names, titles) must go
    through `plain` first.
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
    """`text` without what matplotlib takes for mathematics, and without what no font can draw."""
    return "".join(sign for sign in text if sign.isprintable()).replace("$", r"\$")
