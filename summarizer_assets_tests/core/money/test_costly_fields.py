from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.money.costly_fields import costly_fields


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("best_of", 3),
        ("num_return_sequences", 2),
        ("candidate_count", 4),
        ("web_search_options", {}),
        ("web_search_options", {"search_context_size": "high"}),
        ("web_search", True),
        ("plugins", [{"id": "web"}]),
        ("search_parameters", {"mode": "on"}),
        ("enable_search", True),
        ("search_mode", "academic"),
        ("return_images", True),
        ("audio", {"voice": "alloy", "format": "wav"}),
        ("modalities", ["text", "audio"]),
        ("prediction", {"type": "content", "content": "x"}),
        ("functions", [{"name": "f"}]),
        ("mcp_servers", [{"url": "https://x"}]),
        ("container", "auto"),
        ("context_management", {"edits": []}),
        ("speed", "fast"),
        ("inference_geo", "us"),
        ("invented_tomorrow", 1),
        ("provider", {"order": ["dear"]}),
        ("models", ["another/model"]),
    ],
)
def test_what_may_be_billed_beside_the_tokens_of_one_answer_is_named(field: str, value: Any) -> None:
    assert costly_fields({"temperature": 0, field: value}, own_price=False) == (field,)


@pytest.mark.parametrize(
    "extra_body",
    [
        {"temperature": 0.2, "top_p": 1, "seed": 7, "max_completion_tokens": 16000},
        {"reasoning_effort": "high", "service_tier": "flex", "metadata": {"team": "x"}, "user": "y"},
        {"thinking": {"type": "enabled", "budget_tokens": 4000}},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"disable_search": True},
        {"enable_search": False, "web_search": None, "plugins": [], "search_mode": "off"},
        {"search_parameters": {"mode": "off", "sources": []}},
        {"best_of": 1, "num_beams": 1, "candidate_count": 1},
        {},
    ],
)
def test_what_shapes_one_answer_or_is_switched_off_costs_nothing_more(extra_body: dict[str, Any]) -> None:
    assert costly_fields(extra_body, own_price=False) == ()


def test_who_answers_matters_where_the_price_is_a_list_s() -> None:
    assert costly_fields({"provider": {"sort": "price"}}, own_price=True) == ()
    assert costly_fields({"disable_search": False}, own_price=True) == ("disable_search",)


@given(st.dictionaries(st.text(min_size=1), st.sampled_from([True, 2, "on", [1], {"a": 1}]), max_size=5))
def test_a_field_that_nobody_knows_may_cost(fields: dict[str, Any]) -> None:
    strange = {f"x-{name}": value for name, value in fields.items()}
    assert set(costly_fields(strange, own_price=True)) == strange.keys()
