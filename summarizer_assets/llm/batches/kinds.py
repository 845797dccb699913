"""The batch jobs of each provider that is spoken to here."""

from typing import Final

from summarizer_assets.llm.batches.anthropic_batches import ANTHROPIC
from summarizer_assets.llm.batches.azure_batches import AZURE
from summarizer_assets.llm.batches.gemini_batches import GEMINI
from summarizer_assets.llm.batches.mistral_batches import MISTRAL
from summarizer_assets.llm.batches.names import BatchProviderName
from summarizer_assets.llm.batches.openai_batches import GROQ, OPENAI
from summarizer_assets.llm.batches.provider import BatchKind
from summarizer_assets.llm.batches.together_batches import TOGETHER

KINDS: Final[dict[BatchProviderName, BatchKind]] = {
    "openai": OPENAI,
    "azure": AZURE,
    "groq": GROQ,
    "mistral": MISTRAL,
    "together": TOGETHER,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
}
