from pathlib import Path
from typing import Any

import pytest

from summarizer_assets.core.money.amounts import Price, Usage
from summarizer_assets.installation import Summarizer
from summarizer_assets.pricing import model_notices
from summarizer_assets.settings import load_settings
from summarizer_assets.settings.errors import SettingsError

PROVIDER = {"llm_base_url": "https://host/v1"}


def summarizer(folder: Path, **settings: Any) -> Summarizer:
    return Summarizer(load_settings(None, root=str(folder), **settings))


def test_the_price_is_what_the_settings_say_before_what_the_list_says(tmp_path: Path) -> None:
    assert summarizer(tmp_path).price == Price.per_million(0, 0)
    listed = summarizer(tmp_path, **PROVIDER, llm_model="gpt-4o-mini").price
    assert listed == Price.per_million(0.15, 0.6, cached_input_usd=0.075)
    own = {"price_input_usd": 1, "price_output_usd": 2, "price_cached_input_usd": 0.5, "price_cache_write_usd": 1.5}
    given = summarizer(tmp_path, **PROVIDER, llm_model="gpt-4o-mini", llm_extra_body={"service_tier": "flex"}, **own)
    as_given = Price.per_million(1, 2, cached_input_usd=0.5, cache_write_usd=1.5)
    assert given.price == as_given  # without a discount of ours


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


SEARCHES = {"temperature": 0, "web_search_options": {"search_context_size": "high"}}


def test_a_field_that_may_be_billed_beside_tokens_needs_a_price_under_a_budget(tmp_path: Path) -> None:
    given = {**PROVIDER, "llm_model": "gpt-4o-mini", "llm_extra_body": SEARCHES}
    with pytest.raises(SettingsError, match=r"has web_search_options.*take it out, or set .*_PRICE_REQUEST_USD"):
        summarizer(tmp_path, **given, budget_usd=5)
    with_price = summarizer(tmp_path, **given, budget_usd=5, price_request_usd=0.01).price
    assert with_price is not None
    assert with_price.cost(Usage(1_000_000, 0)) == 150_000_000 + 10_000_000
    assert with_price.most(1_000_000, 0) == 160_000_000
    assert summarizer(tmp_path, **given, budget_usd=5, price_request_usd=0).price is not None
    own = {"price_input_usd": 0, "price_output_usd": 0}
    assert summarizer(tmp_path, **given, budget_usd=5, **own).price == Price.per_million(0, 0)  # a server of one's own


def test_without_a_budget_such_a_field_is_told_and_nothing_more(tmp_path: Path) -> None:
    given = {**PROVIDER, "llm_model": "gpt-4o-mini", "llm_extra_body": SEARCHES}
    assert summarizer(tmp_path, **given).price is not None
    assert any("has web_search_options" in told for told in model_notices(load_settings(None, **given)))
    priced = load_settings(None, **given, price_request_usd=0.01)
    assert not any("web_search_options" in told for told in model_notices(priced))
