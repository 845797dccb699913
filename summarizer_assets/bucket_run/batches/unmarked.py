"""Reads what jobs are that tell no name and no metadata: their requests have ids, which show once a job ended."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import msgspec

from summarizer_assets.core.batches.states import RemoteJob
from summarizer_assets.core.batches.suspects import mark_of_request
from summarizer_assets.llm.batches.errors import CallMissing, CallThrottled, CallUnknown
from summarizer_assets.llm.batches.provider import BatchProvider


class Told(NamedTuple):
    """`jobs`: with what their requests tell as their metadata. `doubtful`: nobody can tell yet whose they are."""

    jobs: list[RemoteJob]
    doubtful: list[RemoteJob]


async def told_by_requests(api: BatchProvider, jobs: Iterable[RemoteJob]) -> Told:
    """Look into the results of each job that ended, as far as its first readable line.

    Raises:
        AccountRefused, CallRefused: the provider does not tell this account.
    """
    told = Told([], [])
    for job in jobs:
        ended = job.status is not None and job.status.final
        found = await _first_id(api, job) if ended else None
        if found is None:
            told.doubtful.append(job)
        else:
            told.jobs.append(replace(job, metadata=mark_of_request(found)))
    return told


async def _first_id(api: BatchProvider, job: RemoteJob) -> object | None:
    reader = _FirstId(api)
    for place in job.places:
        try:
            await api.download(place, reader.take)
            reader.take(b"\n")
        except _FoundError as found:
            return found.custom_id
        except (CallMissing, CallThrottled, CallUnknown):  # another look tells
            return None
    return None


class _FoundError(Exception):
    """Ends a download whose rest is not wanted."""

    def __init__(self, custom_id: object) -> None:
        self.custom_id = custom_id


class _FirstId:
    def __init__(self, api: BatchProvider) -> None:
        self._form = api.lines
        self._line = bytearray()

    def take(self, piece: bytes) -> None:
        """Raises `_FoundError` at the first line that can be read."""
        *whole, rest = piece.split(b"\n")
        for end in whole:
            line = bytes(self._line + end)
            self._line.clear()
            try:
                found = self._form.result(line).custom_id
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # cut, or empty: the next one may tell
                continue
            if isinstance(found, str):
                raise _FoundError(found)
        self._line += rest
