"""What to do when a server knows no strict answer format: ask in a simpler one."""

from summarizer_assets.core.prompt import Structured
from summarizer_assets.llm.errors import RequestRejected

_SIMPLER: dict[Structured, Structured] = {"json_schema": "json_object", "json_object": "none"}
_NAMES = ("response_format", "json_schema", "structured output", "guided_json")


def simpler(structured: Structured, error: RequestRejected) -> Structured | None:
    """The format to ask in from now on; None when `error` is about something else, or nothing is simpler."""
    said = str(error).lower()
    return _SIMPLER.get(structured) if any(word in said for word in _NAMES) else None
