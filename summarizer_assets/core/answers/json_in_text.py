"""Extraction of JSON documents from a model's text, ignoring surrounding text and reasoning blocks.

Words, fences, tags and end tokens around a document are skipped. A document that does not parse is skipped as a whole
and never searched for smaller ones, because an apparent document in it may be the content of a string. For the same
reason a text with an unmatched closing bracket is rejected, unless the bracket only follows the single document.
"""

import re
from dataclasses import dataclass, field

from summarizer_assets.core.answers.lenient_json import NotJsonError, end_of, parse, parse_at, without_trailing_commas
from summarizer_assets.core.answers.thinking import MARK, end_of_thinking

_NEXT = re.compile(rf'{MARK}|(?P<json>\{{\s*["}}]|\[\s*[\[{{"\]])|(?P<stray>["}}\]]\s*[}}\]])', re.DOTALL)
#: What may surround a bare document: fences, tags, special tokens with the word that follows.
_DRESS = re.compile(r"[`~]{3,}\w*|[<\[][^<>\[\]{}]{1,60}[>\]](?:[ \t]*(?:final|json|assistant|commentary)\b)*")


@dataclass(slots=True)
class Documents:
    """The documents of one text. `broken`: start of a document that never ends. `bare`: no other text around them."""

    values: list[object] = field(default_factory=list)
    broken: int | None = None
    bare: bool = True
    problem: str | None = None


def documents(text: str) -> Documents:
    """All complete JSON documents outside reasoning blocks, in order, with objects as `Object`."""
    found = Documents()
    around: list[str] = []
    at = 0
    strays: list[int] = []  # the number of documents before each
    endless: set[str] = set()
    while (mark := _NEXT.search(text, at)) is not None:
        around.append(text[at : mark.start()])
        if mark["json"] is not None:
            value, end = _document(text, mark.start())
            if end is None:
                found.broken = mark.start()
                break
            found.values += value
        elif mark["end"] is not None:  # the block was opened in the prompt, so all text before is reasoning
            found, around, strays, end = Documents(), [], [], mark.end()
        elif mark["stray"] is not None:
            strays.append(len(found.values))
            end = mark.end()
        else:
            end = end_of_thinking(text, mark, endless)
            if end is None:
                found.problem = "it ends before the model has done with thinking"
                break
        at = end
    else:
        around.append(text[at:])
    found.bare = not strays and not _DRESS.sub("", "".join(around)).strip()
    if found.values and strays and (len(found.values) > 1 or 0 in strays):
        found.values, found.problem = [], "brackets close in it that nothing opened"
    return found


def _document(text: str, start: int) -> tuple[list[object], int | None]:
    """The document that begins at `start` (none if broken), and the position to continue; None if it never ends."""
    try:
        value, end = parse_at(text, start)
    except NotJsonError:
        pass
    else:
        return [value], end
    end_of_broken = end_of(text, start)
    if end_of_broken is None:
        return [], None
    try:
        return [parse(without_trailing_commas(text[start:end_of_broken]))], end_of_broken
    except NotJsonError:
        return [], end_of_broken
