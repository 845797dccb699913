"""The end of a model: as our price list knows it, and as the provider's own list of models announces it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

#: What providers call the day of the end in their lists: OpenAI, Mistral, LiteLLM, OpenRouter, Anthropic, others alike.
_DAYS: Final = (
    "shutdown_date",
    "deprecation",
    "deprecation_date",
    "expiration_date",
    "retirement_date",
    "retires_at",
    "sunset_date",
    "end_of_life",
)
_SUCCESSORS: Final = ("deprecation_replacement_model", "replacement_model", "replacement", "replaced_by", "successor")
_LISTS: Final = ("data", "models")
_SECONDS: Final = range(10**9, 10**11)  # an instant between 2001 and the year 5138
_MILLISECONDS: Final = 1000
_DAY: Final = re.compile(r"20\d\d-\d\d-\d\d")
_NAME: Final = re.compile(r"[\w@.:/-]{1,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class End:
    """A model's end. `day`: None where only that it is deprecated is told; `source`: who says so.

    `at_home`: it is asked where that end holds; other hosts keep days of their own.
    """

    model: str
    day: date | None
    source: str
    instead: str | None = None
    answered_by: str | None = None  # what answers its requests from that day on
    at_home: bool = True

    def told(self, today: date) -> str:
        """What a person should know and do."""
        elsewhere = "" if self.at_home else " At this host it may end on another day: its own page tells."
        return self._told(today) + elsewhere

    def _told(self, today: date) -> str:
        other = f"set SUMMARIZER_LLM_MODEL to another{f', such as {self.instead}' if self.instead else ''}"
        if self.day is None:
            return f"{self.model} is deprecated, by {self.source}: {other} before it ends."
        if self.answered_by is not None:
            since = "is since" if self.day <= today else "will be from"
            return (
                f"{self.model} {since} {self.day} answered by {self.answered_by}, at that one's price, by "
                f"{self.source}: set SUMMARIZER_LLM_MODEL={self.answered_by}, or to another that you chose."
            )
        if self.day <= today:
            ended = f"{self.model} ended on {self.day}, by {self.source}: requests fail there."
            return f"{ended} {other[0].upper()}{other[1:]}."
        return f"{self.model} ends on {self.day}, in {(self.day - today).days} days, by {self.source}: {other}."


def announced_end(body: bytes, model: str) -> End | None:
    """What a provider's list of models (`GET /models`) says of `model`'s end; None where it says nothing, or is none.

    Args:
        body: the reply; `{"data": […]}`, `{"models": […]}` or a bare list.
        model: as configured.
    """
    try:
        listed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(listed, dict):
        listed = next((listed[key] for key in _LISTS if isinstance(listed.get(key), list)), [])
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    found = [entry for entry in entries if model in _names(entry)]
    found += [entry for entry in entries if _is_alias(entry, model)]
    return _end_of(found[0], model) if found else None


def _names(entry: dict[str, Any]) -> Iterator[str]:
    for key in ("id", "name"):
        name = entry.get(key)
        if isinstance(name, str):
            yield name
            yield name.removeprefix("models/")


def _is_alias(entry: dict[str, Any], model: str) -> bool:
    aliases = entry.get("aliases")
    return isinstance(aliases, list) and model in aliases


def _end_of(entry: dict[str, Any], model: str) -> End | None:
    source = "the provider's list of models"
    successor = next((entry[key] for key in _SUCCESSORS if _is_name(entry.get(key))), None)
    values = [entry.get(key) for key in _DAYS]
    days = [value.get("inference") if isinstance(value, dict) else value for value in values]  # Azure: by kind of use
    day = next((found for found in map(_day, days) if found is not None), None)
    status = str(entry.get("lifecycle_status") or entry.get("lifecycle") or entry.get("status") or "").lower()
    marked = bool(entry.get("deprecated")) or "deprecat" in status or "retir" in status
    return End(model, day, source, successor) if day is not None or marked else None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None  # it will be logged


def _day(value: object) -> date | None:
    """A date, an instant, or seconds or milliseconds since 1970."""
    try:
        if isinstance(value, str) and _DAY.match(value):
            return date.fromisoformat(value[:10])
        if isinstance(value, int) and not isinstance(value, bool):
            seconds = value // _MILLISECONDS if value // _MILLISECONDS in _SECONDS else value
            return datetime.fromtimestamp(seconds, UTC).date() if seconds in _SECONDS else None
    except ValueError:  # no day of any calendar
        pass
    return None
