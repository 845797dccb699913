"""Recognition of reasoning blocks in a model's text, by the markers that models and their servers use."""

import re
from typing import Final

_NAME = r"(?:\w+:)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflect(?:ion)?|analysis|scratchpad)"

#: Start and end markers of reasoning blocks.
_PAIRS = (
    # <think>…</think>, <seed:think>…, ◁think▷…◁/think▷, <|START_THINKING|>…<|END_THINKING|>, <|begin_of_thought|>…
    (
        rf"(?i:[<◁]\|?(?:start_|begin_of_)?(?P<name>{_NAME})(?:\s[^<>{{}}]*)?\|?[>▷])",
        r"(?i:[<◁]\|?(?:/|end_|end_of_)\s*{name}\s*\|?[>▷])",
    ),
    (r"\[THINK(?:ING)?\]", r"\[/THINK(?:ING)?\]"),  # Mistral
    (rf"<\|open\|>\s*{_NAME}\s*<\|sep\|>", rf"<\|close\|>\s*{_NAME}\s*<\|sep\|>"),  # Kimi K3
    (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),  # Apertus
    (r"<\|channel>\s*thought", r"<channel\|>"),  # Gemma 4
    (r"<unused94>|\[unused16\]", r"<unused95>|\[unused17\]"),  # MedGemma; Pangu
    # Harmony's channels, complete and with their markers removed by the server.
    (rf"<\|channel\|>\s*{_NAME}\b", r"<\|(?:end|start|return|call)\|>|(?=<\|channel\|>)"),
    (r"\A\s*analysis(?=.*assistant\s*final)", r"assistant\s*final"),
    (r"\A\s*Here(?:['\u2019]s| is) my thought process:", r"Here(?:['\u2019]s| is) my response:"),  # Granite 3
)
_ENDS: Final = tuple(re.compile(end.replace("{name}", _NAME), re.DOTALL) for _, end in _PAIRS)
#: End markers that make all text before them reasoning, because the prompt's template opened the block.
_UNOPENED = "|".join(end.replace("{name}", _NAME) for _, end in _PAIRS[:6])

#: Matches a marker: in its group `end`, or in one of `p0`, `p1` …
MARK: Final = "|".join(
    [*(f"(?P<p{number}>{begin})" for number, (begin, _) in enumerate(_PAIRS)), f"(?P<end>{_UNOPENED})"]
)
_SPOKEN_OF: Final = re.compile(rf"(?i:{_NAME})")


def end_of_thinking(text: str, mark: re.Match[str], endless: set[str]) -> int | None:
    """The end of the block that begins at `mark`; None if it never ends.

    `endless`: names without an end marker in the rest of the text; the caller keeps the set between blocks.
    """
    number = next(number for number in range(len(_PAIRS)) if mark[f"p{number}"] is not None)
    if (
        number == 0 and mark["name"] not in endless
    ):  # it may contain other blocks, so only the marker of its own name ends it
        own = re.compile(_PAIRS[0][1].replace("{name}", re.escape(mark["name"]))).search(text, mark.end())
        if own is not None:
            return own.end()
        endless.add(mark["name"])
    found = _ENDS[number].search(text, mark.end())
    return None if found is None else found.end()


def is_thinking(name: str) -> bool:
    """Whether a key or a content part's type means reasoning."""
    return _SPOKEN_OF.search(name) is not None
