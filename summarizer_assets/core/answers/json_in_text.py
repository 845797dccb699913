"""The JSON documents in a model's text, whatever stands around them, and none of what it only thought.

Words, fences, tags and end tokens around a document are passed over. A document that does not parse is passed over
whole, never searched for smaller ones: what looks like a document within it may be the text of a string. For the same
reason a text with a bracket that closes what nothing opened is refused, unless all that it does is to follow the one
document there is.
"""

import re
from dataclasses import dataclass, field

from summarizer_assets.core.answers.lenient_json import NotJsonError, end_of, parse, parse_at, without_trailing_commas
from summarizer_assets.core.answers.thinking import MARK, end_of_thinking

_NEXT = re.compile(rf'{MARK}|(?P<json>\{{\s*["}}]|\[\s*[\[{{"\]])|(?P<stray>["}}\]]\s*[}}\]])', re.DOTALL)
#: What may stand around a document that is all a text says: fences, tags, special tokens with the word that follows.
_DRESS = re.compile(r"[`~]{3,}\w*|[<\[][^<>\[\]{}]{1,60}[>\]](?:[ \t]*(?:final|json|assistant|commentary)\b)*")


@dataclass(slots=True)
class Documents:
    """Of one text. `broken`: where one begins that never ends; `bare`: nothing is said around them."""

    values: list[object] = field(default_factory=list)
    broken: int | None = None
    bare: bool = True
    problem: str | None = None


def documents(text: str) -> Documents:
    """All complete JSON documents outside of thinking, in order, their objects as `Object`."""
    found = Documents()
    around: list[str] = []
    at = 0
    strays: list[int] = []  # how many documents were before each
    endless: set[str] = set()
    while (mark := _NEXT.search(text, at)) is not None:
        around.append(text[at : mark.start()])
        if mark["json"] is not None:
            value, end = _document(text, mark.start())
            if end is None:
                found.broken = mark.start()
                break
            found.values += value
        elif mark["end"] is not None:  # the block was opened in the prompt: all before it was thought
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
    """The document that begins there, none where it is broken; and where to go on, None where it never ends."""
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
