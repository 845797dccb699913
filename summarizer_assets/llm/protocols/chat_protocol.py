"""The interface of a chat protocol: paths, headers, requests and replies as one kind of provider expects them.

`openai_chat.py`, `anthropic_messages.py` and `gemini_content.py` implement it; docs/contributing.md says what another
one takes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from summarizer_assets.core.answers.completion import Completion
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.prompt.request_form import Refusal, RequestForm

#: Stands for the model's name in the path of a protocol.
MODEL: Final = "{model}"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request, before it is written in a protocol's words.

    Attributes:
        bound: of the answer, in output tokens.
        extra_body: merged last; a null in it takes a field out, and a bound of the answer in it replaces `bound`.
    """

    model: str
    system: str
    user: str
    bound: int
    form: RequestForm
    extra_body: Mapping[str, Any]


class Announced(NamedTuple):
    """A limit of the account: how much, and the seconds until it is full again; None: not told."""

    limit: float | None
    full_in_s: float | None


class AnnouncedLimits(NamedTuple):
    """What the headers of one reply tell of the account's limits."""

    requests: Announced
    tokens: Announced


class ChatProtocol(Protocol):
    """One protocol. Implementations have no state, and read and write nothing but their arguments."""

    @property
    def name(self) -> str:
        """The name in `SUMMARIZER_LLM_PROTOCOL`; part of the key of what is stored about a provider."""

    @property
    def path(self) -> str:
        """What is added to the path of the base URL; the model may stand in it, as `MODEL`."""

    def base_path(self, path: str) -> str:
        """The path of the base URL, without a slash at its end, from the path that a person gave."""

    @property
    def models_query(self) -> Mapping[str, str]:
        """What the list of models is asked with, beside the query of the base URL."""

    @property
    def output_fields(self) -> Sequence[str]:
        """The names under which a request may bound its answer, as `set_fields` has them."""

    def headers(self, path: str, query: Mapping[str, str], api_key: str | None) -> dict[str, str]:
        """Those that only this protocol has, the key's among them. `path`, `query`: of the whole URL."""

    def checked_extra_body(self, extra_body: dict[str, Any]) -> dict[str, Any]:
        """`extra_body` itself, when it may be merged into a request.

        Raises:
            ValueError: it names a field that decides which answer belongs to whom.
        """

    def set_fields(self, extra_body: Mapping[str, Any]) -> Mapping[str, str]:
        """The fields of a request that a person set, by the names that refusals may have for them."""

    def most_output_tokens(self, extra_body: Mapping[str, Any], bound: int) -> int | None:
        """What a request lets the model write at most; None: `extra_body` leaves no bound that is a number."""

    def encode(self, request: ChatRequest) -> bytes:
        """The body to post.

        Raises:
            ValueError: see `checked_extra_body`.
        """

    def simpler(self, form: RequestForm, refusal: Refusal) -> RequestForm | None:
        """The form that a refusal which is not about size asks for; None: it asks for none."""

    def is_plain(self, body: bytes) -> bool:
        """Whether a body is an answer as usual, without an error at any depth. Cheap: the text is passed over."""

    def open(self, body: bytes) -> Completion:
        """The answer's text and what came with it.

        Raises:
            UnusableReply: there is no text, or none that may be used: a refusal, a truncation, an error.
        """

    def text(self, body: bytes) -> str | None:
        """What the model wrote, for a person to see; None where that cannot be told."""

    def usage(self, body: bytes) -> Usage | None:
        """The usage that a body tells, whatever else is wrong with it; None when it tells none to be believed."""

    def limits(self, headers: Mapping[str, str]) -> AnnouncedLimits:
        """The account's limits, as the headers of a reply tell them (lower-case names)."""

    def resets(self, headers: Mapping[str, str], now: float) -> list[float | None]:
        """Seconds until the limits that the headers name are full again. `now`: the time of day, in Unix seconds."""


def set_at_the_top(extra_body: Mapping[str, Any]) -> Mapping[str, str]:
    """`ChatProtocol.set_fields` where refusals name the fields of a body as it does."""
    return {name: name for name, value in extra_body.items() if value is not None}
