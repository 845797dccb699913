"""Batch services of OpenAI's form with differences of their own: Azure's, Groq's and Together's."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from summarizer_assets.rehearsal.batches.dialect import HttpCall, object_of
from summarizer_assets.rehearsal.batches.files import refused
from summarizer_assets.rehearsal.batches.job_form import JobForm
from summarizer_assets.rehearsal.batches.openai_form import ENDPOINT, OPENAI_FORM, OpenAiCalls, read_form
from summarizer_assets.rehearsal.batches.service import BatchService, Wanted
from summarizer_assets.rehearsal.batches.terms import Call

_TO_UPLOAD: Final = frozenset({"purpose", "file_name", "file_type"})
_TO_CREATE: Final = frozenset({"input_file_id", "endpoint", "completion_window", "model_id", "priority"})


_UNEXPIRED: Final = replace(OPENAI_FORM, expires=False)


@dataclass(frozen=True)
class AzureCalls(OpenAiCalls):
    """Files are checked before jobs are made of them, counts are null, and late jobs do not expire."""

    form: JobForm = _UNEXPIRED
    endpoint: str = "/chat/completions"

    def call(self, http: HttpCall) -> tuple[Call, str] | None:
        return None if "/deployments/" in http.path else super().call(http)  # they have neither files nor jobs

    def document(self, kind: Call, name: str, http: HttpCall, service: BatchService) -> Any:  # noqa: ANN401 - JSON
        if kind == "create" and service.is_fresh(http.account, str(object_of(http.body).get("input_file_id"))):
            raise refused("The file is not processed yet.", code="invalidPayload")
        found = super().document(kind, name, http, service)
        if kind in ("upload", "file") and service.is_fresh(http.account, found["id"]):
            return found | {"status": "pending"}
        if kind == "jobs":
            return found | {"data": [job | {"request_counts": None} for job in found["data"]]}
        return found | {"request_counts": None} if kind in ("create", "job", "cancel") else found


@dataclass(frozen=True)
class GroqCalls(OpenAiCalls):
    """Lists come at once, and a file has no expiry."""

    def document(self, kind: Call, name: str, http: HttpCall, service: BatchService) -> Any:  # noqa: ANN401 - JSON
        if kind in ("files", "jobs"):
            if http.query:
                raise refused(f"unknown parameters: {http.query}")
            found = service.files(http.account, None, oldest_first=True) if kind == "files" else None
            return {"object": "list", "data": service.listed(http.account) if found is None else found}
        if kind == "upload" and (extra := read_form(http.content_type, http.body).fields.keys() - {"purpose"}):
            raise refused(f"unknown fields: {sorted(extra)}")
        return super().document(kind, name, http, service)


@dataclass(frozen=True)
class TogetherCalls(OpenAiCalls):
    """States in capitals, moments as text, lists at once, jobs in an envelope, and no metadata."""

    def call(self, http: HttpCall) -> tuple[Call, str] | None:
        if http.method == "POST" and http.path.endswith("/files/upload"):
            return "upload", ""
        found = super().call(http)
        return None if found is not None and found[0] == "upload" else found

    def document(self, kind: Call, name: str, http: HttpCall, service: BatchService) -> Any:  # noqa: ANN401, PLR0911 - JSON; a table
        account = http.account
        match kind:
            case "upload":
                return self._uploaded(http, service)
            case "files":
                return {"data": [_file(file) for file in service.files(account, None, oldest_first=True)]}
            case "file":
                fresh = service.is_fresh(account, name)
                return _file(service.file(account, name).described, "RUNNING" if fresh else "COMPLETED")
            case "jobs":
                return [_job(job) for job in service.listed(account)[::-1]]
            case "create":
                wanted = self.wanted(object_of(http.body))
                if service.is_fresh(account, wanted.file_id or ""):
                    raise refused("The file is not validated yet.")
                made = service.create(account, wanted, self.form)
                return {"job": _job(made), "warning": ""}
            case "job":
                return _job(service.job(account, name))
            case "cancel":
                return _job(service.cancel(account, name))
        return super().document(kind, name, http, service)

    def wanted(self, given: dict[str, Any]) -> Wanted:
        unknown = sorted(given.keys() - _TO_CREATE)
        if unknown or given.get("endpoint") != ENDPOINT:
            raise refused(f"invalid request: {unknown or given.get('endpoint')}")
        return Wanted(str(uuid4()), ENDPOINT, file_id=str(given.get("input_file_id")))

    def _uploaded(self, http: HttpCall, service: BatchService) -> dict[str, Any]:
        form = read_form(http.content_type, http.body)
        if form.fields.get("purpose") != "batch-api" or form.fields.keys() != _TO_UPLOAD:
            raise refused(f"invalid form: {form.fields}", HTTPStatus.BAD_REQUEST)
        return _file(service.upload(http.account, form.fields["file_name"], form.file, {"purpose": "batch"}))


def _file(described: dict[str, Any], status: str = "PENDING") -> dict[str, Any]:
    kept = {name: described[name] for name in ("id", "object", "bytes", "created_at", "filename")}
    return kept | {"purpose": "batch-api", "FileType": "jsonl", "processing_status": status}


def _job(described: dict[str, Any]) -> dict[str, Any]:
    counts, problems = described["request_counts"], described["errors"]
    done = counts["completed"] + counts["failed"]
    return {
        "id": described["id"],
        "user_id": "user",
        "input_file_id": described["input_file_id"],
        "file_size_bytes": 0,
        "status": _STATES.get(described["status"], described["status"]).upper(),
        "job_deadline": _moment(described["expires_at"]),
        "created_at": _moment(described["created_at"]),
        "completed_at": _moment(described["completed_at"]),
        "endpoint": described["endpoint"],
        "progress": 100.0 * done / counts["total"] if counts["total"] else 0.0,
        "model_id": described["model"],
        "output_file_id": described["output_file_id"],
        "error_file_id": described["error_file_id"],
        "error": problems["data"][0]["message"] if problems else None,
    }


#: It has no others.
_STATES: Final = {"finalizing": "in_progress", "cancelling": "in_progress"}


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
