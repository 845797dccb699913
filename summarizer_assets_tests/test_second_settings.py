"""The settings of the second model: which go together, what they default to, and what the settings' page shows."""

from pathlib import Path
from typing import Any

import pytest

from summarizer_assets.installation import Summarizer
from summarizer_assets.rehearsal.rehearse import rehearsal_settings
from summarizer_assets.settings import load_settings
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.settings_page import settings_shown

SECRET = "sk-canary-second"
FIRST: dict[str, Any] = {
    "llm_base_url": "https://one/v1",
    "llm_model": "model-one",
    "llm_api_key": "sk-one",
    "llm_extra_body": {"temperature": 0},
    "rpm": 5,
}


def test_a_second_model_of_the_same_provider_is_asked_as_the_first_but_alone_and_within_its_own_limits():
    second = load_settings(None, **FIRST, second_model="model-two").second
    assert second is not None
    assert (second.model, second.llm_base_url, second.llm_extra_body) == (
        "model-two",
        FIRST["llm_base_url"],
        {"temperature": 0},
    )
    assert second.llm_api_key is not None
    assert second.llm_api_key.get_secret_value() == "sk-one"
    assert (second.group_size, second.rpm, second.second) == (1, None, None)


def test_nothing_of_the_first_provider_goes_to_another():
    second = load_settings(
        None, **FIRST, second_model="model-two", second_base_url="https://api.anthropic.com/v1"
    ).second
    assert second is not None
    assert (second.llm_api_key, second.llm_extra_body, second.protocol.name) == (None, {}, "anthropic")


def test_no_second_model_is_the_default():
    assert load_settings(None, **FIRST).second is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"second_base_url": "https://two/v1"}, "SUMMARIZER_SECOND_BASE_URL without SUMMARIZER_SECOND_MODEL"),
        ({"second_api_key": SECRET}, "SUMMARIZER_SECOND_API_KEY without SUMMARIZER_SECOND_MODEL"),
        ({"second_model": "model-one", "second_base_url": "https://two/v1"}, "has the name of the first model"),
        ({"second_model": "two", "second_base_url": "ftp://two"}, "SUMMARIZER_SECOND_BASE_URL: not an http"),
        ({"second_model": "two", "second_api_key": f"{SECRET} "}, "SUMMARIZER_SECOND_API_KEY holds a space"),
        ({"second_model": "two", "second_price_input_usd": 1}, "SUMMARIZER_SECOND_PRICE_OUTPUT_USD go together"),
        ({"second_model": "two", "second_extra_body": {"model": "x"}}, "SUMMARIZER_SECOND_EXTRA_BODY sets model"),
        (
            {"second_model": "two", "second_extra_body": {"max_tokens": None}, "budget_usd": 1},
            "SUMMARIZER_SECOND_EXTRA_BODY leaves no bound on the output",
        ),
        ({"second_model": "two", "second_extra_body": {"searches": 3}, "budget_usd": 1}, "searches, for which a"),
        (
            {"llm_base_url": "embedded", "llm_model": None, "llm_api_key": None, "second_model": "two"},
            "without a provider",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused_by_their_names(settings, message):
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings(None, **{**FIRST, **settings})
    assert SECRET not in str(caught.value)


def test_under_a_budget_the_second_model_s_price_must_be_known(tmp_path):
    prices = {"price_input_usd": 1, "price_output_usd": 2}
    given = {**FIRST, **prices, "second_model": "model-two", "budget_usd": 5, "root": str(tmp_path)}
    with pytest.raises(
        SettingsError, match=r"for model-two: set SUMMARIZER_SECOND_PRICE_INPUT_USD and SUMMARIZER_SECOND"
    ):
        Summarizer(load_settings(None, **given))
    own = {"second_price_input_usd": 3, "second_price_output_usd": 4}
    assert Summarizer(load_settings(None, **given, **own)).second_model is not None


def test_the_settings_page_names_the_second_model_and_hides_its_secrets():
    given = {"second_model": "model-two", "second_base_url": "https://two/v1", "second_api_key": SECRET}
    text = settings_shown(load_settings(None, **FIRST, **given, second_extra_body={"user": SECRET}))
    assert "Whom it fails: `https://two/v1`, model `model-two`." in text
    assert SECRET not in text


def test_a_rehearsal_calls_no_second_provider(monkeypatch):
    for name, value in {"MODEL": "two", "BASE_URL": "https://two/v1", "PRICE_INPUT_USD": "1"}.items():
        monkeypatch.setenv(f"SUMMARIZER_SECOND_{name}", value)
    monkeypatch.setenv("SUMMARIZER_SECOND_PRICE_OUTPUT_USD", "1")
    assert (
        rehearsal_settings(Path("a.parquet"), Path("root"), "http://127.0.0.1:1/v1", "openai", "online").second is None
    )
