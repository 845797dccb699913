"""A look at the provider's jobs: what became of those that wait, stored at once. It ends those that are overdue.

It asks for no summary and spends nothing.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from summarizer_assets.bucket_run.batches.unmarked import told_by_requests
from summarizer_assets.core.batches.lines import is_made_with, key_of
from summarizer_assets.core.batches.routing import RouteRule, hours
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
    validates_since,
)
from summarizer_assets.core.batches.suspects import suspects
from summarizer_assets.llm.batches.errors import (
    AccountRefused,
    BatchCallFailed,
    CallMissing,
    CallThrottled,
    CallUnknown,
)
from summarizer_assets.llm.batches.provider import BatchProvider
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs, JobRow

LOOKED_AT = (JobState.CREATING, JobState.OPEN)
_FOR_EVER: Final = float("inf")
_LATELY_S: Final = 172_800.0  # a job ends within a day, and is collected soon after that
_LONGEST: Final = 500  # characters of a reason


async def look(
    api: BatchProvider,
    jobs: BatchJobs,
    rows: Sequence[JobRow],
    log: Callable[[str], None],
    *,
    rule: RouteRule,
    within_s: float | None = None,
) -> dict[str, JobRow]:
    """Bring the rows of jobs up to date that wait for the provider; return them by key.

    A list or a job that does not answer says nothing: its rows stay as they are.

    Args:
        api: of the provider.
        jobs: of the root.
        rows: of one account.
        log: hears what a person may want to know.
        rule: says which jobs are overdue.
        within_s: the longest that it takes. An account may have very many jobs: half of the time is for their list;
            jobs that it does not show are looked at one by one, the one first that was not looked at for the longest
            time, so that each has its turn. None: as long as it takes.

    Raises:
        AccountRefused, CallRefused: the provider does not tell this account.
    """
    found = {row.key: row for row in rows}
    waiting = [row for row in rows if row.state in LOOKED_AT]
    if not waiting:
        return found
    half_s = None if within_s is None else within_s / 2
    listing = await _listing(api, waiting, log, half_s)
    shown = {job.id: job for job in listing.jobs}
    waiting.sort(key=lambda row: (row.state is JobState.OPEN and row.remote_id not in shown, row.checked_at or 0.0))
    one = _Look(api, jobs, listing, shown, rule, log, jobs.now())
    try:
        async with asyncio.timeout(half_s):
            for row in waiting:
                changed = await (one.searched(row) if row.state is JobState.CREATING else one.looked(row))
                if changed is not None:
                    found[row.key] = changed
    except (CallUnknown, CallThrottled) as error:
        log(f"the provider's batch jobs could not all be looked at, and are later: {error}")
    except TimeoutError:
        log("the provider's batch jobs could not all be looked at in time; the next look begins with the others")
    return found


@dataclass
class _Listing:
    """Jobs of the account, newest first. `back_to`: all are there that were made since."""

    jobs: list[RemoteJob] = field(default_factory=list)
    back_to: float = _FOR_EVER


async def _listing(
    api: BatchProvider, waiting: Sequence[JobRow], log: Callable[[str], None], within_s: float | None
) -> _Listing:
    """As much of the list as is needed, and as can be had."""
    since = min(since_of(row.intent_at or row.planned_at) for row in waiting)
    unheard = [since_of(row.intent_at or row.planned_at) for row in waiting if row.state is JobState.CREATING]
    unseen = {row.remote_id for row in waiting if row.state is JobState.OPEN}
    enough = min(unheard, default=_FOR_EVER)
    listing = _Listing()
    try:
        async with asyncio.timeout(within_s):
            async for job in api.jobs(since):
                listing.jobs.append(job)
                listing.back_to = job.created_at
                unseen.discard(job.id)
                if not unseen and job.created_at < enough:
                    return listing
        listing.back_to = since
    except TimeoutError:
        log(f"the list of the provider's batch jobs is long; it was left after {len(listing.jobs)}")
    except (CallUnknown, CallThrottled, CallMissing) as error:
        log(f"the provider's batch jobs could not be listed: {error}")
    return listing


async def unknown_jobs(api: BatchProvider, jobs: BatchJobs) -> dict[str, RemoteJob]:
    """Jobs at the provider that were made for these tables and that the store does not know, by key.

    It was lost if it has no job at all: then all are looked at whose results are kept, and those that do not tell yet
    for which tables they were made are among them, by their ids. Else it may be an older copy: then those of the last
    days are looked at, which nobody may have collected, if jobs tell what they were made with.

    Raises:
        BatchCallFailed: the provider does not tell.
    """
    lost = not jobs.newest(1)
    if not lost and not api.limits.tells_mark:
        return {}
    found: dict[str, RemoteJob] = {}
    listed = [job async for job in api.jobs(jobs.now() - (api.limits.kept_s if lost else _LATELY_S))]
    if not api.limits.tells_mark:
        of_other_roots = jobs.known(job.id for job in listed)
        listed, doubtful = await told_by_requests(api, [job for job in listed if job.id not in of_other_roots])
        found = {job.id: job for job in doubtful}
    for job in listed:
        key = key_of(job.metadata, jobs.mark)
        if key is not None and job.status is not RemoteStatus.FAILED and jobs.get(key) is None:
            found[key] = job
    return found


@dataclass(frozen=True)
class _Look:
    """At one moment, `now` by the store's clock."""

    api: BatchProvider
    jobs: BatchJobs
    listing: _Listing
    shown: Mapping[str, RemoteJob]
    rule: RouteRule
    log: Callable[[str], None]
    now: float

    async def searched(self, row: JobRow) -> JobRow | None:
        """A job that nobody heard of, in the list. A list that does not reach back far enough says only where it is."""
        assert row.intent_at is not None
        listed, now = self.listing.jobs, self.now
        if not self.api.limits.tells_mark:
            near = suspects(row.intent_at, row.requests, listed, self.jobs.known(job.id for job in listed))
            listed, doubtful = await told_by_requests(self.api, near)
            if doubtful and not any(is_made_with(job.metadata, row.key) for job in listed):
                ids = ", ".join(job.id for job in doubtful)
                told = f"nobody knows yet whether it is {ids}: that tells nothing before its end"
                self.log(f"batch job {row.key}: {told}")
                return self.jobs.move(row, row.state, reason=told[:_LONGEST])
        outcome, made = search(row.key, row.file_id, row.intent_at, listed, now=now, absent_at=row.absent_at)
        if outcome in (Found.ABSENT, Found.NEVER_MADE) and self.listing.back_to > since_of(row.intent_at):
            return None
        match outcome:
            case Found.MADE:
                assert made is not None
                self.log(f"batch job {row.key} was made as {made.id}, which nobody had heard")
                return self.jobs.move(row, JobState.OPEN, **opened(made, now))
            case Found.NEVER_MADE:
                self.log(f"batch job {row.key} was never made; it is sent again")
                return self.jobs.move(row, JobState.UPLOADED, intent_at=None, absent_at=None, reason=None)
            case Found.ABSENT if row.absent_at is None or row.absent_at < row.intent_at:
                return self.jobs.move(row, row.state, absent_at=now)
            case Found.SEVERAL:
                self.log(
                    f"batch job {row.key} was made more than once; see `summarizer jobs`, adopt one, and cancel the "
                    "others"
                )
        return None

    async def looked(self, row: JobRow) -> JobRow | None:
        """A job that exists. Raises `CallUnknown`, `CallThrottled`: the provider does not answer now."""
        assert row.remote_id is not None
        now = self.now
        try:
            remote = self.shown.get(row.remote_id) or await self.api.job(row.remote_id)  # lists show late
        except CallMissing:
            missed_at = row.missed_at or now
            state = JobState.ENDED if is_gone(missed_at, now) else row.state
            verdict = str(Next.LOST) if state is JobState.ENDED else None
            return self.jobs.move(row, state, missed_at=missed_at, checked_at=now, verdict=verdict)
        if (since := validates_since(row.intent_at, row.checked_at, remote, now)) is not None:
            told = f"the provider has not begun with batch job {row.key} in {hours(now - since)}"
            self.log(f"{told}; it is waited for, `summarizer jobs` can cancel it")
        reason = row.reason
        if self._is_to_end(row, remote):
            remote, reason = await self._ended(row, remote)
        following = after_look(remote, now=now, ended_at=row.ended_at)
        changes = seen(remote, row, now) | {"verdict": str(following), "reason": reason}
        if remote.errors:
            changes["reason"] = "; ".join(sorted({f"{code}: {message}" for code, message in remote.errors}))[:_LONGEST]
        return self.jobs.move(row, row.state if following is Next.WAIT else JobState.ENDED, **changes)

    def _is_to_end(self, row: JobRow, remote: RemoteJob) -> bool:
        at_work = remote.status is None or not (remote.status.final or remote.status is RemoteStatus.CANCELLING)
        return at_work and self.rule.overdue(row.waits_since, self.now)

    async def _ended(self, row: JobRow, remote: RemoteJob) -> tuple[RemoteJob, str | None]:
        """The job once it was told to end. It may go on for a while: its final state is waited for."""
        try:
            ended = await self.api.cancel(remote.id)
        except AccountRefused:
            raise
        except BatchCallFailed as error:  # among others: it ended meanwhile
            self.log(f"batch job {row.key} is overdue, and could not be cancelled; the next look tries again: {error}")
            return remote, row.reason
        reason = f"cancelled: its authors have waited for {hours(self.now - row.waits_since)}"
        self.log(f"batch job {row.key} is {reason}, longer than SUMMARIZER_DEADLINE_H; what it did is collected")
        return ended, reason


def opened(remote: RemoteJob, now: float) -> dict[str, Any]:
    """Columns of a job that is known to exist."""
    return {
        "remote_id": remote.id,
        "remote_status": _status(remote),
        "expires_at": remote.expires_at,
        "checked_at": now,
        "absent_at": None,
        "reason": None,
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
