"""The provider's control interface over HTTP: request log, counts and plan.

`GET record` (the newest requests with their outcomes), `GET stats` (counts of all), `GET` and `POST plan`,
`POST heal` (drop all rules); `GET batches` (all jobs, what was billed for them, and their answered lines as
`record` and `stats` have requests), `POST clock` (put the clock of the batch service forward, `{"seconds": 3600}`).
"""

from typing import Final

import msgspec

from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.rehearsal.status_faults import Answer

PREFIX: Final = "/_control/"


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    seconds: float


def control(provider: FaultyProvider, method: str, path: str, body: bytes) -> Answer:  # noqa: PLR0911 - a table
    """Answer a request whose path begins with `PREFIX`; it may set the provider's plan."""
    match (method, path.removeprefix(PREFIX)):
        case ("GET", "record"):
            return _json(provider.entries)
        case ("GET", "stats"):
            return _json(provider.stats())
        case ("GET", "plan"):
            return _json(provider.plan)
        case ("POST", "plan"):
            try:
                plan = msgspec.json.decode(body, type=Plan)
            except msgspec.DecodeError as error:
                return refusal(f"this is no plan: {error}", 422)
            provider.use(plan)
            return _json(plan)
        case ("POST", "heal"):
            provider.heal()
            return _json(provider.plan)
        case ("GET", "batches"):
            return _batches(provider)
        case ("POST", "clock"):
            try:
                provider.batches.advance(msgspec.json.decode(body, type=Advance).seconds)
            except msgspec.DecodeError as error:
                return refusal(f"these are no seconds: {error}", 422)
            return _batches(provider)
    return unknown(method, path)


def unknown(method: str, path: str) -> Answer:
    return refusal(f"no such endpoint: {method} {path}", 404)


def refusal(message: str, status: int) -> Answer:
    return _json({"error": {"message": message}}, status)


def _batches(provider: FaultyProvider) -> Answer:
    jobs, bill = provider.batches.jobs(), provider.batches.bill
    return _json({"jobs": jobs, "bill": bill, "record": provider.lines.entries, "stats": provider.line_stats()})


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status, msgspec.json.encode(value))
