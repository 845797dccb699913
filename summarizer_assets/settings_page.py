"""The settings in force, on the resource's page of the UI: by variable, and secrets by their variable alone."""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from summarizer_assets.core.formats import cut
from summarizer_assets.core.markdown import table
from summarizer_assets.installation import Summarizer
from summarizer_assets.pricing import model_notices
from summarizer_assets.settings import PREFIX, Settings

#: What must not be read off a page: a key, what a request carries beside it, a database's address with its password.
_SECRET = ("llm_api_key", "llm_extra_body", "state")
#: No secret, but no prompt is kept in a log, and Dagster keeps this page's text with each run.
_PROMPT = ("instruction",)
_LONGEST = 120  # characters of a value


def shown_resource(summarizer: Summarizer) -> dg.ResourceDefinition:
    """The same object, with what it is set to beside it."""

    def settings_in_force(_: dg.InitResourceContext) -> Summarizer:  # its name stands on the page
        return summarizer

    return dg.ResourceDefinition(settings_in_force, description=settings_shown(summarizer.settings))


def settings_shown(settings: Settings, today: date | None = None) -> str:
    """A Markdown table of the settings that were set, and what there is to know of the model."""
    rows = [(f"`{PREFIX}{name.upper()}`", value) for name, value in _set(settings)]
    key = f"key from `{PREFIX}LLM_API_KEY` ({'set' if settings.llm_api_key else 'not set'})"
    return "\n".join(
        [
            f"Provider: {_code(settings.llm_base_url)}, model {_code(settings.model)}, {key}.",
            "",
            *(line for notice in model_notices(settings, today) for line in (f"**Mind:** {notice}", "")),
            "Set by the environment or by `.env`; all others have the defaults of the README:",
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
