"""The interface of a provider's batch jobs: files, jobs and results, whatever their form.

Each provider is one small module beside this one: what it allows (`BatchLimits`), how it writes a request and a result
(`core.batches.lines.LineForm`), and its calls. `http.py` has what their calls share, `kinds.py` lists them.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from summarizer_assets.core.batches.lines import LineForm
from summarizer_assets.core.batches.states import RemoteJob
from summarizer_assets.llm.batches.http import BatchHttp


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What a provider allows and keeps. Times in seconds.

    `requests`, `bytes`: of one job. `jobs`: of an account under way at once; None: no such limit. `window_s`: a job
    ends by then. `kept_s`: so long after a job was made, its results can be read. `inline_bytes`: a job up to so many
    bytes carries its requests itself, without a file. `tells_mark`: a listed job tells what it was made with, or of
    which file, so that one that nobody heard of is found by that; without, it is found by the ids of its requests, once
    it ended.
    """

    requests: int
    bytes: int
    jobs: int | None = None
    window_s: float = 86_400.0
    kept_s: float = 2_592_000.0
    inline_bytes: int = 0
    tells_mark: bool = True


@dataclass(frozen=True, slots=True)
class RemoteFile:
    id: str
    name: str
    created_at: float


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job that is to be made.

    `mark`: what it is found by again, see `metadata_of`. `file_id`: of its uploaded file; None: it carries its
    requests, `content`, itself.
    """

    model: str
    mark: Mapping[str, str]
    file_id: str | None
    content: bytes = field(repr=False)


class BatchProvider(Protocol):
    """Calls to one provider, none repeated. Lives in one event loop. All raise `BatchCallFailed`."""

    @property
    def limits(self) -> BatchLimits: ...

    @property
    def lines(self) -> LineForm: ...

    async def aclose(self) -> None: ...

    async def upload(self, name: str, content: bytes) -> RemoteFile:
        """Not called for jobs that carry their requests themselves."""

    def files(self, since: float) -> AsyncIterator[RemoteFile]:
        """The account's input files, newest first, that were made since then. Not called where `upload` is not."""

    async def create(self, job: NewJob) -> RemoteJob:
        """Make a job. Whoever gets `CallUnknown` looks for it, and does not call this again before."""

    async def job(self, job_id: str) -> RemoteJob: ...

    def jobs(self, since: float) -> AsyncIterator[RemoteJob]:
        """All of the account's jobs that were made since then, newest first, page by page."""

    async def cancel(self, job_id: str) -> RemoteJob:
        """The job as it is then: it may still be at work."""

    async def download(self, place: str, sink: Callable[[bytes], object]) -> None:
        """Give the lines at a place that a job names, `RemoteJob.places`, to `sink`, piece by piece.

        Whatever it got is to be dropped when this raises.
        """

    async def delete(self, place: str) -> None:
        """Delete an uploaded file, or what is at a place that a job names; nothing where the provider cannot."""


@dataclass(frozen=True, slots=True)
class BatchKind:
    """One provider's batch jobs, before a connection to it."""

    limits: BatchLimits
    lines: LineForm
    connect: Callable[[BatchHttp], BatchProvider]
