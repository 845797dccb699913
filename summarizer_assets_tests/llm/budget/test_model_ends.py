"""What providers' lists of models say of a model's end, and what a person is told."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.llm.budget.model_ends import End, announced_end
from summarizer_assets.llm.budget.prices import listed_end

TODAY = date(2026, 11, 28)


def found(body: Any, model: str = "m") -> End | None:
    return announced_end(json.dumps(body).encode(), model)


@pytest.mark.parametrize(
    ("body", "day", "instead"),
    [
        # OpenAI
        ({"object": "list", "data": [{"id": "m", "shutdown_date": "2027-01-14"}]}, date(2027, 1, 14), None),
        # Mistral
        (
            {"data": [{"id": "m", "deprecation": "2026-08-31T12:00:00Z", "deprecation_replacement_model": "m-4"}]},
            date(2026, 8, 31),
            "m-4",
        ),
        (
            {"data": [{"id": "m-2508", "aliases": ["m"], "deprecation": "2026-08-31T12:00:00Z"}]},
            date(2026, 8, 31),
            None,
        ),
        # OpenRouter
        ({"data": [{"id": "m", "expiration_date": "2026-12-31"}]}, date(2026, 12, 31), None),
        # Azure: by kind of use, in seconds
        ({"data": [{"id": "m", "deprecation": {"inference": 1799884800, "fine_tune": 1}}]}, date(2027, 1, 14), None),
        # LiteLLM's gateway; milliseconds; Gemini's names; a bare list; Ollama's and Google's key
        ({"data": [{"id": "m", "deprecation_date": "2027-01-14"}]}, date(2027, 1, 14), None),
        ({"data": [{"id": "m", "retirement_date": 1799884800000}]}, date(2027, 1, 14), None),
        ({"data": [{"id": "models/m", "shutdown_date": "2027-01-14"}]}, date(2027, 1, 14), None),
        ([{"id": "m", "shutdown_date": "2027-01-14"}], date(2027, 1, 14), None),
        ({"models": [{"name": "m", "shutdown_date": "2027-01-14"}]}, date(2027, 1, 14), None),
        # Anthropic
        (
            {"data": [{"type": "model", "id": "m", "lifecycle": "deprecated", "retires_at": "2027-01-22T00:00:00Z"}]},
            date(2027, 1, 22),
            None,
        ),
        ({"data": [{"type": "model", "id": "m", "lifecycle": "retired", "retires_at": None}]}, None, None),
        # Only that it is deprecated
        ({"data": [{"id": "m", "deprecated": True, "replaced_by": "n"}]}, None, "n"),
        ({"data": [{"id": "m", "lifecycle_status": "deprecated"}]}, None, None),
        # The model itself before another's alias
        (
            {"data": [{"id": "x", "aliases": ["m"]}, {"id": "m", "shutdown_date": "2027-01-14"}]},
            date(2027, 1, 14),
            None,
        ),
    ],
)
def test_an_end_is_read_from_every_usual_form_of_the_list(body: Any, day: date | None, instead: str | None) -> None:
    end = found(body)
    assert end is not None
    assert (end.day, end.instead, end.source) == (day, instead, "the provider's list of models")


@pytest.mark.parametrize(
    "body",
    [
        {"data": [{"id": "m", "shutdown_date": None}]},
        {"data": [{"type": "model", "id": "m", "lifecycle": "active", "retires_at": None, "deprecated_at": None}]},
        {"data": [{"id": "m", "shutdown_date": "soon", "deprecated": False, "deprecation": True}]},
        {"data": [{"id": "m", "shutdown_date": "2026-02-31"}]},
        {"data": [{"id": "mm", "shutdown_date": "2027-01-14"}]},
        {"data": [{"id": "other/m", "shutdown_date": "2027-01-14"}]},
        {"data": [{"id": "m", "status": "active", "created": 1799884800}]},
        {"data": "m"},
        {"error": {"message": "no such page"}},
        [],
        "m",
        None,
    ],
)
def test_a_list_that_says_nothing_of_the_model_s_end_says_nothing(body: Any) -> None:
    assert found(body) is None


WORDS = st.sampled_from(["id", "name", "data", "models", "aliases", "deprecation", "shutdown_date", "deprecated", "m"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
)


@given(ANYTHING.map(lambda value: json.dumps(value).encode()) | st.binary())
def test_no_list_however_odd_makes_it_fall_over(body: bytes) -> None:
    end = announced_end(body, "m")
    assert end is None or isinstance(end.told(TODAY), str)


def test_a_successor_that_is_no_name_is_not_repeated() -> None:
    end = found({"data": [{"id": "m", "deprecated": True, "replaced_by": "x\n**click [here](http://evil)**"}]})
    assert end is not None
    assert end.instead is None


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini-2024-07-18 ends on 2027-01-14, in 47 days, by OpenAI (developers."),
        ("openai/gpt-5-nano", "openai/gpt-5-nano ends on 2026-12-11, in 13 days, by OpenAI"),
        ("gpt-3.5-turbo", "gpt-3.5-turbo ended on 2026-10-23, by OpenAI"),
        ("gemini-2.5-flash", "gemini-2.5-flash will be from 2026-12-01 answered by gemini-3.5-flash-lite"),
    ],
)
def test_what_the_list_knows_is_told_with_its_source_and_what_to_choose(model: str, told: str) -> None:
    end = listed_end(model)
    assert end is not None
    text = end.told(TODAY)
    assert text.startswith(told)
    assert "set SUMMARIZER_LLM_MODEL" in text or "Set SUMMARIZER_LLM_MODEL" in text
    assert "gpt-6-luna" in text or "gemini-3.5-flash-lite" in text


def test_an_end_that_has_come_is_told_as_one() -> None:
    end = listed_end("gpt-4o")
    assert end is not None
    assert "requests fail there. Set SUMMARIZER_LLM_MODEL to another, such as gpt-6-luna." in end.told(
        date(2027, 1, 14)
    )
    flash = listed_end("gemini-2.5-flash")
    assert flash is not None
    assert "gemini-2.5-flash is since 2026-12-01 answered by" in flash.told(date(2026, 12, 1))


def test_a_model_that_stays_has_no_end_and_a_host_s_end_is_that_host_s() -> None:
    assert listed_end("gpt-6-luna") is listed_end("gemini-2.5-flash-lite") is listed_end("my-own") is None
    assert listed_end("llama-3.1-8b-instant") is listed_end("deepseek-v4-flash") is None
    assert listed_end("llama-3.1-8b-instant", "api.groq.com") is not None
    assert listed_end("deepseek-v4-flash", "api.deepseek.com") is not None


def test_at_another_host_the_maker_s_day_is_told_as_the_maker_s() -> None:
    azure = listed_end("gpt-4o-mini", "my-resource.openai.azure.com")
    home = listed_end("gpt-4o-mini", "api.openai.com")
    assert azure is not None
    assert home is not None
    assert azure.told(TODAY).endswith("At this host it may end on another day: its own page tells.")
    assert "At this host" not in home.told(TODAY)
