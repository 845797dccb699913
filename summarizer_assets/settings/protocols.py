"""How a provider is spoken to: its protocol, as set or as its base URL tells, and the settings that go with it."""

import re
from typing import Final, Literal
from urllib.parse import urlsplit

from summarizer_assets.llm.protocols.anthropic_messages import ANTHROPIC_MESSAGES
from summarizer_assets.llm.protocols.chat_protocol import ChatProtocol
from summarizer_assets.llm.protocols.gemini_content import GEMINI_CONTENT
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT

EMBEDDED: Final = "embedded"
ProtocolName = Literal["openai", "anthropic", "gemini"]
_BY_NAME: Final[dict[ProtocolName, ChatProtocol]] = {
    "openai": OPENAI_CHAT,
    "anthropic": ANTHROPIC_MESSAGES,
    "gemini": GEMINI_CONTENT,
}
PROTOCOL_NAMES: Final = tuple(_BY_NAME)
_OF_ANTHROPIC: Final = "api.anthropic.com"
_OF_GOOGLE: Final = "generativelanguage.googleapis.com"
#: Where it offers OpenAI's interface.
_OPENAI_PATH: Final = re.compile(r"/openai(?:/chat/completions)?/?$", re.IGNORECASE)
#: Where other providers and gateways offer Anthropic's interface.
_PATH: Final = re.compile(r"/anthropic(?:/v1(?:/messages)?)?/?$", re.IGNORECASE)


def protocol_of(name: ProtocolName | None, base_url: str) -> ChatProtocol:
    """The protocol of this name; None: the one of the URL, which is the same before and after it was checked."""
    if name is not None:
        return _BY_NAME[name]
    try:
        parts = urlsplit(base_url)
        host, path = parts.hostname, parts.path
    except ValueError:  # no URL: the check of the base URL says so
        return OPENAI_CHAT
    if host == _OF_ANTHROPIC or _PATH.search(path) is not None:
        return ANTHROPIC_MESSAGES
    return GEMINI_CONTENT if host == _OF_GOOGLE and _OPENAI_PATH.search(path) is None else OPENAI_CHAT


def provider_is_named_whole(
    base_url: str | None, model: str | None, protocol: ProtocolName | None, *, key: bool
) -> None:
    """Check that the settings of the provider go together. `base_url`: None: not set.

    Raises:
        ValueError: they do not.
    """
    embedded = base_url in (None, EMBEDDED)
    if not embedded and not model:
        raise ValueError("SUMMARIZER_LLM_MODEL must name the model when SUMMARIZER_LLM_BASE_URL is set")
    if embedded and model:
        raise ValueError(
            f"SUMMARIZER_LLM_MODEL={model} without SUMMARIZER_LLM_BASE_URL: the embedded provider has "
            "only its template; set the provider's base URL too, or unset the model"
        )
    if embedded and protocol is not None:
        raise ValueError(
            f"SUMMARIZER_LLM_PROTOCOL={protocol} without SUMMARIZER_LLM_BASE_URL: the embedded provider has one of its "
            "own; set the provider's base URL too, or unset the protocol"
        )
    if key and base_url is None:
        raise ValueError(
            "SUMMARIZER_LLM_API_KEY without SUMMARIZER_LLM_BASE_URL: nobody would be sent the key, and a template "
            "would answer; set the provider's base URL too, or to `embedded` where the template is meant"
        )
