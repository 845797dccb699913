"""Which provider's batch jobs an installation uses."""

from typing import Final

from summarizer_assets.llm.batches.anthropic_batches import ANTHROPIC
from summarizer_assets.llm.batches.openai_batches import OPENAI
from summarizer_assets.llm.batches.provider import BatchKind
from summarizer_assets.llm.protocols.chat_protocol import ChatProtocol

_OF_PROTOCOL: Final[dict[str, BatchKind]] = {"openai": OPENAI, "anthropic": ANTHROPIC}


def kind_of(protocol: ChatProtocol) -> BatchKind:
    """Args: `protocol`: of the requests. The settings refuse batch jobs where it has none."""
    return _OF_PROTOCOL.get(protocol.name, OPENAI)
