"""What the questions of one run came to, for its metadata."""

from collections import Counter
from dataclasses import dataclass, field

from summarizer_assets.core.answers.usage import Told
from summarizer_assets.core.money.amounts import Usage


@dataclass
class AskCounts:
    """Counts of one run. Tokens are those that replies told, usable or not."""

    requests: int = 0
    splits: int = 0
    asked_again: int = 0
    unknown_ids: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    adapted: str = ""  # how the provider is asked, where not as at first

    def add(self, told: Told | Usage | None) -> None:
        """What a reply told that it used."""
        if told is not None:
            self.prompt_tokens += told.prompt_tokens or 0
            self.completion_tokens += told.completion_tokens or 0
