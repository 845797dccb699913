import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from summarizer_assets.core.money import Price
from summarizer_assets.llm import prices
from summarizer_assets.llm.prices import list_price

MINI = Price.per_million(0.15, 0.60, cached_input_usd=0.075)


def price_of(model: str, **request: Any) -> Price | None:
    found = list_price(model, **request)
    return None if found is None else found.price


@pytest.mark.parametrize(
    "model", ["gpt-4o-mini", "openai/gpt-4o-mini", "gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini-20240718"]
)
def test_a_model_is_found_by_its_name_also_with_its_provider_s_prefix_and_a_date(model: str) -> None:
    found = list_price(model)
    assert found is not None
    assert (found.price, found.model) == (MINI, "gpt-4o-mini")
    assert date(2025, 1, 1) < found.taken < date(2100, 1, 1)


@pytest.mark.parametrize(
    "model",
    [
        "",
        "gpt",
        "gpt-4o-min",
        "gpt-4o-minimal",
        "GPT-4o-mini",
        "my-gpt-4o-mini",
        "gpt-4o-mini-audio-preview",
        "gpt-4o-mini-2024",
        "gpt-4o-mini-1999-01-01",
        "anthropic/gpt-4o-mini",
        "openai/openai/gpt-4o-mini",
        "ft:gpt-4o-mini",
        "2024-07-18",
        "template",
    ],
)
def test_a_model_that_is_only_alike_has_no_price(model: str) -> None:
    assert list_price(model) is None


def test_a_dated_model_with_a_price_of_its_own_has_that_one() -> None:
    assert price_of("gpt-4o-2024-05-13") == Price.per_million(5, 15)
    assert price_of("gpt-4o-2024-08-06") == Price.per_million(2.5, 10, cached_input_usd=1.25)


def test_flex_is_cheaper_where_the_list_says_so_and_any_other_tier_has_no_price() -> None:
    assert price_of("gpt-5-nano", tier="flex") == Price.per_million(0.025, 0.2, cached_input_usd=0.0025)
    assert price_of("gpt-5-nano", tier="default") == price_of("gpt-5-nano", tier="auto") == price_of("gpt-5-nano")
    assert price_of("gpt-4o", tier="flex") is None
    assert price_of("gpt-5-nano", tier="priority") is None
    assert price_of("gpt-5-nano", tier=7) is None


def test_a_price_holds_only_for_requests_of_the_size_it_was_made_for() -> None:
    assert price_of("gpt-5.4", largest_request=272_000) is not None
    assert price_of("gpt-5.4", largest_request=272_001) is None
    assert price_of("gpt-4o-mini", largest_request=10**6) == MINI


def test_every_price_of_the_list_is_whole_and_of_a_known_kind() -> None:
    table = tomllib.loads(Path(prices.__file__).with_name("prices.toml").read_text(), parse_float=Decimal)
    assert table.pop("taken") < date(2100, 1, 1)
    models = [name for provider in table.values() for name in provider["models"]]
    assert len(models) == len(set(models)) > 20
    for provider in table.values():
        for name, entry in provider["models"].items():
            assert set(entry) <= {"input", "cached_input", "cache_write", "output", "flex", "most_input"}, name
            price = price_of(name)
            assert price is not None
            assert 0 < price.cached_input <= price.input <= price.cache_write < price.output, name
            assert price.input == entry["input"] * 10**6
            assert price.output == entry["output"] * 10**6
