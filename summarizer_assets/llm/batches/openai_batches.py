"""Files and batch jobs in OpenAI's form."""

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from summarizer_assets.core.batches.lines import LineForm, ToldResult
from summarizer_assets.core.batches.states import RemoteJob, RemoteStatus, newest_first
from summarizer_assets.llm.batches.errors import CallRefused, CallUnknown
from summarizer_assets.llm.batches.http import BatchHttp, count_of, id_of, seconds_of, text_of
from summarizer_assets.llm.batches.provider import BatchKind, BatchLimits, NewJob, RemoteFile
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT

_PAGE: Final = 100  # jobs or files
#: Seconds after which the provider deletes an input file: an account may have few that it keeps for ever.
_KEPT_S: Final = 2_592_000
ENDPOINT: Final = f"/v1{OPENAI_CHAT.path}"
EXPIRING: Final[Mapping[str, str]] = {
    "purpose": "batch",
    "expires_after[anchor]": "created_at",
    "expires_after[seconds]": str(_KEPT_S),
}


@dataclass(frozen=True, slots=True)
class OpenAiFacts:
    """In what the providers of this form differ.

    `endpoint`: of the requests, as a line and a job name it. `upload`: the fields of a file's form. `pages`: lists come
    in pages, newest first; else at once.
    """

    limits: BatchLimits
    endpoint: str = ENDPOINT
    upload: Mapping[str, str] = field(default_factory=lambda: EXPIRING)
    pages: bool = True


#: platform.openai.com/docs/guides/batch; of the file's 200 MB, some room for what counts bytes differently.
_OPENAI: Final = OpenAiFacts(BatchLimits(requests=50_000, bytes=190_000_000))


class _Response(msgspec.Struct):
    status_code: Any = None
    request_id: Any = None
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Line(msgspec.Struct):
    custom_id: Any = None
    response: _Response | None = None
    error: Any = None


_line = msgspec.json.Decoder(_Line)


@dataclass(frozen=True, slots=True)
class OpenAiLines:
    """See `LineForm`. `url`: of the requests."""

    url: str = ENDPOINT

    def request(self, custom_id: str, body: bytes) -> bytes:
        line = {"custom_id": custom_id, "method": "POST", "url": self.url, "body": msgspec.Raw(body)}
        return msgspec.json.encode(line) + b"\n"

    def result(self, text: bytes) -> ToldResult:
        line, code = _line.decode(text), None
        if line.error is not None:
            code = str(line.error.get("code") if isinstance(line.error, dict) else line.error)
        if line.response is None or not isinstance(line.response.status_code, int):
            return ToldResult(line.custom_id, None, b"null", code or "no response", None)
        told = text_of(line.response.request_id)
        return ToldResult(line.custom_id, line.response.status_code, bytes(line.response.body), code, told)


class OpenAiBatches:
    """See `BatchProvider`."""

    def __init__(self, http: BatchHttp, facts: OpenAiFacts = _OPENAI) -> None:
        self._http = http
        self._facts = facts
        self.limits = facts.limits
        self.lines: LineForm = OpenAiLines(facts.endpoint)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def upload(self, name: str, content: bytes) -> RemoteFile:
        body, kind = file_form(self._facts.upload, name, content)
        return file_of(await self._http.document("POST", "/files", content=body, content_type=kind))

    async def files(self, since: float) -> AsyncIterator[RemoteFile]:
        parameters = {"purpose": "batch", "order": "desc"} if self._facts.pages else {}
        async for one in self._listed("/files", parameters):
            file = file_of(one)
            if file.created_at >= since:
                yield file
            elif self._facts.pages:
                return

    async def create(self, job: NewJob) -> RemoteJob:
        wanted = {
            "input_file_id": job.file_id,
            "endpoint": self._facts.endpoint,
            "completion_window": "24h",
            "metadata": dict(job.mark),
        }
        return _job(await self._http.document("POST", "/batches", content=msgspec.json.encode(wanted)))

    async def job(self, job_id: str) -> RemoteJob:
        return _job(await self._http.document("GET", f"/batches/{job_id}"))

    async def jobs(self, since: float) -> AsyncIterator[RemoteJob]:
        if not self._facts.pages:
            listed = [_job(one) async for one in self._listed("/batches", {})]
            for job in newest_first(listed):
                if job.created_at >= since:
                    yield job
            return
        async for one in self._listed("/batches", {}):
            job = _job(one)
            if job.created_at < since:
                return
            yield job

    async def cancel(self, job_id: str) -> RemoteJob:
        return _job(await self._http.document("POST", f"/batches/{job_id}/cancel", content=b""))

    async def download(self, place: str, sink: Callable[[bytes], object]) -> None:
        await self._http.stream(f"/files/{place}/content", sink)

    async def delete(self, place: str) -> None:
        await self._http.call("DELETE", f"/files/{place}")

    async def _listed(self, path: str, parameters: Mapping[str, str]) -> AsyncIterator[Mapping[str, Any]]:
        more = {"limit": str(_PAGE)} if self._facts.pages else {}
        while True:
            page = await self._http.document("GET", path, {**parameters, **more})
            data = page.get("data")
            if not isinstance(data, list):
                raise CallUnknown("the list has no data")
            for one in data:
                yield one
            if not data or not page.get("has_more"):
                return
            more = {"limit": str(_PAGE), "after": str(data[-1].get("id"))}


def file_form(fields: Mapping[str, str], name: str, content: bytes) -> tuple[bytes, str]:
    """A form with one file, and its content type."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/jsonl\r\n\r\n".encode()
    )
    body = b"".join((*parts, content, f"\r\n--{boundary}--\r\n".encode()))
    return body, f"multipart/form-data; boundary={boundary}"


def require_ready(file_id: str | None, status: object, *, wrong: frozenset[str], waits: frozenset[str]) -> None:
    """Check that a job can be made of a file, by its status, which providers write in several ways.

    Raises:
        CallRefused: not yet, which names `input_file_id`, or never.
    """
    told = str(status).lower()
    if told in waits or told in wrong:
        refused = CallRefused(f"batches: the file {file_id} is {told}")
        refused.fields = frozenset({"input_file_id"}) if told in waits else frozenset()
        raise refused


def file_of(document: Mapping[str, Any]) -> RemoteFile:
    return RemoteFile(id_of(document), str(document.get("filename")), seconds_of(document.get("created_at")) or 0.0)


def _job(document: Mapping[str, Any]) -> RemoteJob:
    counts, errors = document.get("request_counts"), document.get("errors")
    told = errors.get("data") if isinstance(errors, dict) else None
    metadata, status = document.get("metadata"), document.get("status")
    return RemoteJob(
        id_of(document),
        RemoteStatus(status) if status in list(RemoteStatus) else None,
        seconds_of(document.get("created_at")) or 0.0,
        text_of(document.get("input_file_id")),
        text_of(document.get("output_file_id")),
        text_of(document.get("error_file_id")),
        count_of(counts.get("completed")) if isinstance(counts, dict) else None,
        tuple((str(one.get("code")), str(one.get("message"))) for one in told or () if isinstance(one, dict)),
        metadata if isinstance(metadata, dict) else None,
        seconds_of(document.get("expires_at")),
    )


def _kind(facts: OpenAiFacts) -> BatchKind:
    return BatchKind(facts.limits, OpenAiLines(facts.endpoint), lambda http: OpenAiBatches(http, facts))


OPENAI: Final = _kind(_OPENAI)
#: console.groq.com/docs/batch: lists without pages; its files have no expiry that can be set.
GROQ: Final = _kind(
    OpenAiFacts(BatchLimits(requests=50_000, bytes=95_000_000), upload={"purpose": "batch"}, pages=False)
)
