"""The settings in force, shown on the resource's page of the UI by variable; values of secrets are hidden."""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from summarizer_assets.core.display_text import cut
from summarizer_assets.core.markdown import table
from summarizer_assets.installation import Summarizer
from summarizer_assets.pricing import model_notices
from summarizer_assets.settings import PREFIX, Settings

#: Settings whose values are hidden: a key, additional request fields, a database's address with its password.
_SECRET = ("llm_api_key", "llm_extra_body", "second_api_key", "second_extra_body", "state")
#: Not secret, but prompts are never logged, and Dagster stores this page's text with each run.
_PROMPT = ("instruction",)
_LONGEST = 120  # characters shown of a value


def shown_resource(summarizer: Summarizer) -> dg.ResourceDefinition:
    """A resource that returns the same object and describes its settings."""

    def settings_in_force(_: dg.InitResourceContext) -> Summarizer:  # its name is shown on the page
        return summarizer

    return dg.ResourceDefinition(settings_in_force, description=settings_shown(summarizer.settings))


def settings_shown(settings: Settings, today: date | None = None) -> str:
    """A Markdown table of the settings that were set, and the notices about the model."""
    rows = [(f"`{PREFIX}{name.upper()}`", value) for name, value in _set(settings)]
    second = settings.second
    then = [] if second is None else ["", f"Whom it fails: {_code(second.llm_base_url)}, model {_code(second.model)}."]
    key = f"key from `{PREFIX}LLM_API_KEY` ({'set' if settings.llm_api_key else 'not set'})"
    at = f"{_code(settings.llm_base_url)} (`{settings.protocol.name}`)"
    return "\n".join(
        [
            f"Provider: {at}, model {_code(settings.model)}, {key}.",
            *then,
            "",
            *(line for notice in model_notices(settings, today) for line in (f"**Mind:** {notice}", "")),
            "Set by the environment or by `.env`; all others have the defaults of docs/settings.md:",
            "",
            table(("variable", "value"), rows or [("none", "")]),
        ]
    )


def _set(settings: Settings) -> Iterator[tuple[str, str]]:
    for name in Settings.model_fields:
        if name in settings.model_fields_set:
            yield name, "set, and not shown" if name in _SECRET + _PROMPT else _code(getattr(settings, name))


def _code(value: object) -> str:
    text = " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")
    return f"`{cut(text, _LONGEST)}`"
