"""Gemini's batch service: files that are uploaded in two calls, and jobs that are operations with a display name."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import msgspec

from summarizer_assets.llm.embedded.app import RequestRefusedError
from summarizer_assets.rehearsal.batches.dialect import HttpCall, json_answer, lines_answer, object_of
from summarizer_assets.rehearsal.batches.files import refused
from summarizer_assets.rehearsal.batches.input_file import Input, Line, problem
from summarizer_assets.rehearsal.batches.job_form import JobForm
from summarizer_assets.rehearsal.batches.line_answer import LineAnswer
from summarizer_assets.rehearsal.batches.service import BatchService, Wanted
from summarizer_assets.rehearsal.batches.terms import BatchTerms, Call
from summarizer_assets.rehearsal.generate_content import GenerateContent, camel
from summarizer_assets.rehearsal.status_faults import Answer

_UPLOAD: Final = "/upload/"
_CREATE: Final = ":batchGenerateContent"
_CALLS: Final[tuple[tuple[str, re.Pattern[str], Call], ...]] = (
    ("POST", re.compile(r"/models/([^/:]+):batchGenerateContent$"), "create"),
    ("GET", re.compile(r"/files()$"), "files"),
    ("GET", re.compile(r"/files/([^/:]+):download$"), "content"),
    ("GET", re.compile(r"/files/([^/:]+)$"), "file"),
    ("DELETE", re.compile(r"/(files/[^/:]+)$"), "delete"),
    ("GET", re.compile(r"/batches()$"), "jobs"),
    ("GET", re.compile(r"/batches/([^/:]+)$"), "job"),
    ("POST", re.compile(r"/batches/([^/:]+):cancel$"), "cancel"),
    ("DELETE", re.compile(r"/(batches/[^/:]+)$"), "delete"),
)
_FILE: Final = {"purpose": "batch", "expires_after[anchor]": "created_at", "expires_after[seconds]": "172800"}
_MOST: Final = 100  # files or jobs of a page
_STATES: Final = {
    "validating": "PENDING",
    "in_progress": "RUNNING",
    "finalizing": "RUNNING",
    "cancelling": "RUNNING",  # it has no state of that name
    "completed": "SUCCEEDED",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
    "expired": "EXPIRED",
}
#: `google.rpc.Code` of a line's error.
_CODES: Final = {400: 3, 401: 16, 403: 7, 404: 5, 408: 4, 409: 10, 422: 3, 429: 8, 503: 14, 504: 4, 529: 14}
_INTERNAL, _CANCELLED, _INVALID, _EXHAUSTED = 13, 1, 3, 8
_TYPE: Final = "type.googleapis.com/google.ai.generativelanguage.v1main."


def is_of_gemini(path: str, *, to_google: bool) -> bool:
    """Whether a call is one that only its clients make, or shows a key as they do."""
    return to_google or path.startswith(_UPLOAD) or path.endswith(_CREATE)


def _read(content: bytes, endpoint: str, terms: BatchTerms, *, model: str) -> Input:  # noqa: ARG001 - see `JobForm`
    """What a request asks is looked at only when it is worked on."""
    rows = [row for row in content.split(b"\n") if row.strip()]
    if not rows or len(rows) > terms.most_requests:
        return Input(model, (), (problem("invalid_size", f"The file has {len(rows)} requests."),))
    lines: list[Line] = []
    for number, row in enumerate(rows):
        try:
            fields = object_of(row)
        except RequestRefusedError:
            fields = {}
        if not isinstance(fields.get("key"), str) or not isinstance(fields.get("request"), dict):
            told = f"Line {number + 1} has no key and request."
            return Input(model, (), (problem("invalid_line", told, number + 1),))
        lines.append(Line(number, fields["key"], msgspec.json.encode(fields["request"])))
    if len({line.custom_id for line in lines}) < len(lines):
        return Input(model, (), (problem("duplicate_key", "Two lines have the same key."),))
    return Input(model, tuple(lines))


def _done(line: Line, answer: LineAnswer) -> dict[str, Any]:
    if answer.well:
        return {"key": line.custom_id, "response": answer.body}
    told = answer.body.get("error") if isinstance(answer.body, dict) else None
    error = told if isinstance(told, dict) else {"message": "An internal error has occurred."}
    shown = {name: error[name] for name in ("message", "details") if name in error}
    return {"key": line.custom_id, "error": {"code": _CODES.get(answer.status, _INTERNAL), **shown}}


def _form(model: str) -> JobForm:
    return JobForm(
        GenerateContent(model), partial(_read, model=model), _done, lambda _line, _status: None, one_file=True
    )


class GeminiCalls:
    """See `Dialect`. It remembers uploads that were begun: of whose account, the file's name, and its bytes."""

    def __init__(self) -> None:
        self._begun: dict[str, tuple[str, str, bytearray]] = {}

    def call(self, http: HttpCall) -> tuple[Call, str] | None:
        if http.path.startswith(_UPLOAD):
            return ("upload" if "finalize" in http.upload else "begin"), http.parameters.get("upload_id", "")
        for method, place, kind in _CALLS:
            if method == http.method and (found := place.search(http.path)) is not None:
                return kind, found[1]
        return None

    def answer(self, kind: Call, name: str, http: HttpCall, service: BatchService) -> Answer:
        if kind in ("begin", "upload"):
            return self._uploaded(name, http, service)
        if kind == "content":
            return lines_answer(service.file(http.account, name).content)
        return json_answer(_document(kind, name, http, service))

    def told(self, answer: Answer) -> Answer:
        return GenerateContent("").told(answer)

    def _uploaded(self, upload_id: str, http: HttpCall, service: BatchService) -> Answer:
        """The call that begins an upload, or one that carries a part of the file, or the last one."""
        if not upload_id:
            upload_id = uuid4().hex
            wanted = _camel(object_of(http.body or b"{}").get("file"))
            self._begun[upload_id] = (http.account, str(wanted.get("displayName", "")), bytearray())
            place = f"http://{http.host}{http.path}?upload_id={upload_id}&upload_protocol=resumable"
            return Answer(HTTPStatus.OK, b"{}", {"x-goog-upload-url": place, "x-goog-upload-status": "active"})
        if upload_id not in self._begun:
            raise refused("Upload has already been terminated.")
        account, name, content = self._begun[upload_id]
        content += http.body
        if "finalize" not in http.upload:
            return Answer(HTTPStatus.OK, b"", {"x-goog-upload-status": "active"})
        del self._begun[upload_id]
        stored = service.upload(account, name, bytes(content), _FILE)
        body = msgspec.json.encode({"file": _file(stored, account, service)})
        return Answer(HTTPStatus.OK, body, {"x-goog-upload-status": "final"})


def _document(kind: Call, name: str, http: HttpCall, service: BatchService) -> Mapping[str, Any]:  # noqa: PLR0911 - a table
    account = http.account
    match kind:
        case "create":
            return _created(name, http, service)
        case "files":
            found = [_file(one, account, service) for one in service.files(account, "batch", oldest_first=False)]
            return _page("files", found, http.parameters)
        case "file":
            return _file(service.file(account, name).described, account, service)
        case "jobs":
            return _page("operations", [_operation(job) for job in service.listed(account)], http.parameters)
        case "job":
            return _operation(service.job(account, name))
        case "cancel":
            service.cancel(account, name)
            return {}
    of, _, one = name.partition("/")
    if of == "files":
        service.delete(account, one)
    else:
        service.delete_job(account, one)
    return {}


def _created(model: str, http: HttpCall, service: BatchService) -> Mapping[str, Any]:
    """Requests that come with the job itself are not taken."""
    batch = _camel(object_of(http.body).get("batch"))
    source = batch.get("inputConfig") or {}
    file_id = str(source.get("fileName", "")).removeprefix("files/")
    if not service.has_file(http.account, file_id):
        told = f"You do not have permission to access the File {file_id} or it may not exist."
        raise refused(told, HTTPStatus.FORBIDDEN)
    if service.is_fresh(http.account, file_id):
        told = f"The File {file_id} is not in an ACTIVE state and usage is not allowed."
        raise refused(told, code="failed_precondition")
    metadata = {"model": f"models/{model}", "displayName": str(batch.get("displayName", ""))}
    job_id = uuid4().hex + uuid4().hex[:4]
    return _operation(service.create(http.account, Wanted(job_id, "", "", metadata, file_id), _form(model)))


def _operation(job: Mapping[str, Any]) -> dict[str, Any]:
    """A job as it is shown. One that was cancelled, or has expired, shows no results."""
    name, ended = f"batches/{job['id']}", job["status"] in ("completed", "failed", "cancelled", "expired")
    metadata: dict[str, Any] = {
        "@type": f"{_TYPE}GenerateContentBatch",
        "name": name,
        **job["metadata"],
        "inputConfig": {"fileName": f"files/{job['input_file_id']}"},
        "createTime": _moment(job["created_at"]),
        "batchStats": dict(_stats(job["request_counts"])),
        "state": f"BATCH_STATE_{_STATES[job['status']]}",
    }
    found: dict[str, Any] = {"name": name, "metadata": metadata, **({"done": True} if ended else {})}
    if job["status"] == "completed" and job["output_file_id"] is not None:
        metadata["output"] = {"responsesFile": f"files/{job['output_file_id']}"}
        found["response"] = {"@type": f"{_TYPE}GenerateContentBatchOutput", **metadata["output"]}
    elif job["status"] == "failed":
        first = job["errors"]["data"][0]
        code = _EXHAUSTED if first["code"] == "token_limit_exceeded" else _INVALID
        found["error"] = {"code": code, "message": first["message"]}
    elif job["status"] == "cancelled":
        found["error"] = {"code": _CANCELLED, "message": "The operation was cancelled."}
    return found


def _stats(counts: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Numbers as texts; those that are 0 are left out."""
    told = {
        "requestCount": counts["total"],
        "successfulRequestCount": counts["completed"],
        "failedRequestCount": counts["failed"],
        "pendingRequestCount": counts["total"] - counts["completed"] - counts["failed"],
    }
    return ((name, str(number)) for name, number in told.items() if number)


def _file(described: Mapping[str, Any], account: str, service: BatchService) -> dict[str, Any]:
    return {
        "name": f"files/{described['id']}",
        "displayName": described["filename"],
        "mimeType": "application/jsonl",
        "sizeBytes": str(described["bytes"]),
        "createTime": _moment(described["created_at"]),
        "expirationTime": _moment(described["expires_at"]),
        "state": "PROCESSING" if service.is_fresh(account, described["id"]) else "ACTIVE",
        "source": "UPLOADED",
    }


def _page(name: str, found: list[dict[str, Any]], asked: Mapping[str, str]) -> dict[str, Any]:
    """One page; an empty list is left out."""
    size, begin = asked.get("pageSize", str(_MOST)), asked.get("pageToken") or "0"
    if not size.isdecimal() or not begin.isdecimal():
        raise refused("Request contains an invalid argument.")
    end = int(begin) + min(int(size) or _MOST, _MOST)
    shown = found[int(begin) : end]
    return {**({name: shown} if shown else {}), **({"nextPageToken": str(end)} if end < len(found) else {})}


def _camel(value: object) -> dict[str, Any]:
    """An object with the names of its fields, and of those in it, in one spelling."""
    inner = value if isinstance(value, dict) else {}
    return {camel(name): _camel(part) if isinstance(part, dict) else part for name, part in inner.items()}


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
