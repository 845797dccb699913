"""A look at the provider's jobs: what became of those that wait, stored at once. It asks and spends nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from summarizer_assets.bucket_run.batches.unmarked import told_by_requests
from summarizer_assets.core.batches.lines import is_made_with, key_of
from summarizer_assets.core.batches.states import (
    Found,
    JobState,
    Next,
    RemoteJob,
    RemoteStatus,
    after_look,
    is_gone,
    search,
    since_of,
)
from summarizer_assets.core.batches.suspects import suspects
from summarizer_assets.llm.batches.errors import CallMissing, CallThrottled, CallUnknown
from summarizer_assets.llm.batches.provider import BatchProvider
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs, JobRow

LOOKED_AT = (JobState.CREATING, JobState.OPEN)


async def look(
    api: BatchProvider, jobs: BatchJobs, rows: Sequence[JobRow], log: Callable[[str], None]
) -> dict[str, JobRow]:
    """Bring the rows of jobs up to date that wait for the provider; return them by key.

    A list or a job that does not answer says nothing: its rows stay as they are.

    Raises:
        AccountRefused, CallRefused: the provider does not tell this account.
    """
    found = {row.key: row for row in rows}
    waiting = [row for row in rows if row.state in LOOKED_AT]
    if not waiting:
        return found
    try:
        listed = await api.jobs(min(since_of(row.intent_at or row.planned_at) for row in waiting))
    except (CallUnknown, CallThrottled, CallMissing) as error:
        log(f"the provider's batch jobs could not be listed, and are looked at later: {error}")
        return found
    now = jobs.now()
    by_id = {job.id: job for job in listed}
    for row in waiting:
        if row.state is JobState.CREATING:
            changed = await _searched(api, jobs, row, listed, now, log)
        else:
            changed = await _looked(api, jobs, row, by_id, now, log)
        if changed is not None:
            found[row.key] = changed
    return found


async def unknown_jobs(api: BatchProvider, jobs: BatchJobs) -> dict[str, RemoteJob]:
    """Jobs at the provider that were made for these tables, by key, if the store has no job at all: it was lost.

    Those that do not tell yet for which tables they were made are among them, by their ids.

    Raises:
        BatchCallFailed: the provider does not tell.
    """
    if jobs.newest(1):
        return {}
    found: dict[str, RemoteJob] = {}
    listed = await api.jobs(jobs.now() - api.limits.kept_s)
    if not api.limits.tells_mark:
        listed, doubtful = await told_by_requests(api, listed)
        found = {job.id: job for job in doubtful}
    for job in listed:
        key = key_of(job.metadata, jobs.mark)
        if key is not None and job.status is not RemoteStatus.FAILED:
            found[key] = job
    return found


async def _searched(
    api: BatchProvider,
    jobs: BatchJobs,
    row: JobRow,
    listed: Sequence[RemoteJob],
    now: float,
    log: Callable[[str], None],
) -> JobRow | None:
    assert row.intent_at is not None
    if not api.limits.tells_mark:
        near = suspects(row.intent_at, row.requests, listed, jobs.known(job.id for job in listed))
        listed, doubtful = await told_by_requests(api, near)
        if doubtful and not any(is_made_with(job.metadata, row.key) for job in listed):
            ids = ", ".join(job.id for job in doubtful)
            log(f"nobody knows yet whether batch job {row.key} is {ids}: that tells nothing before it ended")
            return None
    outcome, made = search(row.key, row.file_id, row.intent_at, listed, now=now, absent_at=row.absent_at)
    match outcome:
        case Found.MADE:
            assert made is not None
            log(f"batch job {row.key} was made as {made.id}, which nobody had heard")
            return jobs.move(row, JobState.OPEN, **opened(made, now))
        case Found.NEVER_MADE:
            log(f"batch job {row.key} was never made; it is sent again")
            return jobs.move(row, JobState.UPLOADED, intent_at=None, absent_at=None)
        case Found.ABSENT if row.absent_at is None or row.absent_at < row.intent_at:
            return jobs.move(row, row.state, absent_at=now)
        case Found.SEVERAL:
            log(f"batch job {row.key} was made more than once; see `summarizer jobs`, adopt one, and cancel the others")
    return None


async def _looked(
    api: BatchProvider,
    jobs: BatchJobs,
    row: JobRow,
    by_id: Mapping[str, RemoteJob],
    now: float,
    log: Callable[[str], None],
) -> JobRow | None:
    assert row.remote_id is not None
    remote = by_id.get(row.remote_id)
    if remote is None:  # lists show late
        try:
            remote = await api.job(row.remote_id)
        except (CallUnknown, CallThrottled) as error:
            log(f"batch job {row.key} could not be looked at, and is later: {error}")
            return None
        except CallMissing:
            missed_at = row.missed_at or now
            state = JobState.ENDED if is_gone(missed_at, now) else row.state
            verdict = str(Next.LOST) if state is JobState.ENDED else None
            return jobs.move(row, state, missed_at=missed_at, checked_at=now, verdict=verdict)
    following = after_look(remote, now=now, ended_at=row.ended_at)
    changes = seen(remote, row, now) | {"verdict": str(following)}
    if remote.errors:
        changes["reason"] = "; ".join(sorted({f"{code}: {message}" for code, message in remote.errors}))[:500]
    return jobs.move(row, row.state if following is Next.WAIT else JobState.ENDED, **changes)


def opened(remote: RemoteJob, now: float) -> dict[str, Any]:
    """Columns of a job that is known to exist."""
    return {
        "remote_id": remote.id,
        "remote_status": _status(remote),
        "expires_at": remote.expires_at,
        "checked_at": now,
        "absent_at": None,
    }


def seen(remote: RemoteJob, row: JobRow, now: float) -> dict[str, Any]:
    """Columns of a job that was looked at."""
    final = remote.status is not None and remote.status.final
    return {
        "remote_status": _status(remote),
        "completed": remote.completed,
        "output_file_id": remote.output_file_id,
        "error_file_id": remote.error_file_id,
        "checked_at": now,
        "ended_at": (row.ended_at or now) if final else None,
        "missed_at": None,
    }


def _status(remote: RemoteJob) -> str | None:
    return None if remote.status is None else str(remote.status)
