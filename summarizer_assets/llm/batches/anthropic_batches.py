"""Anthropic's message batches: a job carries its requests, has no metadata, and tells its counts at the end."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from summarizer_assets.core.batches.lines import LineForm, ToldResult
from summarizer_assets.core.batches.states import RemoteJob, RemoteStatus
from summarizer_assets.llm.batches.errors import CallRefused, CallUnknown
from summarizer_assets.llm.batches.http import BatchHttp, count_of, id_of, moment_of, text_of
from summarizer_assets.llm.batches.provider import BatchKind, BatchLimits, NewJob, RemoteFile

_JOBS: Final = "/messages/batches"
_PAGE: Final = 100
#: platform.claude.com/docs/en/build-with-claude/batch-processing; 256 MB, with some room.
_BYTES: Final = 250_000_000
_LIMITS: Final = BatchLimits(
    requests=100_000, bytes=_BYTES, kept_s=29 * 86_400.0, inline_bytes=_BYTES, tells_mark=False
)
_STATUS: Final = {
    "in_progress": RemoteStatus.IN_PROGRESS,
    "canceling": RemoteStatus.CANCELLING,
    "ended": RemoteStatus.COMPLETED,  # also when it was cancelled, or late: each of its requests tells how it ended
}
_COUNTS: Final = ("processing", "succeeded", "errored", "canceled", "expired")
#: What a request that is waited for gets under such an error.
_STATUS_OF_ERROR: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_SERVER_FAULT: Final = 500


class _Result(msgspec.Struct):
    type: Any = None
    message: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")


class _Line(msgspec.Struct):
    custom_id: Any = None
    result: _Result = msgspec.field(default_factory=_Result)


class _Named(msgspec.Struct):
    type: Any = None


class _Error(msgspec.Struct):
    error: _Named | None = None
    request_id: Any = None


_line, _error = msgspec.json.Decoder(_Line), msgspec.json.Decoder(_Error)


@dataclass(frozen=True, slots=True)
class AnthropicLines:
    """See `LineForm`. Only a request that succeeded is billed."""

    def request(self, custom_id: str, body: bytes) -> bytes:
        return msgspec.json.encode({"custom_id": custom_id, "params": msgspec.Raw(body)}) + b"\n"

    def result(self, text: bytes) -> ToldResult:
        line = _line.decode(text)
        match line.result.type:
            case "succeeded":
                return ToldResult(line.custom_id, 200, bytes(line.result.message))
            case "errored":
                error = _error.decode(line.result.error)
                kind = None if error.error is None else str(error.error.type)
                status = _STATUS_OF_ERROR.get(kind or "", _SERVER_FAULT)
                told = text_of(error.request_id)
                return ToldResult(line.custom_id, status, bytes(line.result.error), kind, told)
        return ToldResult(line.custom_id, None, b"null", str(line.result.type))


class AnthropicBatches:
    """See `BatchProvider`."""

    limits = _LIMITS
    lines: LineForm = AnthropicLines()

    def __init__(self, http: BatchHttp) -> None:
        self._http = http

    async def aclose(self) -> None:
        await self._http.aclose()

    async def upload(self, name: str, content: bytes) -> RemoteFile:
        raise CallRefused(f"{name} has {len(content):,} bytes; a job carries its requests, at most {_BYTES:,} bytes")

    async def files(self, since: float) -> AsyncIterator[RemoteFile]:  # noqa: ARG002 - there are none
        none: tuple[RemoteFile, ...] = ()
        for file in none:
            yield file

    async def create(self, job: NewJob) -> RemoteJob:
        requests = job.content.replace(b"\n", b",")  # no line holds a break but the one at its end
        body = b"".join((b'{"requests":[', memoryview(requests)[:-1], b"]}"))
        return _job(await self._http.document("POST", _JOBS, content=body))

    async def job(self, job_id: str) -> RemoteJob:
        return _job(await self._http.document("GET", f"{_JOBS}/{job_id}"))

    async def jobs(self, since: float) -> AsyncIterator[RemoteJob]:
        after: dict[str, str] = {}
        while True:
            page = await self._http.document("GET", _JOBS, {"limit": str(_PAGE), **after})
            data = page.get("data")
            if not isinstance(data, list):
                raise CallUnknown("the list has no data")
            for one in data:
                job = _job(one)
                if job.created_at < since:
                    return
                yield job
            if not data or not page.get("has_more"):
                return
            after = {"after_id": id_of(data[-1])}

    async def cancel(self, job_id: str) -> RemoteJob:
        return _job(await self._http.document("POST", f"{_JOBS}/{job_id}/cancel", content=b""))

    async def download(self, place: str, sink: Callable[[bytes], object]) -> None:
        """The place is the job itself: its `results_url` may name another host, which is to see no key of ours."""
        await self._http.stream(f"{_JOBS}/{place}/results", sink)

    async def delete(self, place: str) -> None:
        await self._http.call("DELETE", f"{_JOBS}/{place}")


def _job(document: Mapping[str, Any]) -> RemoteJob:
    job_id, status = id_of(document), _STATUS.get(str(document.get("processing_status")))
    told = document.get("request_counts")
    counts = {name: count_of(told.get(name)) for name in _COUNTS} if isinstance(told, dict) else {}
    known = [count for count in counts.values() if count is not None]
    ended = status is RemoteStatus.COMPLETED
    readable = ended and text_of(document.get("results_url")) is not None and document.get("archived_at") is None
    return RemoteJob(
        job_id,
        status,
        moment_of(document.get("created_at")) or 0.0,
        output_file_id=job_id if readable else None,
        completed=counts.get("succeeded") if ended else None,
        expires_at=moment_of(document.get("expires_at")),
        requests=sum(known) if len(known) == len(_COUNTS) else None,
    )


ANTHROPIC: Final = BatchKind(_LIMITS, AnthropicBatches.lines, AnthropicBatches)
