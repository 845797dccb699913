"""Extraction of a model's token limits from the text of a refusal, in any of the usual wordings."""

import re
from dataclasses import dataclass
from typing import Final

_N: Final = r"[`'(]?(\d[\d,_]*)[`')]?"
_OUTPUT: Final = r"(?:max_tokens|max_completion_tokens|max_output_tokens|max_new_tokens|maxoutputtokens)[`'\"]?"


def _patterns(*texts: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text.replace("#", _N), re.IGNORECASE) for text in texts)


#: Limits of prompt and answer together. The first match counts, here and below.
_CONTEXT: Final = _patterns(
    r"n_ctx=#",
    r"exceed context limit: [\d,]+ \+ [\d,]+ > #",
    r"inputs?`? tokens \+ `?max_new_tokens`? must be <= #",
    r"context (?:length|window|size|limit)(?: size)?(?: is| of|:)?(?: only)?:? #",
    r"(?:prompt|sequence|model|input) (?:length|limit)(?: is| of|:)(?: only)? #",
    r"for model with # maximum context",
    r"# (?:maximum )?(?:context|token)(?: length| window| limit)\b",
    r"(?:prompt|input|request) is too long: [\d,]+ tokens? > #",
    r"exceeds the (?:maximum|max)(?: allowed)?(?: number of)?(?: input)? tokens(?: allowed)?:? #",
    r"(?:token limit|tokens limit|limit is|limit of|must have less than):? # (?:tokens)?",
    r"current length is [\d,]+ while limit is #",
    r"(?:exceed(?:s|ed)?|longer than) (?:the |this )?(?:model'?s? )?(?:maximum )?(?:context|input)\D{0,40}#",
)
_PROMPT: Final = _patterns(
    r"n_prompt_tokens=#",
    r"exceed context limit: # \+",
    r"given: # `?inputs`? tokens",
    r"\(# (?:tokens )?in the messages",
    r"# tokens from the input",
    r"(?:contains at least|has|have|passed|contains|resulted in) # (?:input )?tokens",
    r"(?:request|input|prompt)(?: token count)? \(#(?: tokens)?\)",
    r"input token count:? #",
    r"(?:prompt|input|request) is too long: # tokens",
    r"request contains # tokens",
    r"requested: #\)",
)
#: Limits of the answer alone.
_CAP: Final = _patterns(
    r"at most # (?:completion|output) tokens",
    r"max_tokens: [\d,]+ > #",
    r"max_tokens is too large \([\d,]+ > #\)",
    rf"(?<!\+ )(?<!\+ `){_OUTPUT}(?: value)?(?: parameter)? (?:must be|should be|cannot be|is)"
    r"\D{0,40}(?:<=|less than or equal to|at most|greater than|more than|larger than) #",
    rf"{_OUTPUT}\s*(?:\([\d,]+\))? (?:cannot exceed|exceeds|must not exceed)\D{{0,50}}#",
    rf"range of {_OUTPUT} (?:is|should be) \[\s*\d+\s*,\s*#\s*\]",
    rf"{_OUTPUT}(?: must be| should be| is)? in (?:the )?range (?:of )?\[\s*\d+\s*,\s*#\s*\]",
    r"integer above maximum value, expected a value <= #",
    r"expected a value <= #",
    r"input should be less than or equal to #",
    r"maximum tokens you requested exceeds the model limit of #",
    r"maximum (?:allowed )?(?:number of )?(?:output|completion) tokens(?: is| of| allowed is|:)? #",
    r"maximum output (?:length|tokens)(?: is| of|:)? #",
)
#: Exclusive upper bounds: one more than the cap.
_ABOVE_CAP: Final = _patterns(
    r"range is from \d+ \(inclusive\) to # \(exclusive\)",
    rf"{_OUTPUT}\D{{0,40}}\[\s*\d+\s*,\s*#\s*\)",
)


@dataclass(frozen=True, slots=True)
class ToldLimits:
    """Limits in tokens; None if not stated.

    Attributes:
        context: limit of prompt and answer together.
        prompt: size of the refused request's prompt.
        cap: limit of the answer alone.
    """

    context: int | None = None
    prompt: int | None = None
    cap: int | None = None


NOTHING_TOLD: Final = ToldLimits()


def told_limits(words: str) -> ToldLimits:
    """Parse the text of a refusal that is about size; other numbers are ignored."""
    words = " ".join(words[:4000].split())
    cap = _first(_CAP, words)
    if cap is None and (above := _first(_ABOVE_CAP, words)) is not None:
        cap = above - 1
    context = _first(_CONTEXT, words)
    return ToldLimits(None if context == cap else context, _first(_PROMPT, words), cap)


def _first(patterns: tuple[re.Pattern[str], ...], words: str) -> int | None:
    for pattern in patterns:
        if (found := pattern.search(words)) is not None:
            number = int(re.sub(r"\D", "", found[1])[:12])
            if number > 0:
                return number
    return None
