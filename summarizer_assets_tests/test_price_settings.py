from pathlib import Path
from typing import Any

import pytest

from summarizer_assets.core.money import Price
from summarizer_assets.resources import Summarizer
from summarizer_assets.setting_errors import SettingsError
from summarizer_assets.settings import load_settings

PROVIDER = {"llm_base_url": "https://host/v1"}


def summarizer(folder: Path, **settings: Any) -> Summarizer:
    return Summarizer(load_settings(None, root=str(folder), **settings))


def test_the_price_is_what_the_settings_say_before_what_the_list_says(tmp_path: Path) -> None:
    assert summarizer(tmp_path).price == Price.per_million(0, 0)
    listed = summarizer(tmp_path, **PROVIDER, llm_model="gpt-4o-mini").price
    assert listed == Price.per_million(0.15, 0.6, cached_input_usd=0.075)
    own = {"price_input_usd": 1, "price_output_usd": 2, "price_cached_input_usd": 0.5}
    given = summarizer(tmp_path, **PROVIDER, llm_model="gpt-4o-mini", llm_extra_body={"service_tier": "flex"}, **own)
    assert given.price == Price.per_million(1, 2, cached_input_usd=0.5)  # as given, without a discount of ours


def test_without_a_budget_an_unknown_price_stays_unknown(tmp_path: Path) -> None:
    assert summarizer(tmp_path, **PROVIDER, llm_model="my-own").price is None


@pytest.mark.parametrize(
    "settings",
    [
        {"llm_model": "my-own"},
        {"llm_model": "gpt-4o-mini", "llm_extra_body": {"service_tier": "priority"}},
        {"llm_model": "gpt-5.4", "group_tokens": 300_000},
    ],
)
def test_a_budget_without_a_price_is_refused_with_the_settings_that_give_it(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    with pytest.raises(SettingsError, match=r"no sure price for .*SUMMARIZER_PRICE_INPUT_USD and .*OUTPUT_USD"):
        summarizer(tmp_path, **PROVIDER, budget_usd=5, **settings)
    prices = {"price_input_usd": 0, "price_output_usd": 0}
    assert summarizer(tmp_path, **PROVIDER, budget_usd=5, **settings, **prices).price == Price.per_million(0, 0)


def test_the_embedded_provider_costs_nothing_under_any_budget(tmp_path: Path) -> None:
    assert summarizer(tmp_path, budget_usd=0).price == Price.per_million(0, 0)
