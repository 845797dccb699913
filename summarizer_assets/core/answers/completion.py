"""A reply that was opened, in whatever protocol it came."""

from dataclasses import dataclass

from summarizer_assets.core.answers.usage import Told


@dataclass(frozen=True, slots=True)
class Completion:
    """What a readable body holds. A name that is no name is None.

    `cut`: the finish reason, where it says that the output limit was reached; `error`: what the provider told beside
    the text, which counts where the text is of no use.
    """

    content: str
    told: Told
    model: str | None
    cut: str = ""
    error: dict[str, object] | None = None
