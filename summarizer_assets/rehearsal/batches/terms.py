"""The batch service's limits, delays and faults, as the part `batch` of a plan."""

from typing import Final, Literal, get_args

import msgspec

from summarizer_assets.rehearsal.status_faults import STATUSES
from summarizer_assets.rehearsal.wire_faults import SCRIPTS

#: begin an upload, where that is a call of its own; upload, list, look at, read and delete files; create, list, look at
#: and cancel jobs.
Call = Literal["begin", "upload", "files", "file", "content", "delete", "create", "jobs", "job", "cancel"]
CALLS: Final[tuple[str, ...]] = get_args(Call)
#: Left out; twice, equal or with another answer; an id that nobody sent in place of the line's own; half of the line.
LineFault = Literal["missing", "twice", "twice_different", "foreign", "cut"]


#: Whose words are spoken, where the paths do not tell.
DialectName = Literal["openai", "azure", "groq", "mistral", "together"]


class CallFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Some calls of one kind go wrong. `fault`: a status or a fault of the wire, as in a rule."""

    call: Call
    fault: str
    done: bool = False  # what the call asks for happens nevertheless
    after: int = 0  # calls of this kind before the first one hit, counted from the plan's start
    times: int | None = 1  # calls hit; None: all that follow

    def __post_init__(self) -> None:
        if self.fault not in STATUSES and self.fault not in SCRIPTS:
            raise ValueError(
                f"unknown fault {self.fault!r} of a batch call; known: {', '.join(sorted({*STATUSES, *SCRIPTS}))}"
            )


class BadLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a result file is wrong. `number`: of the line that it answers, from 0."""

    number: int
    fault: LineFault


class BatchTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a batch service works, in seconds and OpenAI's limits.

    A job is validated for `validating_s`; then its lines are done one after the other over `running_s`, in an order of
    its own; then its files are written for `finalizing_s`. What is not done `window_s` after the creation expires.

    The plan's rules hit lines as they hit requests; a rule of the wire, and of slowness, hits no line.
    """

    dialect: DialectName = "openai"
    validating_s: float = 0.0
    running_s: float = 0.0
    finalizing_s: float = 0.0
    cancelling_s: float = 0.0
    window_s: float = 86_400.0
    readable_after_s: float = 0.0  # a job cannot be made of a file that is younger
    listed_after_s: float = 0.0  # a younger file or job is in no list
    ids_after_s: float = 0.0  # a job that ended shows the ids of its files so much later
    kept_s: float = 2_592_000.0  # result files are deleted after that
    most_requests: int = 50_000  # of a job
    most_bytes: int = 200_000_000  # of a file
    most_files: int | None = None  # of an account, those that never expire
    jobs_an_hour: int = 2_000
    enqueued_tokens: int | None = None  # estimated input tokens of all live jobs of a model
    empty_error_file: bool = False  # written where nothing failed, too
    calls: tuple[CallFault, ...] = ()
    lines: tuple[BadLine, ...] = ()
