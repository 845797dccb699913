"""In which form a provider takes requests: what a refusal teaches of it, once for all requests of a run.

A form is made of facts about a provider's model, and never of what a person set: a setting that is refused is named to
the person, not changed behind their back.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from summarizer_assets.core.prompt.context_limits import ToldLimits

#: How the shape of the answer is asked for: strictly, as any JSON object, or in words only.
Structured = Literal["json_schema", "json_object", "none"]

_OUTPUT_TOO_LARGE: Final = re.compile(
    r"max_(?:\w+_)?tokens\W[^.]{0,60}(?:too (?:large|high|big)|exceed|greater|larger|above)", re.IGNORECASE
)
_MARGIN: Final = 32  # one part of so many of a context is kept free: prompts are estimated
_ROOM: Final = 1.25  # answers may be so much longer than expected


@dataclass(frozen=True)
class Refusal:
    """What a refused request was told. `fields` are those it speaks of, `blamed` those it names as its cause."""

    words: str
    fields: frozenset[str]
    blamed: frozenset[str]
    told: ToldLimits
    of_size: bool  # too large, as against a field that is not known or not allowed


@dataclass(frozen=True)
class Size:
    """Of a request, in tokens: the estimate of its prompt, the answer that is expected, the bound that it set."""

    prompt: int
    expected: int
    bound: int


@dataclass(frozen=True)
class RequestForm:
    """How a model is asked.

    Attributes:
        structured: how the shape of the answer is asked for.
        output_field: the name under which the answer is bounded.
        output_cap: the most tokens that the model's answers may be bounded by; None: as the settings say.
        context: tokens, by this package's estimate, that prompt and answer may have together; None: not known.
    """

    structured: Structured = "json_schema"
    output_field: str = "max_tokens"
    output_cap: int | None = None
    context: int | None = None

    def bound(self, most: int, prompt: int, least: int) -> int:
        """The output tokens to allow a request of `prompt` tokens: at most `most`, room permitting at least `least`."""
        bounds = [most]
        if self.output_cap is not None:
            bounds.append(self.output_cap)
        if self.context is not None:
            bounds.append(max(least, self.context - prompt))
        return min(bounds)

    def takes(self, prompt: int, expected: int) -> bool:
        """Whether a request has room for the answer that is expected."""
        if self.output_cap is not None and expected > self.output_cap:
            return False
        return self.context is None or prompt + _ROOM * expected <= self.context

    def cut(self, records: Sequence[int], overhead: int, expected: int) -> Iterator[list[int]]:
        """Places of `records` (estimated tokens, in order) of each request that it takes; each at least one."""
        part: list[int] = []
        total = overhead
        for place, tokens in enumerate(records):
            if part and not self.takes(total + tokens, expected * (len(part) + 1)):
                yield part
                part, total = [], overhead
            part.append(place)
            total += tokens
        if part:
            yield part

    @property
    def differences(self) -> str:
        """From the form that is asked in at first, for a person; empty: none."""
        plain, said = FIRST_FORM, []
        if self.output_field != plain.output_field:
            said.append(f"{self.output_field} instead of {plain.output_field}")
        if self.structured != plain.structured:
            form = "JSON by words only" if self.structured == "none" else self.structured
            said.append(f"{form} instead of {plain.structured}")
        if self.output_cap is not None:
            said.append(f"at most {self.output_cap} output tokens")
        if self.context is not None:
            said.append(f"groups cut to a context of {self.context} tokens")
        return "; ".join(said)


#: In which everybody is asked at first.
FIRST_FORM: Final = RequestForm()


def adapted(
    form: RequestForm,
    refusal: Refusal,
    size: Size,
    simpler: Callable[[RequestForm, Refusal], RequestForm | None],
) -> RequestForm | None:
    """The form in which to ask from now on; None: no other form would help. `simpler`: the protocol's."""
    return _smaller(form, refusal, size) if refusal.of_size else simpler(form, refusal)


def _smaller(form: RequestForm, refusal: Refusal, size: Size) -> RequestForm | None:
    told = refusal.told
    if told.cap is not None and told.cap < size.bound:
        return replace(form, output_cap=told.cap)
    if told.context is not None:
        context = told.context - told.context // _MARGIN
        if told.prompt is not None and told.prompt > size.prompt:  # by our estimate the context is smaller
            context = context * size.prompt // told.prompt
        smaller = form.context is None or context < form.context
        too_much = size.prompt + size.bound > context
        return replace(form, context=context) if smaller and too_much and context > 0 else None
    if told.cap is None and size.bound // 2 >= size.expected and _blames_output(form, refusal):
        return replace(form, output_cap=size.bound // 2)
    return None


def _blames_output(form: RequestForm, refusal: Refusal) -> bool:
    return form.output_field in refusal.blamed or _OUTPUT_TOO_LARGE.search(refusal.words) is not None


def set_fields(extra_body: Mapping[str, Any]) -> frozenset[str]:
    """The fields of a request that a person set."""
    return frozenset(name for name, value in extra_body.items() if value is not None)


def settings_blamed(
    refusal: Refusal, size: Size, set_fields: frozenset[str], output_fields: Iterable[str]
) -> frozenset[str]:
    """Of the fields that a person set (`set_fields`), those that the provider refuses.

    A bound of the output (`output_fields`: its names) that is too large counts when a smaller one would help.
    """
    if not refusal.of_size:
        return set_fields & (refusal.blamed or refusal.fields)
    told, bounds = refusal.told, set_fields.intersection(output_fields)
    prompt = max(size.prompt, told.prompt or 0)
    fits = told.context is not None and prompt + size.expected <= told.context < prompt + size.bound
    capped = told.cap is not None and told.cap < size.bound
    return bounds if fits or capped or bounds & refusal.blamed else frozenset()
