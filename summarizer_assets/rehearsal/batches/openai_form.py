"""OpenAI's form of jobs, and the calls about them: files as forms, jobs as JSON."""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from summarizer_assets.rehearsal.batches.dialect import (
    HttpCall,
    call_of,
    json_answer,
    limit_of,
    lines_answer,
    object_of,
    parts_after,
)
from summarizer_assets.rehearsal.batches.files import page, refused
from summarizer_assets.rehearsal.batches.input_file import Line, read_input
from summarizer_assets.rehearsal.batches.job_form import JobForm
from summarizer_assets.rehearsal.batches.line_answer import LineAnswer
from summarizer_assets.rehearsal.batches.service import BatchService, Wanted
from summarizer_assets.rehearsal.batches.terms import Call
from summarizer_assets.rehearsal.interface import ChatCompletions
from summarizer_assets.rehearsal.status_faults import Answer

ENDPOINT: Final = "/v1/chat/completions"
_MOST_FILES, _MOST_JOBS, _JOBS = 10_000, 100, 20  # of a page
_MOST_PAIRS, _LONGEST_KEY, _LONGEST_VALUE = 16, 64, 512  # of metadata
_NOT_RUN: Final = {
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
    "cancelled": ("batch_cancelled", "The batch was cancelled before this request was executed."),
}
_KINDS: Final[dict[tuple[str, ...], Call]] = {
    ("POST", "files"): "upload",
    ("GET", "files"): "files",
    ("GET", "files", ""): "file",
    ("GET", "files", "", "content"): "content",
    ("DELETE", "files", ""): "delete",
    ("POST", "batches"): "create",
    ("GET", "batches"): "jobs",
    ("GET", "batches", ""): "job",
    ("POST", "batches", "", "cancel"): "cancel",
}


def done(line: Line, answer: LineAnswer) -> dict[str, Any]:
    response = {"status_code": answer.status, "request_id": f"req_{uuid4().hex}", "body": answer.body}
    return {"id": f"batch_req_{uuid4().hex}", "custom_id": line.custom_id, "response": response, "error": None}


def not_run(line: Line, status: str) -> dict[str, Any]:
    code, message = _NOT_RUN[status]
    error = {"code": code, "message": message}
    return {"id": f"batch_req_{uuid4().hex}", "custom_id": line.custom_id, "response": None, "error": error}


OPENAI_FORM: Final = JobForm(ChatCompletions(), read_input, done, not_run)


@dataclass(frozen=True)
class OpenAiCalls:
    """See `Dialect`. Providers of its form differ in a few facts."""

    form: JobForm = OPENAI_FORM
    endpoint: str = ENDPOINT

    def call(self, http: HttpCall) -> tuple[Call, str] | None:
        parts = parts_after(http.path, "files", "batches")
        return None if parts is None else call_of(http.method, parts, _KINDS)

    def answer(self, kind: Call, name: str, http: HttpCall, service: BatchService) -> Answer:
        if kind == "content":
            return lines_answer(service.file(http.account, name).content)
        return json_answer(self.document(kind, name, http, service))

    def document(self, kind: Call, name: str, http: HttpCall, service: BatchService) -> Any:  # noqa: ANN401, PLR0911 - JSON; a table
        account, asked = http.account, http.parameters
        match kind:
            case "upload":
                form = read_form(http.content_type, http.body)
                return service.upload(account, form.filename, form.file, form.fields)
            case "files":
                found = service.files(account, asked.get("purpose"), oldest_first=asked.get("order") == "asc")
                return page(found, asked.get("after"), limit_of(asked, _MOST_FILES, _MOST_FILES))
            case "file":
                return service.file(account, name).described
            case "delete":
                return service.delete(account, name)
            case "create":
                return service.create(account, self.wanted(object_of(http.body)), self.form)
            case "jobs":
                return page(service.listed(account), asked.get("after"), limit_of(asked, _JOBS, _MOST_JOBS))
            case "job":
                return service.job(account, name)
            case "cancel":
                return service.cancel(account, name)
        raise AssertionError(kind)

    def wanted(self, given: dict[str, Any]) -> Wanted:
        endpoint, window = given.get("endpoint"), given.get("completion_window")
        if endpoint != self.endpoint:
            raise refused(f"Invalid value: {endpoint!r}", code="invalid_value", param="endpoint")
        if window != "24h":
            raise refused(f"Invalid value: {window!r}", code="invalid_value", param="completion_window")
        metadata = checked_metadata(given.get("metadata"))
        return Wanted(f"batch_{uuid4().hex}", endpoint, window, metadata, str(given.get("input_file_id")))

    def told(self, answer: Answer) -> Answer:
        return answer


@dataclass(frozen=True, slots=True)
class Form:
    fields: dict[str, str]
    filename: str
    file: bytes = field(repr=False)


def read_form(content_type: str, body: bytes) -> Form:
    """A form with one file, as `multipart/form-data`.

    Raises:
        RequestRefusedError: it is none, or has no file.
    """
    _, _, boundary = content_type.partition("boundary=")
    fields: dict[str, str] = {}
    found: tuple[str, bytes] | None = None
    if boundary:
        mark = b"\r\n--" + boundary.strip('"').encode()
        for part in (b"\r\n" + body).split(mark)[1:-1]:
            head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            names = _disposition(head)
            if "filename" in names:
                found = names["filename"], content
            elif "name" in names:
                fields[names["name"]] = content.decode(errors="replace")
    if found is None:
        raise refused("'file' is a required property", param="file")
    return Form(fields, *found)


def _disposition(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")
    line = next((line for line in lines if line.lower().startswith("content-disposition:")), "")
    pairs = (part.strip().partition("=") for part in line.split(";")[1:])
    return {name: value.strip('"') for name, _, value in pairs}


def checked_metadata(metadata: object) -> dict[str, str] | None:
    """Raises `RequestRefusedError`."""
    if metadata is None:
        return None
    valid = (
        isinstance(metadata, dict)
        and len(metadata) <= _MOST_PAIRS
        and all(
            isinstance(key, str)
            and len(key) <= _LONGEST_KEY
            and isinstance(value, str)
            and len(value) <= _LONGEST_VALUE
            for key, value in metadata.items()
        )
    )
    if not valid:
        raise refused("Invalid 'metadata': 16 pairs of strings, 64 and 512 characters.", param="metadata")
    assert isinstance(metadata, dict)
    return metadata
