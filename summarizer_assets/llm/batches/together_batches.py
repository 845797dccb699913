"""Together's batch jobs: OpenAI's form with states in capitals, moments as text, lists at once, and no metadata.

A job is told by the name of its file.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import msgspec

from summarizer_assets.core.batches.lines import mark_of_file
from summarizer_assets.core.batches.states import RemoteJob, RemoteStatus, newest_first
from summarizer_assets.llm.batches.errors import CallUnknown
from summarizer_assets.llm.batches.http import BatchHttp, id_of, moment_of, text_of, value_of
from summarizer_assets.llm.batches.openai_batches import (
    ENDPOINT,
    OpenAiBatches,
    OpenAiFacts,
    OpenAiLines,
    file_form,
    file_of,
    require_ready,
)
from summarizer_assets.llm.batches.provider import BatchKind, BatchLimits, NewJob, RemoteFile

#: docs.together.ai/docs/inference/batch/overview; of the file's 100 MB, some room.
_FACTS: Final = OpenAiFacts(BatchLimits(requests=50_000, bytes=95_000_000), pages=False)
#: Of the check of a file; a file that is not checked has no such status.
_WAITS: Final = frozenset({"pending", "queued", "running"})
_WRONG: Final = frozenset({"failed", "invalid_format"})


class TogetherBatches(OpenAiBatches):
    """See `BatchProvider`."""

    def __init__(self, http: BatchHttp) -> None:
        super().__init__(http, _FACTS)

    async def upload(self, name: str, content: bytes) -> RemoteFile:
        fields = {"purpose": "batch-api", "file_name": name, "file_type": "jsonl"}
        body, kind = file_form(fields, name, content)
        return file_of(await self._http.document("POST", "/files/upload", content=body, content_type=kind))

    async def create(self, job: NewJob) -> RemoteJob:
        file = await self._http.document("GET", f"/files/{job.file_id}")
        require_ready(job.file_id, file.get("processing_status"), wrong=_WRONG, waits=_WAITS)
        wanted = {"input_file_id": job.file_id, "endpoint": ENDPOINT, "completion_window": "24h"}
        made = await self._http.document("POST", "/batches", content=msgspec.json.encode(wanted))
        return _job(made.get("job"), {})

    async def job(self, job_id: str) -> RemoteJob:
        return _job(await self._http.document("GET", f"/batches/{job_id}"), {})

    async def jobs(self, since: float) -> AsyncIterator[RemoteJob]:
        names = {file.id: file.name async for file in self.files(0.0)}
        listed = value_of((await self._http.call("GET", "/batches")).content)
        if not isinstance(listed, list):
            raise CallUnknown("batches: the reply is no list")
        for job in newest_first(_job(one, names) for one in listed):
            if job.created_at >= since:
                yield job

    async def cancel(self, job_id: str) -> RemoteJob:
        return _job(await self._http.document("POST", f"/batches/{job_id}/cancel", content=b""), {})


def _job(document: object, names: Mapping[str, str]) -> RemoteJob:
    """`names`: of the account's files, by id."""
    if not isinstance(document, dict):
        raise CallUnknown("batches: the reply is no job")
    told: dict[str, Any] = document
    status, file_id, error = str(told.get("status")).lower(), text_of(told.get("input_file_id")), told.get("error")
    name = names.get(file_id or "")
    return RemoteJob(
        id_of(told),
        RemoteStatus(status) if status in list(RemoteStatus) else None,
        moment_of(told.get("created_at")) or 0.0,
        file_id,
        text_of(told.get("output_file_id")),
        text_of(told.get("error_file_id")),
        errors=(("error", str(error)),) if error else (),
        metadata=None if name is None else mark_of_file(name),
        expires_at=moment_of(told.get("job_deadline")),
    )


TOGETHER: Final = BatchKind(_FACTS.limits, OpenAiLines(), TogetherBatches)
