"""Texts of others on pages of Markdown: ids, names, titles, summaries and providers' messages are data."""

import re
from string import punctuation
from typing import Final

from summarizer_assets.core.answers.text_safety import made_visible

#: Markdown makes links of bare addresses, even of escaped ones: an invisible joiner breaks them.
_ADDRESS: Final = re.compile(r":(?=//)|www(?=\.)|@", re.IGNORECASE)
_JOINER: Final = "\u2060"


def escaped(text: str, most: int | None = None) -> str:
    """`text`, at most `most` characters of it, as Markdown that shows just its characters and links to nothing."""
    text = _ADDRESS.sub(lambda sign: sign[0] + _JOINER, made_visible(text, most))
    return "".join(f"\\{sign}" if sign in punctuation else sign for sign in text)
