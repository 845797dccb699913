"""Anthropic's message batches: requests come with the job, which has no metadata, and whose counts come at its end."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import msgspec

from summarizer_assets.rehearsal.batches.dialect import (
    HttpCall,
    call_of,
    json_answer,
    limit_of,
    lines_answer,
    object_of,
    parts_after,
)
from summarizer_assets.rehearsal.batches.files import refused
from summarizer_assets.rehearsal.batches.input_file import Input, Line
from summarizer_assets.rehearsal.batches.job_form import JobForm
from summarizer_assets.rehearsal.batches.line_answer import LineAnswer
from summarizer_assets.rehearsal.batches.service import BatchService, Wanted
from summarizer_assets.rehearsal.batches.terms import BatchTerms, Call
from summarizer_assets.rehearsal.messages import MESSAGES, without_version
from summarizer_assets.rehearsal.status_faults import Answer

_CUSTOM_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MOST_JOBS, _JOBS = 1_000, 20  # of a page
_KEPT_S: Final = 29 * 86_400
_KINDS: Final[dict[tuple[str, ...], Call]] = {
    ("POST", "batches"): "create",
    ("GET", "batches"): "jobs",
    ("GET", "batches", ""): "job",
    ("GET", "batches", "", "results"): "content",
    ("POST", "batches", "", "cancel"): "cancel",
    ("DELETE", "batches", ""): "delete",
}
_NOT_RUN: Final = {"expired": "expired", "cancelled": "canceled"}


def _done(line: Line, answer: LineAnswer) -> dict[str, Any]:
    if answer.well:
        message = answer.body
        if isinstance(message, dict) and isinstance(message.get("usage"), dict):
            message = message | {"usage": message["usage"] | {"service_tier": "batch"}}
        return {"custom_id": line.custom_id, "result": {"type": "succeeded", "message": message}}
    return {"custom_id": line.custom_id, "result": {"type": "errored", "error": answer.body}}


def _not_run(line: Line, status: str) -> dict[str, Any]:
    return {"custom_id": line.custom_id, "result": {"type": _NOT_RUN[status]}}


def read_requests(content: bytes, endpoint: str, terms: BatchTerms) -> Input:  # noqa: ARG001 - see `JobForm`
    """The requests of a job; what they ask is looked at only when they are worked on.

    Raises:
        RequestRefusedError: they are too many, too large, or have not each an id of its own.
    """
    if len(content) > terms.most_bytes:
        raise refused("Request exceeds the maximum size", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    given = object_of(content).get("requests")
    if not isinstance(given, list) or not given:
        raise refused("requests: List should have at least 1 item")
    if len(given) > terms.most_requests:
        raise refused(f"requests: List should have at most {terms.most_requests} items")
    lines = [_line_of(number, one) for number, one in enumerate(given)]
    if len({line.custom_id for line in lines}) < len(lines):
        raise refused("requests: custom_id must be unique within a batch")
    models = [one["params"].get("model") for one in given]
    return Input(str(models[0]), tuple(lines))


def _line_of(number: int, given: object) -> Line:
    custom_id, params = (given.get(name) if isinstance(given, dict) else None for name in ("custom_id", "params"))
    if not isinstance(custom_id, str) or _CUSTOM_ID.fullmatch(custom_id) is None:
        raise refused(f"requests.{number}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    if not isinstance(params, dict):
        raise refused(f"requests.{number}.params: Field required")
    return Line(number, custom_id, msgspec.json.encode(params))


_FORM: Final = JobForm(
    MESSAGES, read_requests, _done, _not_run, one_file=True, at_once=True, kept_from_creation_s=_KEPT_S
)


class MessageBatchCalls:
    """See `Dialect`."""

    def call(self, http: HttpCall) -> tuple[Call, str] | None:
        parts = parts_after(http.path, "batches")
        return None if parts is None else call_of(http.method, parts, _KINDS)

    def answer(self, kind: Call, name: str, http: HttpCall, service: BatchService) -> Answer:
        if not http.versioned:
            return without_version()
        if kind != "content":
            return json_answer(self._document(kind, name, http, service))
        place = service.job(http.account, name)["output_file_id"]
        if not service.has_file(http.account, place):
            raise refused("Batch results are not available", HTTPStatus.NOT_FOUND)
        return lines_answer(service.file(http.account, place).content)

    def _document(self, kind: Call, name: str, http: HttpCall, service: BatchService) -> dict[str, Any]:
        match kind:
            case "create":
                wanted = Wanted(f"msgbatch_{uuid4().hex}", "/v1/messages", content=http.body)
                return _batch(service.create(http.account, wanted, _FORM), http, service)
            case "jobs":
                return _page([_batch(job, http, service) for job in service.listed(http.account)], http.parameters)
            case "job":
                return _batch(service.job(http.account, name), http, service)
            case "cancel":
                return _batch(service.cancel(http.account, name), http, service)
        service.delete_job(http.account, name)
        return {"id": name, "type": "message_batch_deleted"}

    def told(self, answer: Answer) -> Answer:
        return MESSAGES.told(answer)


def _batch(job: Mapping[str, Any], http: HttpCall, service: BatchService) -> dict[str, Any]:
    """A job in its words. Its results' address is absolute."""
    status = {"in_progress": "in_progress", "finalizing": "in_progress", "cancelling": "canceling"}.get(job["status"])
    ended, total = status is None, job["request_counts"]["total"]
    counts = dict.fromkeys(("canceled", "errored", "expired", "succeeded"), 0) | {"processing": 0 if ended else total}
    if ended:
        done, failed = job["request_counts"]["completed"], job["request_counts"]["failed"]
        counts |= {"succeeded": done, "errored": failed}
        rest = "expired" if job["status"] == "expired" else "canceled"
        counts[rest] = total - done - failed
    ended_at = next((job[f"{name}_at"] for name in ("completed", "expired", "cancelled") if job[f"{name}_at"]), None)
    readable = ended and service.has_file(http.account, job["output_file_id"])
    gone = ended and not readable and job["output_file_id"] is not None
    results = f"http://{http.host}{http.path.partition('/batches')[0]}/batches/{job['id']}/results"
    return {
        "id": job["id"],
        "type": "message_batch",
        "processing_status": status or "ended",
        "request_counts": counts,
        "created_at": _moment(job["created_at"]),
        "expires_at": _moment(job["expires_at"]),
        "ended_at": _moment(ended_at),
        "cancel_initiated_at": _moment(job["cancelling_at"]),
        "archived_at": _moment(job["created_at"] + _KEPT_S) if gone else None,
        "results_url": results if readable else None,
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _page(listed: Sequence[dict[str, Any]], asked: Mapping[str, str]) -> dict[str, Any]:
    """Newest first; the page after one job, or the one before."""
    ids, limit = [one["id"] for one in listed], limit_of(asked, _JOBS, _MOST_JOBS)
    for name in ("after_id", "before_id"):
        if name in asked and asked[name] not in ids:
            raise refused(f"{name}: no such object")
    if "before_id" in asked:
        rest = listed[: ids.index(asked["before_id"])]
        shown = rest[-limit:]
    else:
        rest = listed[ids.index(asked["after_id"]) + 1 :] if "after_id" in asked else listed
        shown = rest[:limit]
    first, last = (shown[0]["id"], shown[-1]["id"]) if shown else (None, None)
    return {"data": list(shown), "first_id": first, "last_id": last, "has_more": len(rest) > len(shown)}
