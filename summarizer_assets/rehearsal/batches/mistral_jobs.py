"""Mistral's batch service: OpenAI's files in pages by number, and jobs of a form of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import msgspec

from summarizer_assets.rehearsal.batches.dialect import HttpCall, call_of, limit_of, parts_after
from summarizer_assets.rehearsal.batches.files import refused
from summarizer_assets.rehearsal.batches.input_file import Input, read_input
from summarizer_assets.rehearsal.batches.job_form import JobForm
from summarizer_assets.rehearsal.batches.openai_form import ENDPOINT, OPENAI_FORM, OpenAiCalls, checked_metadata
from summarizer_assets.rehearsal.batches.service import BatchService, Wanted
from summarizer_assets.rehearsal.batches.terms import BatchTerms, Call

_PAGE, _MOST = 100, 1_000
_HOURS, _MOST_HOURS = 24, 7 * 24
_KINDS: Final[dict[tuple[str, ...], Call]] = {
    ("POST", "jobs"): "create",
    ("GET", "jobs"): "jobs",
    ("GET", "jobs", ""): "job",
    ("POST", "jobs", "", "cancel"): "cancel",
}
_OF_A_FILE: Final = {"sample_type": "batch_request", "source": "upload"}
_STATES: Final = {
    "validating": "QUEUED",
    "in_progress": "RUNNING",
    "finalizing": "RUNNING",
    "cancelling": "CANCELLATION_REQUESTED",
    "completed": "SUCCESS",
    "failed": "FAILED",
    "expired": "TIMEOUT_EXCEEDED",
    "cancelled": "CANCELLED",
}


def _read(content: bytes, endpoint: str, terms: BatchTerms) -> Input:
    """Lines without a method and a URL, which the job has for all."""
    lines = (_with_endpoint(row, endpoint) for row in content.split(b"\n") if row.strip())
    return read_input(b"\n".join(lines), endpoint, terms)


def _with_endpoint(row: bytes, endpoint: str) -> bytes:
    try:
        fields = msgspec.json.decode(row)
    except msgspec.DecodeError:
        return row
    return msgspec.json.encode({**fields, "method": "POST", "url": endpoint}) if isinstance(fields, dict) else row


#: Lines that were not worked on are in no file.
_FORM: Final = replace(OPENAI_FORM, read=_read, not_run=lambda _line, _status: None)


@dataclass(frozen=True)
class MistralCalls(OpenAiCalls):
    """See `Dialect`."""

    form: JobForm = _FORM

    def call(self, http: HttpCall) -> tuple[Call, str] | None:
        parts = parts_after(http.path, "batch")
        if parts is not None:
            return call_of(http.method, parts[1:], _KINDS) if parts[1:2] == ["jobs"] else None
        found = super().call(http)
        return None if found is None or "/batches" in http.path else found

    def document(self, kind: Call, name: str, http: HttpCall, service: BatchService) -> Any:  # noqa: ANN401 - JSON
        account, asked = http.account, http.parameters
        match kind:
            case "files":
                found = service.files(account, asked.get("purpose"), oldest_first=False)
                return _page([file | _OF_A_FILE for file in found], asked)
            case "upload" | "file":
                return super().document(kind, name, http, service) | _OF_A_FILE
            case "jobs":
                since = datetime.fromisoformat(asked["created_after"]).timestamp() if "created_after" in asked else 0.0
                return _page([_job(job) for job in service.listed(account) if job["created_at"] >= since], asked)
            case "create" | "job" | "cancel":
                return _job(super().document(kind, name, http, service))
        return super().document(kind, name, http, service)

    def wanted(self, given: dict[str, Any]) -> Wanted:
        files, hours = given.get("input_files"), given.get("timeout_hours", _HOURS)
        if given.get("endpoint") != ENDPOINT or not isinstance(files, list) or len(files) != 1:
            raise refused("input_files: one file for /v1/chat/completions")
        if not isinstance(hours, int) or not 1 <= hours <= _MOST_HOURS:
            raise refused("timeout_hours: between 1 and 168")
        metadata = checked_metadata(given.get("metadata"))
        return Wanted(str(uuid4()), ENDPOINT, f"{hours}h", metadata, str(files[0]))


def _page(data: Sequence[dict[str, Any]], asked: Mapping[str, str]) -> dict[str, Any]:
    size, number = limit_of(asked, _PAGE, _MOST, "page_size"), int(asked.get("page", "0"))
    return {"object": "list", "data": list(data[number * size : (number + 1) * size]), "total": len(data)}


def _job(described: dict[str, Any]) -> dict[str, Any]:
    counts, problems = described["request_counts"], described["errors"]
    return {
        "id": described["id"],
        "object": "batch",
        "input_files": [described["input_file_id"]],
        "endpoint": described["endpoint"],
        "model": described["model"],
        "agent_id": None,
        "metadata": described["metadata"],
        "errors": [{"message": one["message"], "count": 1} for one in (problems["data"] if problems else ())],
        "status": _STATES[described["status"]],
        "created_at": described["created_at"],
        "started_at": described["in_progress_at"],
        "completed_at": described["completed_at"],
        "total_requests": counts["total"],
        "completed_requests": counts["completed"] + counts["failed"],
        "succeeded_requests": counts["completed"],
        "failed_requests": counts["failed"],
        "output_file": described["output_file_id"],
        "error_file": described["error_file_id"],
        "outputs": None,
    }
