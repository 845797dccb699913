"""What the resource's page of the UI says of the settings."""

import dagster as dg

from summarizer_assets.definitions import build_defs
from summarizer_assets.settings import load_settings
from summarizer_assets.settings_page import settings_shown

SECRET = "sk-canary-51d2"


def test_secrets_are_shown_by_their_variable_alone():
    settings = load_settings(
        None,
        llm_base_url="https://host/v1",
        llm_model="some-model",
        llm_api_key=SECRET,
        llm_extra_body={"user": SECRET},
        state=f"postgresql://me:{SECRET}@db/state",
        budget_usd=25,
    )
    text = settings_shown(settings)
    assert SECRET not in text
    assert "key from `SUMMARIZER_LLM_API_KEY` (set)" in text
    assert "`https://host/v1` (`openai`), model `some-model`" in text
    assert "| `SUMMARIZER_STATE` | set, and not shown |" in text
    assert "| `SUMMARIZER_BUDGET_USD` | `25.0` |" in text
    assert "SUMMARIZER_GROUP_SIZE" not in text  # not set by anybody


def test_no_value_breaks_the_table():
    text = settings_shown(load_settings(None, language="Say | it\n`plainly`"))
    assert "| `SUMMARIZER_LANGUAGE` | `Say \\| it 'plainly'` |" in text.splitlines()


def test_the_page_of_the_resource_has_it():
    resources = build_defs(load_settings(None)).resources or {}
    assert isinstance(resources["summarizer"], dg.ResourceDefinition)
    assert "key from `SUMMARIZER_LLM_API_KEY` (not set)" in (resources["summarizer"].description or "")
