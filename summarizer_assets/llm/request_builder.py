"""The requests of one model, for a bucket's run, its control and a calibration alike: their bodies and their sizes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from summarizer_assets.core.prompt.messages import overhead_tokens, user_message
from summarizer_assets.core.prompt.request_form import RequestForm, Size
from summarizer_assets.llm.protocols.chat_protocol import ChatProtocol, ChatRequest


@dataclass(frozen=True)
class RequestBuilder:
    """What all requests share.

    Attributes:
        system: the constant first message.
        output_per_author: expected output tokens of one summary.
        max_output: the most output tokens to ask for.
        extra_body: what a person set in each request.
    """

    protocol: ChatProtocol
    model: str
    system: str
    output_per_author: int
    max_output: int
    extra_body: Mapping[str, Any]

    def body(self, texts: Sequence[str], form: RequestForm, size: Size, complaint: str | None = None) -> bytes:
        """For authors whose records are `texts`. `complaint`: why an earlier answer was not accepted."""
        user = user_message(texts, complaint)
        request = ChatRequest(self.model, self.system, user, size.bound, form, self.extra_body)
        return self.protocol.encode(request)

    def size(self, records: int, authors: int, form: RequestForm) -> Size:
        """Of a request for so many `authors`, whose records have so many estimated tokens."""
        prompt, expected = self.overhead + records, self.output_per_author * authors
        most = self.max_output
        return Size(prompt, expected, most if self._bounded else form.bound(most, prompt, expected))

    @cached_property
    def overhead(self) -> int:
        """Estimated input tokens beside the records."""
        return overhead_tokens(self.system)

    @cached_property
    def _bounded(self) -> bool:
        """Whether a person bounds the answer."""
        return not self.protocol.set_fields(self.extra_body).keys().isdisjoint(self.protocol.output_fields)
