"""What the model gave to one line of a job."""

from dataclasses import dataclass
from typing import Any, Final, Self

import msgspec

from summarizer_assets.rehearsal.interface import Interface
from summarizer_assets.rehearsal.right_answers import Right
from summarizer_assets.rehearsal.status_faults import Answer

_OK: Final = 200
_SERVER_ERROR: Final = 500
_FAILED: Final = b'{"error": {"message": "The server had an error.", "type": "server_error"}}'


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """`body`: JSON. Tokens are those billed; of the prompt's, some may be of the provider's cache."""

    status: int
    body: Any
    ids: tuple[str, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0

    @property
    def well(self) -> bool:
        return self.status == _OK

    @classmethod
    def of(cls, answer: Answer, right: Right, interface: Interface) -> Self:
        """From a reply as a request gets it. One that is no JSON, which no line can hold, is a server's error."""
        try:
            document = msgspec.json.decode(interface.told(answer).body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            failed = interface.told(Answer(_SERVER_ERROR, _FAILED))
            return cls(failed.status, msgspec.json.decode(failed.body), right.ids)
        if answer.status != _OK:
            return cls(answer.status, document, right.ids)
        tokens = (right.prompt_tokens, right.completion_tokens, right.cached_tokens, right.written_tokens)
        return cls(answer.status, document, right.ids, *tokens)
