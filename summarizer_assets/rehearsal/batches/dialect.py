"""What a provider's batch service looks like over HTTP: its calls, and its words for what all of them do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import parse_qs

import msgspec

from summarizer_assets.rehearsal.batches.files import refused
from summarizer_assets.rehearsal.batches.service import BatchService
from summarizer_assets.rehearsal.batches.terms import Call
from summarizer_assets.rehearsal.status_faults import Answer


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A request of the service: the account's key, and what the form or the JSON holds. `host`: as it was called."""

    method: str
    path: str
    query: str = ""
    account: str = ""
    content_type: str = ""
    host: str = ""
    versioned: bool = False  # it names a version of Anthropic's interface
    to_google: bool = False  # it shows a key as Google's interfaces take it
    upload: str = ""  # what is to be done with a part of a file, at Google's
    body: bytes = field(default=b"", repr=False)

    @property
    def parameters(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.query).items()}


class Dialect(Protocol):
    """One provider's."""

    def call(self, http: HttpCall) -> tuple[Call, str] | None:
        """Which call it is, and the id that it names, or an empty one; None: there is no such call."""

    def answer(self, kind: Call, name: str, http: HttpCall, service: BatchService) -> Answer:
        """Raises `RequestRefusedError`."""

    def told(self, answer: Answer) -> Answer:
        """A refusal, or a fault, in the provider's words."""


def parts_after(path: str, *marks: str) -> list[str] | None:
    """The parts of a path from the last of these on, whatever stands before; None: it has none of them."""
    parts = path.strip("/").split("/")
    at = next((at for at in range(len(parts) - 1, -1, -1) if parts[at] in marks), None)
    return None if at is None else parts[at:]


def call_of(method: str, parts: list[str], kinds: Mapping[tuple[str, ...], Call]) -> tuple[Call, str] | None:
    """The call of these parts, whose second one is an id. `kinds`: by method and parts, with an empty id."""
    name = parts[1] if len(parts) > 1 else ""
    kind = kinds.get((method, parts[0], *("" for _ in parts[1:2]), *parts[2:]))
    return None if kind is None else (kind, name)


def object_of(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):
        raise refused("We could not parse the JSON body of your request.")
    return found


def limit_of(asked: Mapping[str, str], usual: int, most: int, name: str = "limit") -> int:
    """The length of a page."""
    text = asked.get(name, str(usual))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise refused(f"Invalid '{name}': {text} is not between 1 and {most}.", param=name)
    return int(text)


def json_answer(value: object) -> Answer:
    return Answer(HTTPStatus.OK, msgspec.json.encode(value))


def lines_answer(content: bytes) -> Answer:
    return Answer(HTTPStatus.OK, content, {"content-type": "application/octet-stream"})
