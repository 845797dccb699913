"""Deletes the files of settled jobs at the provider: they hold authors' records, and an account may keep only so many.

What cannot be deleted is told and tried again later, and no run fails of it. The provider deletes it after 30 days.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from summarizer_assets.llm.batches.errors import BatchCallFailed, CallMissing
from summarizer_assets.llm.batches.provider import BatchProvider
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs, JobRow

_AT_ONCE: Final = 100  # jobs
_AGAIN_S: Final = 21_600.0


async def delete_files(
    api: BatchProvider, jobs: BatchJobs, account: str, log: Callable[[str], None], *, within_s: float
) -> None:
    """Delete what is due, in at most so many seconds. `account`: of the connection; other accounts' files stay."""
    try:
        async with asyncio.timeout(within_s):
            for row in jobs.to_delete(account, _AT_ONCE):
                if not await _deleted(api, jobs, row, log):
                    return  # the next ones would fare no better
    except TimeoutError:
        log("not all files of collected batch jobs could be deleted in time; the rest is later")


async def _deleted(api: BatchProvider, jobs: BatchJobs, row: JobRow, log: Callable[[str], None]) -> bool:
    try:
        for place in row.places:
            # One that is missing expired, or was deleted by a run that was killed before it could say so.
            with contextlib.suppress(CallMissing):
                await api.delete(place)
    except BatchCallFailed as error:
        now = jobs.now()
        kept = now - row.planned_at < api.limits.kept_s
        jobs.deleted(row, again_at=now + _AGAIN_S if kept else None)
        later = "tried again in some hours" if kept else "left to expire"
        log(f"the files of batch job {row.key} could not be deleted at the provider, which is {later}: {error}")
        return False
    jobs.deleted(row, again_at=None)
    return True
