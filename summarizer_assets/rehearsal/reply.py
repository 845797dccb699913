"""What a server does with one request."""

from collections.abc import Iterator
from dataclasses import dataclass

from summarizer_assets.rehearsal.request_log import Entry
from summarizer_assets.rehearsal.status_faults import Answer
from summarizer_assets.rehearsal.wire_faults import Script, Step


@dataclass(frozen=True, slots=True)
class Shut:
    """The server must be shut: connections are refused or, if not, never accepted."""

    refused: bool
    seconds: float


@dataclass(slots=True)
class Reply:
    """What a server does with a request: wait, then send the answer, execute a script, or shut.

    `entry`: None for requests that are not logged (malformed ones, lists of models, batch jobs).
    """

    answer: Answer
    entry: Entry | None = None
    delay_s: float = 0.0
    script: Script | None = None
    seconds: float = 0.0
    shut: Shut | None = None

    def steps(self) -> Iterator[Step]:
        """The steps of the script, which must exist."""
        assert self.script is not None
        return self.script.steps(self.answer, self.seconds)
