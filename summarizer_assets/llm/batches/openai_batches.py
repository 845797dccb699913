"""Files and batch jobs in OpenAI's form: one call a method, none repeated."""

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from summarizer_assets.core.batches.states import RemoteJob, RemoteStatus
from summarizer_assets.llm.batches.errors import (
    AccountRefused,
    BatchCallFailed,
    CallMissing,
    CallRefused,
    CallThrottled,
    CallUnknown,
)
from summarizer_assets.llm.errors import StopCause
from summarizer_assets.llm.http.classify import Outcome, Verdict, classify, classify_exception
from summarizer_assets.llm.http.transport import SINK
from summarizer_assets.llm.protocols.chat_protocol import ChatProtocol

_OK: Final = 200
_MISSING: Final = (404, 410)
_SERVER_FAULT: Final = 500
_PAGE: Final = 100  # jobs or files
#: Seconds after which the provider deletes an input file: an account may have few that it keeps for ever.
_KEPT_S: Final = 2_592_000


@dataclass(frozen=True, slots=True)
class RemoteFile:
    id: str
    name: str
    created_at: float


class BatchApi:
    """Calls to one provider. Lives in one event loop.

    Args:
        transport: from `build_transport`; closed with it.
        base_url: as of the requests; its query is kept.
        protocol: of the requests: its path is the jobs' endpoint.
        api_key: of the provider.
        redact: what foreign text goes through.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        base_url: str,
        protocol: ChatProtocol,
        api_key: str | None,
        redact: Callable[[str], str],
    ) -> None:
        self._transport = transport
        self._base = httpx.URL(base_url)
        self._headers = {
            "Host": self._base.netloc.decode("ascii"),
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": "summarizer-assets",
            **protocol.headers(self._base.path, self._base.params, api_key),
        }
        self._redact = redact
        self.endpoint = f"/v1{protocol.path}"

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def upload(self, name: str, content: bytes) -> RemoteFile:
        boundary = uuid.uuid4().hex
        fields = {
            "purpose": "batch",
            "expires_after[anchor]": "created_at",
            "expires_after[seconds]": str(_KEPT_S),
        }
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in fields.items()
        ]
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/jsonl\r\n\r\n".encode()
        )
        body = b"".join((*parts, content, f"\r\n--{boundary}--\r\n".encode()))
        kind = f"multipart/form-data; boundary={boundary}"
        return _file(await self._document("POST", "/files", content=body, content_type=kind))

    async def files(self, since: float) -> AsyncIterator[RemoteFile]:
        """The account's input files, newest first, that were made since then."""
        async for one in self._listed("/files", {"purpose": "batch", "order": "desc"}):
            file = _file(one)
            if file.created_at < since:
                return
            yield file

    async def create(self, file_id: str, metadata: Mapping[str, str]) -> RemoteJob:
        """Make a job. Whoever gets `CallUnknown` looks for it, and does not call this again before."""
        wanted = {
            "input_file_id": file_id,
            "endpoint": self.endpoint,
            "completion_window": "24h",
            "metadata": dict(metadata),
        }
        return _job(await self._document("POST", "/batches", content=msgspec.json.encode(wanted)))

    async def job(self, job_id: str) -> RemoteJob:
        return _job(await self._document("GET", f"/batches/{job_id}"))

    async def jobs(self, since: float) -> list[RemoteJob]:
        """All of the account's jobs that were made since then, newest first."""
        found: list[RemoteJob] = []
        async for one in self._listed("/batches", {}):
            job = _job(one)
            if job.created_at < since:
                break
            found.append(job)
        return found

    async def cancel(self, job_id: str) -> RemoteJob:
        return _job(await self._document("POST", f"/batches/{job_id}/cancel", content=b""))

    async def download(self, file_id: str, sink: Callable[[bytes], object]) -> None:
        """Give the file's content to `sink`, piece by piece; whatever it got is to be dropped when this raises."""
        await self._call("GET", f"/files/{file_id}/content", extensions={SINK: sink})

    async def _listed(self, path: str, parameters: Mapping[str, str]) -> AsyncIterator[Mapping[str, Any]]:
        after: dict[str, str] = {}
        while True:
            page = await self._document("GET", path, {**parameters, "limit": str(_PAGE), **after})
            data = page.get("data")
            if not isinstance(data, list):
                raise CallUnknown("the list has no data")
            for one in data:
                yield one
            if not data or not page.get("has_more"):
                return
            after = {"after": str(data[-1].get("id"))}

    async def _document(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        *,
        content: bytes | None = None,
        content_type: str = "application/json",
    ) -> Mapping[str, Any]:
        body = await self._call(method, path, parameters, content=content, content_type=content_type)
        try:
            found = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            found = None
        if not isinstance(found, dict):
            raise CallUnknown(f"{method} {path}: the reply is no JSON object")
        return found

    async def _call(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        *,
        content: bytes | None = None,
        content_type: str = "application/json",
        extensions: dict[str, Any] | None = None,
    ) -> bytes:
        url = self._base.copy_with(path=self._base.path.rstrip("/") + path).copy_merge_params(parameters or {})
        headers = self._headers | ({} if content is None else {"Content-Type": content_type})
        stream = httpx.ByteStream(content or b"")
        request = httpx.Request(method, url, headers=headers, stream=stream, extensions=extensions or {})
        if content is not None:
            request.headers["Content-Length"] = str(len(content))
        failure: BatchCallFailed
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.RequestError as error:
            failure = self._failure(path, classify_exception(error))
        else:
            if response.status_code == _OK:
                return response.content
            request_id = response.headers.get("x-request-id")
            verdict = classify(response.status_code, response.headers, response.content)
            failure = self._failure(path, verdict, request_id)
        # Raised outside the handler: the transport's error carries the request with its key.
        raise failure

    def _failure(self, path: str, verdict: Verdict, request_id: str | None = None) -> BatchCallFailed:
        """By what is known of the effect first: the wire, then the status, then the cause that the body tells."""
        status = verdict.status
        message = f"{path.split('/')[1]}: {self._redact(verdict.message)}"
        facts: dict[str, Any] = {
            "status": status,
            "code": None if verdict.code is None else self._redact(verdict.code),
            "request_id": None if request_id is None else self._redact(request_id),
        }
        if status in _MISSING:
            return CallMissing(message, **facts)
        if verdict.outcome is Outcome.THROTTLED:
            return CallThrottled(message, **facts)
        if verdict.outcome in (Outcome.FATAL, Outcome.DENIED):
            return _of_account(verdict, message, facts)
        if status is None or status >= _SERVER_FAULT or verdict.outcome is Outcome.TRANSIENT:
            return CallUnknown(message, **facts)
        refused = CallRefused(message, **facts)
        refused.fields = verdict.fields | verdict.blamed
        return refused


def _of_account(verdict: Verdict, message: str, facts: Mapping[str, Any]) -> AccountRefused:
    cause = verdict.cause or StopCause.AUTH
    error = AccountRefused(f"{cause.remedy}. {message}", **facts)
    error.cause = cause
    return error


def _file(document: Mapping[str, Any]) -> RemoteFile:
    return RemoteFile(_id(document), str(document.get("filename")), _moment(document.get("created_at")) or 0.0)


def _job(document: Mapping[str, Any]) -> RemoteJob:
    counts, errors = document.get("request_counts"), document.get("errors")
    completed = counts.get("completed") if isinstance(counts, dict) else None
    told = errors.get("data") if isinstance(errors, dict) else None
    metadata = document.get("metadata")
    status = document.get("status")
    return RemoteJob(
        _id(document),
        RemoteStatus(status) if status in list(RemoteStatus) else None,
        _moment(document.get("created_at")) or 0.0,
        _text(document.get("input_file_id")),
        _text(document.get("output_file_id")),
        _text(document.get("error_file_id")),
        completed if isinstance(completed, int) else None,
        tuple((str(one.get("code")), str(one.get("message"))) for one in told or () if isinstance(one, dict)),
        metadata if isinstance(metadata, dict) else None,
        _moment(document.get("expires_at")),
    )


def _id(document: Mapping[str, Any]) -> str:
    found = document.get("id")
    if not isinstance(found, str) or not found.isascii() or not found.isprintable() or not 0 < len(found) <= 200:  # noqa: PLR2004 - no id is longer
        raise CallUnknown("the reply has no id")
    return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _moment(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
