"""Mistral's batch jobs: OpenAI's files, jobs of a form of their own."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from summarizer_assets.core.batches.lines import LineForm
from summarizer_assets.core.batches.states import RemoteJob, RemoteStatus
from summarizer_assets.llm.batches.errors import CallUnknown
from summarizer_assets.llm.batches.http import BatchHttp, count_of, id_of, seconds_of, text_of
from summarizer_assets.llm.batches.openai_batches import ENDPOINT, OpenAiLines, file_form, file_of
from summarizer_assets.llm.batches.provider import BatchKind, BatchLimits, NewJob, RemoteFile

_JOBS: Final = "/batch/jobs"
_PAGE: Final = 100
_HOURS: Final = 24
#: docs.mistral.ai/capabilities/batch. A million requests of a workspace may wait. One page says that results are kept
#: for ever, another for a day.
_LIMITS: Final = BatchLimits(requests=1_000_000, bytes=190_000_000)
_STATUS: Final = {
    "QUEUED": RemoteStatus.VALIDATING,
    "RUNNING": RemoteStatus.IN_PROGRESS,
    "SUCCESS": RemoteStatus.COMPLETED,
    "FAILED": RemoteStatus.FAILED,
    "TIMEOUT_EXCEEDED": RemoteStatus.EXPIRED,
    "CANCELLATION_REQUESTED": RemoteStatus.CANCELLING,
    "CANCELLED": RemoteStatus.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class MistralLines(OpenAiLines):
    """See `LineForm`."""

    def request(self, custom_id: str, body: bytes) -> bytes:
        return msgspec.json.encode({"custom_id": custom_id, "body": msgspec.Raw(body)}) + b"\n"


class MistralBatches:
    """See `BatchProvider`."""

    limits = _LIMITS
    lines: LineForm = MistralLines()

    def __init__(self, http: BatchHttp) -> None:
        self._http = http

    async def aclose(self) -> None:
        await self._http.aclose()

    async def upload(self, name: str, content: bytes) -> RemoteFile:
        body, kind = file_form({"purpose": "batch"}, name, content)
        return file_of(await self._http.document("POST", "/files", content=body, content_type=kind))

    async def files(self, since: float) -> AsyncIterator[RemoteFile]:
        async for one in self._listed("/files", {"purpose": "batch"}):
            file = file_of(one)
            if file.created_at >= since:
                yield file

    async def create(self, job: NewJob) -> RemoteJob:
        wanted = {
            "input_files": [job.file_id],
            "endpoint": ENDPOINT,
            "model": job.model,
            "timeout_hours": _HOURS,
            "metadata": dict(job.mark),
        }
        return _job(await self._http.document("POST", _JOBS, content=msgspec.json.encode(wanted)))

    async def job(self, job_id: str) -> RemoteJob:
        return _job(await self._http.document("GET", f"{_JOBS}/{job_id}"))

    async def jobs(self, since: float) -> AsyncIterator[RemoteJob]:
        after = datetime.fromtimestamp(since, UTC).isoformat()
        parameters = {"created_after": after, "order_by": "-created"}
        async for one in self._listed(_JOBS, parameters):
            yield _job(one)

    async def cancel(self, job_id: str) -> RemoteJob:
        return _job(await self._http.document("POST", f"{_JOBS}/{job_id}/cancel", content=b""))

    async def download(self, place: str, sink: Callable[[bytes], object]) -> None:
        await self._http.stream(f"/files/{place}/content", sink)

    async def delete(self, place: str) -> None:
        await self._http.call("DELETE", f"/files/{place}")

    async def _listed(self, path: str, parameters: Mapping[str, str]) -> AsyncIterator[Mapping[str, Any]]:
        page = 0
        while True:
            numbers = {"page": str(page), "page_size": str(_PAGE)}
            found = await self._http.document("GET", path, {**parameters, **numbers})
            data = found.get("data") or []
            if not isinstance(data, list):
                raise CallUnknown("the list has no data")
            for one in data:
                yield one
            if len(data) < _PAGE:
                return
            page += 1


def _job(document: Mapping[str, Any]) -> RemoteJob:
    files, errors, metadata = (document.get(name) for name in ("input_files", "errors", "metadata"))
    created_at = seconds_of(document.get("created_at")) or 0.0
    return RemoteJob(
        id_of(document),
        _STATUS.get(str(document.get("status"))),
        created_at,
        text_of(files[0]) if isinstance(files, list) and len(files) == 1 else None,
        text_of(document.get("output_file")),
        text_of(document.get("error_file")),
        count_of(document.get("succeeded_requests")),
        tuple(("error", str(one.get("message"))) for one in errors or () if isinstance(one, dict)),
        metadata if isinstance(metadata, dict) else None,
        created_at + _HOURS * 3_600,
    )


MISTRAL: Final = BatchKind(_LIMITS, MistralBatches.lines, MistralBatches)
