"""The interfaces in which the faulty provider is asked: chat completions, of which all faults are made, or another."""

from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from summarizer_assets.rehearsal.limits import LimitHeaders
from summarizer_assets.rehearsal.status_faults import Answer


class Interface(Protocol):
    """Translates to chat completions and back."""

    @property
    def limit_headers(self) -> LimitHeaders | None:
        """In which rate limits are announced; None: as the plan says."""

    @property
    def cache_is_marked(self) -> bool:
        """Whether the prompt cache keeps only what a request marks for it."""

    def asked(self, body: bytes) -> bytes:
        """The chat completion request that asks the same.

        Raises:
            RequestRefusedError: it is malformed.
        """

    def told(self, answer: Answer) -> Answer:
        """An answer of chat completions in this interface's words; what cannot be read stays as it is."""

    def models(self) -> bytes:
        """The list of models."""


@dataclass(frozen=True)
class ChatCompletions:
    """See `Interface`."""

    limit_headers: LimitHeaders | None = None
    cache_is_marked: bool = False

    def asked(self, body: bytes) -> bytes:
        return body

    def told(self, answer: Answer) -> Answer:
        return answer

    def models(self) -> bytes:
        model = {"id": "rehearsal", "object": "model", "created": 0, "owned_by": "summarizer-assets"}
        return msgspec.json.encode({"object": "list", "data": [model]})


CHAT: Final[Interface] = ChatCompletions()
