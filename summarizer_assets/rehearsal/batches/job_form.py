"""The form of a job: how its requests are read, and how its results are written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from summarizer_assets.rehearsal.batches.input_file import Input, Line
from summarizer_assets.rehearsal.batches.line_answer import LineAnswer
from summarizer_assets.rehearsal.batches.terms import BatchTerms
from summarizer_assets.rehearsal.interface import Interface


@dataclass(frozen=True)
class JobForm:
    """Of one provider.

    Attributes:
        interface: in which its lines ask and are answered.
        read: the requests, from what was sent, the endpoint and the terms.
        done: the result of a line that was worked on.
        not_run: the result of a line that was not, in a job that ended so; None: it has none.
        one_file: failures stand among the answers, in one file.
        at_once: its requests are read when it is made; else only after `validating_s`.
        expires: what is not done in the window is never done; else it only takes longer.
        kept_from_creation_s: results are kept for so long, at most, from the job's creation; None: from its end, for
            as long as the terms say.
    """

    interface: Interface
    read: Callable[[bytes, str, BatchTerms], Input]
    done: Callable[[Line, LineAnswer], dict[str, Any]]
    not_run: Callable[[Line, str], dict[str, Any] | None]
    one_file: bool = False
    at_once: bool = False
    expires: bool = True
    kept_from_creation_s: float | None = None
