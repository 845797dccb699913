"""Gemini's batch jobs: operations with a display name, made of a file, whose results are one file of both kinds."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from summarizer_assets.core.batches.lines import LineForm, ToldResult, metadata_of
from summarizer_assets.core.batches.states import RemoteJob, RemoteStatus, newest_first
from summarizer_assets.llm.batches.errors import (
    AccountRefused,
    BatchCallFailed,
    CallMissing,
    CallRefused,
    CallUnknown,
    FileGone,
)
from summarizer_assets.llm.batches.http import BatchHttp, id_of, moment_of, object_of, text_of
from summarizer_assets.llm.batches.provider import BatchKind, BatchLimits, NewJob, RemoteFile
from summarizer_assets.llm.errors import StopCause
from summarizer_assets.llm.http.model_path import quoted_model

_LONGEST_NAME: Final = 40  # of a file, in all calls but the one that reads it
_PAGE: Final = "100"  # jobs or files
_WINDOW_S: Final = 172_800.0
#: ai.google.dev/gemini-api/docs/batch-api and /files: a file of 2 GB, which is kept for two days, and 100 jobs at once.
#: A job is written in memory: so it is far below that.
_LIMITS: Final = BatchLimits(requests=50_000, bytes=190_000_000, jobs=100, window_s=_WINDOW_S, kept_s=2 * _WINDOW_S)
_STATUS: Final = {
    "QUEUED": RemoteStatus.IN_PROGRESS,  # it may wait for a day: nothing is checked meanwhile
    "PENDING": RemoteStatus.IN_PROGRESS,
    "RUNNING": RemoteStatus.IN_PROGRESS,
    "UPDATING": RemoteStatus.IN_PROGRESS,
    "PAUSED": RemoteStatus.IN_PROGRESS,
    "CANCELLING": RemoteStatus.CANCELLING,
    "SUCCEEDED": RemoteStatus.COMPLETED,
    "PARTIALLY_SUCCEEDED": RemoteStatus.COMPLETED,
    "FAILED": RemoteStatus.FAILED,
    "CANCELLED": RemoteStatus.CANCELLED,
    "EXPIRED": RemoteStatus.EXPIRED,
}
#: What a request that is waited for gets under such an error, by the number of `google.rpc.Code`.
_STATUS_OF_CODE: Final = {
    1: 499, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400, 12: 501, 14: 503, 16: 401,
}  # fmt: skip
_SERVER_FAULT: Final = 500
_EXHAUSTED: Final = 8
_MARK: Final = re.compile(r"summarizer-([0-9a-f]+)-([0-9a-f]+)-([0-9a-f]+)")
_NO_FILE: Final = re.compile(r"\bfile\b.*\b(?:not exist|not found)", re.IGNORECASE | re.DOTALL)


class _Error(msgspec.Struct):
    code: Any = None


class _Line(msgspec.Struct):
    key: Any = None
    response: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")


_line, _error = msgspec.json.Decoder(_Line), msgspec.json.Decoder(_Error)


@dataclass(frozen=True, slots=True)
class GeminiLines:
    """See `LineForm`."""

    def request(self, custom_id: str, body: bytes) -> bytes:
        return msgspec.json.encode({"key": custom_id, "request": msgspec.Raw(body)}) + b"\n"

    def result(self, text: bytes) -> ToldResult:
        line = _line.decode(text)
        response, error = bytes(line.response), bytes(line.error)
        if error[:1] == b"{":
            code = _error.decode(error).code
            status = _STATUS_OF_CODE.get(code, _SERVER_FAULT) if isinstance(code, int) else _SERVER_FAULT
            return ToldResult(line.key, status, b'{"error":%b}' % error, str(code))
        if response[:1] == b"{":
            return ToldResult(line.key, 200, response)
        return ToldResult(line.key, None, b"null", "no response")


class GeminiBatches:
    """See `BatchProvider`."""

    limits = _LIMITS
    lines: LineForm = GeminiLines()

    def __init__(self, http: BatchHttp) -> None:
        self._http = http

    async def aclose(self) -> None:
        await self._http.aclose()

    async def upload(self, name: str, content: bytes) -> RemoteFile:
        """In two calls: one tells where the other is to go."""
        begun = await self._service("upload").call(
            "POST",
            "/files",
            content=msgspec.json.encode({"file": {"displayName": name}}),
            headers={
                "X-Goog-Upload-Protocol": "resumable",
                "X-Goog-Upload-Command": "start",
                "X-Goog-Upload-Header-Content-Length": str(len(content)),
                "X-Goog-Upload-Header-Content-Type": "application/jsonl",
            },
        )
        place = urlsplit(begun.headers.get("x-goog-upload-url", ""))
        if not place.path:
            raise CallUnknown("files: the reply does not tell where to upload")
        # Of that URL the host does not count: it is to see no key but the provider's.
        sent = await self._http.under(lambda _: "").call(
            "POST",
            place.path,
            dict(parse_qsl(place.query)),
            content=content,
            content_type="application/jsonl",
            headers={"X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "0"},
        )
        return _uploaded(sent.content)

    async def files(self, since: float) -> AsyncIterator[RemoteFile]:
        """In no order that is documented: all are looked through."""
        async for one in self._listed("/files", "files"):
            file = _file(one)
            if file.created_at >= since:
                yield file

    async def create(self, job: NewJob) -> RemoteJob:
        assert job.file_id is not None
        batch = {"displayName": _display_name(job.mark), "inputConfig": {"fileName": job.file_id}}
        path = f"/models/{quoted_model(job.model)}:batchGenerateContent"
        failure: BatchCallFailed
        try:
            return _job(await self._http.document("POST", path, content=msgspec.json.encode({"batch": batch})))
        except AccountRefused as error:
            if not _NO_FILE.search(str(error)):  # a file that is gone is told as one that this account may not see
                raise
            failure = FileGone(str(error), status=error.status, code=error.code)
        except CallMissing as error:
            if "models/" not in str(error):
                raise
            failure = refused = AccountRefused(f"{StopCause.MODEL.remedy}. {error}", status=error.status)
            refused.cause = StopCause.MODEL
        except CallRefused as error:
            if error.code == "FAILED_PRECONDITION":  # it is not `ACTIVE` yet
                error.fields = frozenset({"input_file_id"})
            raise
        raise failure

    async def job(self, job_id: str) -> RemoteJob:
        return _job(await self._http.document("GET", _path_of(job_id)))

    async def jobs(self, since: float) -> AsyncIterator[RemoteJob]:
        """Its list has no order that is documented: all of it is read, and put in order, before the first is given."""
        found = [_job(one) async for one in self._listed("/batches", "operations")]
        for job in newest_first(found):
            if job.created_at >= since:
                yield job

    async def cancel(self, job_id: str) -> RemoteJob:
        await self._http.call("POST", f"{_path_of(job_id)}:cancel", content=b"{}")
        return await self.job(job_id)

    async def download(self, place: str, sink: Callable[[bytes], object]) -> None:
        await self._service("download").stream(f"/{place}:download", sink, {"alt": "media"})

    async def delete(self, place: str) -> None:
        """Only uploaded files: the name of a file with results is too long for this call, and it goes by itself."""
        if len(place.removeprefix("files/")) <= _LONGEST_NAME:
            await self._http.call("DELETE", f"/{place}")

    def _service(self, name: str) -> BatchHttp:
        """That of Google's services which stands before the version in the path."""

        def place(path: str) -> str:
            before, _, version = path.rstrip("/").rpartition("/")
            return f"{before}/{name}/{version}"

        return self._http.under(place)

    async def _listed(self, path: str, name: str) -> AsyncIterator[Mapping[str, Any]]:
        token: dict[str, str] = {}
        while True:
            page = await self._http.document("GET", path, {"pageSize": _PAGE, **token})
            found = page.get(name, [])  # an empty list is left out
            if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
                raise CallUnknown(f"the list has no {name}")
            for one in found:
                yield one
            following = text_of(page.get("nextPageToken"))
            if following is None:
                return
            token = {"pageToken": following}


def _display_name(mark: Mapping[str, str]) -> str:
    return f"summarizer-{mark['summarizer_key']}-{mark['summarizer_digest']}-{mark['summarizer_root']}"


def _mark_of(display_name: object) -> Mapping[str, str]:
    found = _MARK.fullmatch(str(display_name))
    return {} if found is None else metadata_of(*found.groups())


def _path_of(job_id: str) -> str:
    return f"/batches/{job_id.removeprefix('batches/')}"


def _uploaded(content: bytes) -> RemoteFile:
    told = object_of(content).get("file")
    if not isinstance(told, dict):
        raise CallUnknown("files: the reply has no file")
    return _file(told)


def _file(document: Mapping[str, Any]) -> RemoteFile:
    return RemoteFile(
        id_of(document, "name"), str(document.get("displayName")), moment_of(document.get("createTime")) or 0.0
    )


def _job(document: Mapping[str, Any]) -> RemoteJob:
    """From an operation. One that expired has no results, and nobody knows what of it was billed."""
    told = document.get("metadata")
    metadata: Mapping[str, Any] = told if isinstance(told, dict) else {}
    status = _status(document, metadata)
    output = _results_file(document.get("response")) or _results_file(metadata.get("output"))
    completed, requests = (_count(metadata, name) for name in ("successfulRequestCount", "requestCount"))
    if status is RemoteStatus.FAILED and (output or completed):
        status = RemoteStatus.EXPIRED  # it failed in its midst
    without = status is RemoteStatus.EXPIRED and output is None
    created_at = moment_of(metadata.get("createTime")) or 0.0
    source = metadata.get("inputConfig")
    return RemoteJob(
        id_of(document, "name"),
        status,
        created_at,
        input_file_id=text_of(source.get("fileName")) if isinstance(source, dict) else None,
        output_file_id=output,
        completed=None if without else completed,
        errors=_errors(document.get("error")) if status is RemoteStatus.FAILED else (),
        metadata=_mark_of(metadata.get("displayName")),
        expires_at=created_at + _WINDOW_S if created_at else None,
        requests=requests,
        without_results=without,
    )


def _status(document: Mapping[str, Any], metadata: Mapping[str, Any]) -> RemoteStatus | None:
    """Its states begin with `BATCH_STATE_` or, in its documentation, with `JOB_STATE_`."""
    state = re.sub(r"^(?:BATCH|JOB)_STATE_", "", str(metadata.get("state")))
    found = _STATUS.get(state)
    if found is None and document.get("done") is True and isinstance(document.get("error"), dict):
        return RemoteStatus.FAILED
    return found


def _errors(error: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(error, dict):
        return ()
    code = error.get("code")
    return (("token_limit_exceeded" if code == _EXHAUSTED else str(code), str(error.get("message"))),)


def _results_file(output: object) -> str | None:
    return text_of(output.get("responsesFile")) if isinstance(output, dict) else None


def _count(metadata: Mapping[str, Any], name: str) -> int | None:
    """Its numbers are texts; one that is 0 is left out of those that are told."""
    stats = metadata.get("batchStats")
    if not isinstance(stats, dict) or not stats:
        return None
    text = str(stats.get(name, 0))
    return int(text) if text.isdecimal() else None


GEMINI: Final = BatchKind(_LIMITS, GeminiBatches.lines, GeminiBatches)
