"""Markdown: tables, bars, and escaping of data, such as ids, names, titles and providers' messages."""

import base64
import re
from collections.abc import Iterable, Sequence
from string import punctuation
from typing import Final

from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.display_text import stretches

#: Markdown makes links of bare addresses, even of escaped ones: an invisible joiner breaks them.
_ADDRESS: Final = re.compile(r":(?=//)|www(?=\.)|@", re.IGNORECASE)
_JOINER: Final = "\u2060"
_WIDTH, _HEIGHT = 320, 12  # of a bar, in pixels
_COLOURS: Final = ("#009e73", "#d55e00", "#8a8a8a")


def escaped(text: str, most: int | None = None) -> str:
    """`text` (at most `most` characters) as Markdown that shows exactly its characters and has no links."""
    text = _ADDRESS.sub(lambda sign: sign[0] + _JOINER, made_visible(text, most))
    return "".join(f"\\{sign}" if sign in punctuation else sign for sign in text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. Cells are Markdown: data in them must be escaped."""
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def bar(alt: str, done: int, failed: int, left: int) -> str:
    """A bar as an image: done is green, failed is red, left is grey. `alt`: the alternative text."""
    paths = "".join(
        f'<path fill="{colour}" d="M{start} 0h{width}v{_HEIGHT}H{start}"/>'
        for colour, (start, width) in zip(_COLOURS, stretches((done, failed, left), _WIDTH), strict=True)
    )
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}">{paths}</svg>'
    return f"![{alt}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"
