"""The protocol-independent content of a reply."""

from dataclasses import dataclass

from summarizer_assets.core.answers.usage import Told


@dataclass(frozen=True, slots=True)
class Completion:
    """The content of a readable body. Invalid names are None.

    `cut`: the finish reason if it means that the output limit was reached. `error`: an error that the provider reported
    besides the text, which counts if the text is unusable.
    """

    content: str
    told: Told
    model: str | None
    cut: str = ""
    error: dict[str, object] | None = None
