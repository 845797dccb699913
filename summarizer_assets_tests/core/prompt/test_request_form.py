"""What a refusal teaches about the form of requests, and that a form keeps room for prompt and answer."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.prompt import request_form
from summarizer_assets.core.prompt.context_limits import told_limits
from summarizer_assets.core.prompt.request_form import Refusal, RequestForm, Size
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT

adapted = partial(request_form.adapted, simpler=OPENAI_CHAT.simpler)
settings_blamed = partial(request_form.settings_blamed, output_fields=OPENAI_CHAT.output_fields)

PLAIN = RequestForm()
SIZE = Size(prompt=2000, expected=2640, bound=16_000)


def refusal(words, *, fields=(), blamed=(), of_size=False):
    told = told_limits(words) if of_size else told_limits("")
    return Refusal(words, frozenset(fields), frozenset(blamed), told, of_size)


NAMED = RequestForm(output_field="max_completion_tokens")
CAP = "max_tokens is too large: 16000. This model supports at most 4096 completion tokens"
CONTEXT = "maximum context length is 8192 tokens"


@pytest.mark.parametrize(
    ("form", "said", "then"),
    [
        (PLAIN, refusal("use it", fields=["max_tokens", "max_completion_tokens"]), NAMED),
        (PLAIN, refusal("no", blamed=["max_tokens"]), NAMED),
        (NAMED, refusal("no", blamed=["max_completion_tokens"]), PLAIN),
        (PLAIN, refusal("Input validation error", blamed=["response_format"]), RequestForm("json_object")),
        (PLAIN, refusal("The JSON schema contains features not supported by xgrammar"), RequestForm("json_object")),
        (RequestForm("json_object"), refusal("'response_format.type' must be 'text'"), RequestForm("none")),
        (RequestForm("none"), refusal("no response_format"), None),
        (PLAIN, refusal("no", blamed=["temperature"]), None),
        (PLAIN, refusal(CAP, of_size=True), RequestForm(output_cap=4096)),
        (PLAIN, refusal(CONTEXT, of_size=True), RequestForm(context=7936)),
        (PLAIN, refusal(f"{CONTEXT}; it has 4000 input tokens", of_size=True), RequestForm(context=3968)),
        (PLAIN, refusal("maximum context length is 128000 tokens", of_size=True), None),
        (RequestForm(context=7936), refusal(CONTEXT, of_size=True), None),
        (PLAIN, refusal("'max_tokens' is too large", of_size=True), RequestForm(output_cap=8000)),
        (PLAIN, refusal("prompt is too long", of_size=True), None),
    ],
)
def test_a_refusal_teaches_the_form_that_it_speaks_of_and_none_else(form, said, then):
    assert adapted(form, said, SIZE) == then


def test_a_bound_is_halved_only_while_the_answer_has_room():
    said, form = refusal("'max_tokens' is too large", of_size=True), PLAIN
    bounds = []
    while (then := adapted(form, said, Size(2000, 2640, form.bound(16_000, 2000, 2640)))) is not None:
        form = then
        bounds.append(form.output_cap)
    assert bounds == [8000, 4000]


def test_a_setting_of_a_persons_is_named_when_it_is_refused():
    own = {name: name for name in ("temperature", "max_tokens")}
    assert settings_blamed(refusal("no", blamed=["temperature"]), SIZE, own) == {"temperature"}
    assert settings_blamed(refusal("no", fields=["temperature", "x"]), SIZE, own) == {"temperature"}
    assert settings_blamed(refusal("no", blamed=["response_format"], fields=["temperature"]), SIZE, own) == set()
    assert settings_blamed(refusal("maximum context length is 8192 tokens", of_size=True), SIZE, own) == {"max_tokens"}
    too_long = refusal("maximum context length is 8192 tokens, request has 9000 input tokens", of_size=True)
    assert settings_blamed(too_long, SIZE, own) == set()


FORMS = st.builds(
    RequestForm, output_cap=st.none() | st.integers(1, 20_000), context=st.none() | st.integers(1, 200_000)
)


@given(FORMS, st.lists(st.integers(1, 8000), max_size=60), st.integers(100, 2000), st.integers(20, 500))
def test_groups_are_cut_to_the_form_in_order_and_nobody_is_lost(form, records, overhead, expected):
    parts = list(form.cut(records, overhead, expected))
    assert [place for part in parts for place in part] == list(range(len(records)))
    for part in parts:
        prompt = overhead + sum(records[place] for place in part)
        assert len(part) == 1 or form.takes(prompt, expected * len(part))
        bound = form.bound(16_000, prompt, expected)
        assert 0 < bound <= min(16_000, form.output_cap or 16_000)
        if len(part) > 1:
            assert bound >= min(16_000, expected * len(part))
            assert form.context is None or prompt + bound <= form.context


@given(FORMS, FORMS)
def test_differences_are_told_if_and_only_if_there_are_some(one, other):
    assert (one.differences == "") == (one == PLAIN)
    assert one == other or one.differences != other.differences
