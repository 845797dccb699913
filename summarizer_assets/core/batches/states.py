"""The states of a batch job, ours and the provider's, and what follows from a look at it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from summarizer_assets.core.batches.lines import is_made_with

#: The provider's clock may be behind ours by so much.
_BEFORE_S: Final = 300.0
#: Between two full lists, after both of which a job that neither shows was never made.
_APART_S: Final = 900.0
_FILES_LATE_S: Final = 3_600.0  # the longest that the ids of the result files are waited for
_GONE_S: Final = 21_600.0  # a job or its results that answer 404 for so long are gone
_VALIDATION_S: Final = 7_200.0  # longer than a provider needs to check a file, and to begin


class JobState(StrEnum):
    """Each is stored before the step that its name tells is taken."""

    PLANNED = "planned"  # its requests are stored; nothing was sent
    UPLOADING = "uploading"  # its money is reserved
    UPLOADED = "uploaded"
    CREATING = "creating"  # nobody knows whether it exists
    OPEN = "open"
    ENDED = "ended"  # its results can be read
    COLLECTED = "collected"
    FAILED = "failed"  # the provider did not take it; nothing was billed
    LOST = "lost"  # nobody will know its results; what it may have cost is uncertain

    @property
    def live(self) -> bool:
        """Whether its authors wait for it."""
        return self not in (JobState.COLLECTED, JobState.FAILED, JobState.LOST)

    @property
    def unsent(self) -> bool:
        """Whether the provider was not asked to make it yet."""
        return self in (JobState.PLANNED, JobState.UPLOADING, JobState.UPLOADED)


class RemoteStatus(StrEnum):
    """What the provider says of a job."""

    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        return self in (self.COMPLETED, self.EXPIRED, self.CANCELLED, self.FAILED)


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job as the provider describes it. `status` is None where it is a word that is not known here.

    `output_file_id`, `error_file_id`: where its results are read, in the provider's own terms. `completed`: requests
    that were answered; None: not told. `errors`: codes and messages, of a job that failed. `metadata`: what it was made
    with, see `metadata_of`; None where jobs do not tell that. `requests`: how many it has; None: not told.
    `without_results`: none will show, whatever was done.
    """

    id: str
    status: RemoteStatus | None
    created_at: float
    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    completed: int | None = None
    errors: Sequence[tuple[str, str]] = ()
    metadata: Mapping[str, str] | None = None
    expires_at: float | None = None
    requests: int | None = None
    without_results: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(file for file in (self.output_file_id, self.error_file_id) if file)


def newest_first(jobs: Iterable[RemoteJob]) -> list[RemoteJob]:
    """Of a list that comes at once, in whatever order."""
    return sorted(jobs, key=lambda job: job.created_at, reverse=True)


class Found(StrEnum):
    """What a search for a job says whose making nobody heard of."""

    MADE = "made"
    ABSENT = "absent"  # from this list; a second one is to say the same
    NEVER_MADE = "never made"
    SEVERAL = "several"  # more than one: nothing is done until a person decides


def since_of(intent_at: float) -> float:
    """How far back a list must reach to show a job that was meant to be made at `intent_at`."""
    return intent_at - _BEFORE_S


def search(
    key: str, file_id: str | None, intent_at: float, listed: Sequence[RemoteJob], *, now: float, absent_at: float | None
) -> tuple[Found, RemoteJob | None]:
    """Whether a job was made, by a full list of the account's jobs since `since_of(intent_at)`.

    A list that failed is no list: it is not to be given here.

    Args:
        key: the job's.
        file_id: of its input file, which no other job has; None: it has none.
        intent_at: when it was about to be made.
        listed: the list.
        now: when the list was read, by the clock of `intent_at`.
        absent_at: when an earlier full list did not show it; None: no such list.
    """
    mine = [
        job
        for job in listed
        if is_made_with(job.metadata, key) or (file_id is not None and job.input_file_id == file_id)
    ]
    if len(mine) > 1:
        return Found.SEVERAL, None
    if mine:
        return Found.MADE, mine[0]
    first = max(absent_at, intent_at) if absent_at is not None else None
    gone = first is not None and now - first >= _APART_S
    return (Found.NEVER_MADE if gone else Found.ABSENT), None


class Next(StrEnum):
    """What follows from a look at a job that exists."""

    WAIT = "wait"
    COLLECT = "collect"
    AGAIN = "again"  # the provider had no room for it: plan it again, later
    FAILED = "failed"
    LOST = "lost"


def after_look(job: RemoteJob, *, now: float, ended_at: float | None) -> Next:
    """Args: `ended_at`: when it was first seen in a final status; None: now."""
    if job.status is None or not job.status.final:
        return Next.WAIT
    if job.status is RemoteStatus.FAILED:
        full = any(code == "token_limit_exceeded" for code, _ in job.errors)
        return Next.AGAIN if full else Next.FAILED
    late = job.without_results or now - (now if ended_at is None else ended_at) >= _FILES_LATE_S
    if job.output_file_id is None and (job.completed is None or job.completed > 0):
        if not late:
            return Next.WAIT  # the ids may show later than the end
        return Next.COLLECT if job.error_file_id is not None else Next.LOST
    if not job.places and job.status is RemoteStatus.COMPLETED:
        return Next.LOST if late else Next.WAIT
    return Next.COLLECT


def validates_since(intent_at: float | None, checked_at: float | None, remote: RemoteJob, now: float) -> float | None:
    """Since when it waits to be begun, if that is strangely long; told by one look only, the first after two hours.

    Args:
        intent_at: when it was made, by our clock.
        checked_at: of the look before.
        remote: as it is now.
        now: of this look.
    """
    if remote.status is not RemoteStatus.VALIDATING or intent_at is None:
        return None
    first = (checked_at or intent_at) - intent_at < _VALIDATION_S <= now - intent_at
    return intent_at if first else None


def is_gone(first_missed_at: float | None, now: float) -> bool:
    """Whether what answers 404 since then will not come back."""
    return first_missed_at is not None and now - first_missed_at >= _GONE_S


def may_have_run(missing: int, answered: int, completed: int | None) -> int:
    """How many of the requests without a result may have been billed, by what the provider counts as `completed`."""
    return missing if completed is None else max(0, min(missing, completed - answered))
