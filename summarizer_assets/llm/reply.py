"""A reply that arrived, and what a client did so far."""

from dataclasses import dataclass, field, fields
from typing import Self

import httpx

from summarizer_assets.core.answers.completion import Completion
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.llm.protocols.chat_protocol import ChatProtocol


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply with status 200. `seconds`: of its last try, sending to last byte; `tries`: without throttled ones."""

    status: int
    body: bytes
    request_id: str | None
    headers: httpx.Headers
    seconds: float
    tries: int
    protocol: ChatProtocol

    def opened(self) -> Completion:
        """See `ChatProtocol.open`."""
        return self.protocol.open(self.body)

    @property
    def usage(self) -> Usage | None:
        """See `ChatProtocol.usage`."""
        return self.protocol.usage(self.body)


@dataclass(slots=True)
class Counters:
    """What a client did so far."""

    requests: int = 0  # calls of `complete`
    sent: int = 0  # tries put on the wire, throttled ones included
    retries: int = 0
    throttles: int = 0
    bytes_received: int = 0
    cooldown_s: float = 0.0
    outages: int = 0
    probes: int = 0  # sent while the provider was out
    notices: list[str] = field(default_factory=list)  # of the model, for a person: its end, the age of its price

    def __add__(self, other: Self) -> Self:
        """Of two clients."""
        return type(self)(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})
