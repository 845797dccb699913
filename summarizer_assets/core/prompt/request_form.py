"""Adaptation of the request form: what a refusal shows about a provider's model, learnt once for a whole run.

A form consists of facts about the model and never of configured values: a refused setting is reported to the user, not
changed silently.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from summarizer_assets.core.prompt.context_limits import ToldLimits

#: How the format of the answer is requested: by a strict schema, as any JSON object, or in words only.
Structured = Literal["json_schema", "json_object", "none"]

_OUTPUT_TOO_LARGE: Final = re.compile(
    r"max_(?:\w+_)?tokens\W[^.]{0,60}(?:too (?:large|high|big)|exceed|greater|larger|above)", re.IGNORECASE
)
_MARGIN: Final = 32  # one part in this many of the context is kept free, because prompts are estimated
_ROOM: Final = 1.25  # factor by which answers may be longer than expected


@dataclass(frozen=True)
class Refusal:
    """The content of a refusal. `fields`: request fields it mentions. `blamed`: fields it names as the cause."""

    words: str
    fields: frozenset[str]
    blamed: frozenset[str]
    told: ToldLimits
    of_size: bool  # too large, as opposed to an unknown or forbidden field

    @property
    def named(self) -> frozenset[str]:
        """The fields that it is about: those it blames, or else those it mentions."""
        return self.blamed or self.fields

    def is_about(self, pattern: re.Pattern[str]) -> bool:
        """Whether a field that it is about is of this pattern, or its words are, where it blames no field."""
        named = any(pattern.search(field) for field in self.named)
        return named or (not self.blamed and pattern.search(self.words) is not None)


@dataclass(frozen=True)
class Size:
    """The size of a request in tokens: its estimated prompt, the expected answer, and its output limit."""

    prompt: int
    expected: int
    bound: int


@dataclass(frozen=True)
class RequestForm:
    """The form of requests to a model.

    Attributes:
        structured: how the format of the answer is requested.
        output_field: the name of the output limit's field.
        output_cap: the largest output limit in tokens that the model accepts; None for the settings' value.
        context: limit of prompt and answer together, in tokens as estimated by this package; None if unknown.
    """

    structured: Structured = "json_schema"
    output_field: str = "max_tokens"
    output_cap: int | None = None
    context: int | None = None

    def bound(self, most: int, prompt: int, least: int) -> int:
        """The output limit of a request of `prompt` tokens: at most `most`, and if possible at least `least`."""
        bounds = [most]
        if self.output_cap is not None:
            bounds.append(self.output_cap)
        if self.context is not None:
            bounds.append(max(least, self.context - prompt))
        return min(bounds)

    def takes(self, prompt: int, expected: int) -> bool:
        """Whether a request has room for the expected answer."""
        if self.output_cap is not None and expected > self.output_cap:
            return False
        return self.context is None or prompt + _ROOM * expected <= self.context

    def cut(self, records: Sequence[int], overhead: int, expected: int) -> Iterator[list[int]]:
        """Split `records` (estimated tokens, in order) into requests; yield the positions in each, at least one."""
        if records and self.output_cap is None and self.context is None:
            yield list(range(len(records)))
            return
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
        """The differences from the initial form, for a person; empty if there are none."""
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


#: The initial form for every model.
FIRST_FORM: Final = RequestForm()


def adapted(
    form: RequestForm,
    refusal: Refusal,
    size: Size,
    simpler: Callable[[RequestForm, Refusal], RequestForm | None],
) -> RequestForm | None:
    """The form to use from now on; None if no other form would help. `simpler`: the protocol's next simpler form."""
    return _smaller(form, refusal, size) if refusal.of_size else simpler(form, refusal)


def _smaller(form: RequestForm, refusal: Refusal, size: Size) -> RequestForm | None:
    told = refusal.told
    if told.cap is not None and told.cap < size.bound:
        return replace(form, output_cap=told.cap)
    if told.context is not None:
        context = told.context - told.context // _MARGIN
        if told.prompt is not None and told.prompt > size.prompt:  # the context is smaller in terms of our estimate
            context = context * size.prompt // told.prompt
        smaller = form.context is None or context < form.context
        too_much = size.prompt + size.bound > context
        return replace(form, context=context) if smaller and too_much and context > 0 else None
    if told.cap is None and size.bound // 2 >= size.expected and _blames_output(form, refusal):
        return replace(form, output_cap=size.bound // 2)
    return None


def _blames_output(form: RequestForm, refusal: Refusal) -> bool:
    return form.output_field in refusal.blamed or _OUTPUT_TOO_LARGE.search(refusal.words) is not None


def settings_blamed(
    refusal: Refusal, size: Size, set_fields: Mapping[str, str], output_fields: Iterable[str]
) -> frozenset[str]:
    """The configured fields that the provider refuses. `set_fields`: all of them, by the names that refusals have.

    An output limit (`output_fields`: its names) that is too large counts if a smaller one would help.
    """
    if not refusal.of_size:
        return frozenset(set_fields[name] for name in set_fields.keys() & (refusal.blamed or refusal.fields))
    told, limits = refusal.told, set_fields.keys() & set(output_fields)
    bounds = frozenset(set_fields[name] for name in limits)
    prompt = max(size.prompt, told.prompt or 0)
    fits = told.context is not None and prompt + size.expected <= told.context < prompt + size.bound
    capped = told.cap is not None and told.cap < size.bound
    return bounds if fits or capped or limits & refusal.blamed else frozenset()
