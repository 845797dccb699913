"""The batch service over HTTP: files as forms, jobs as JSON, and the plan's faults of single calls."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from summarizer_assets.llm.embedded.app import RequestRefusedError
from summarizer_assets.rehearsal.batches.files import page, refused
from summarizer_assets.rehearsal.batches.service import BatchService
from summarizer_assets.rehearsal.batches.terms import BatchTerms, Call
from summarizer_assets.rehearsal.reply import Reply
from summarizer_assets.rehearsal.status_faults import STATUSES, Answer
from summarizer_assets.rehearsal.wire_faults import SCRIPTS

_MOST_FILES, _MOST_JOBS, _JOBS = 10_000, 100, 20  # of a page


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A request of the service: `path` without `/v1`, the account's key, and what the form or the JSON holds."""

    method: str
    path: str
    query: str = ""
    account: str = ""
    content_type: str = ""
    body: bytes = field(default=b"", repr=False)

    @property
    def parameters(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.query).items()}


def is_of_batches(path: str) -> bool:
    return _place(path) is not None


class BatchCalls:
    """Replies to the calls of the batch service."""

    def __init__(self, service: BatchService, terms: Callable[[], BatchTerms], clock: Callable[[], float]) -> None:
        self._service = service
        self._terms = terms
        self._clock = clock
        self._asked: Counter[str] = Counter()

    def restart(self) -> None:
        """Count calls anew: another plan begins."""
        self._asked.clear()

    def reply(self, http: HttpCall) -> Reply:
        place = _place(http.path)
        assert place is not None
        kind = _KINDS.get((http.method, *place[:1], *(("",) if place[1] is not None else ()), *place[2:]))
        if kind is None:
            return Reply(_refusal(refused(f"Not allowed: {http.method} {http.path}", HTTPStatus.METHOD_NOT_ALLOWED)))
        fault, done = self._fault(kind)
        answer = self._answer(kind, place[1] or "", http) if fault is None or done else Answer(HTTPStatus.OK, b"{}")
        if fault is None:
            return Reply(answer)
        if fault in STATUSES:
            return Reply(STATUSES[fault](self._clock()))
        return Reply(answer, script=SCRIPTS[fault], seconds=1.0)

    def _fault(self, kind: Call) -> tuple[str | None, bool]:
        """The fault of this call, and whether what it asks for happens nevertheless."""
        number = self._asked[kind]
        self._asked[kind] += 1
        for rule in self._terms().calls:
            if rule.call == kind and rule.after <= number and (rule.times is None or number < rule.after + rule.times):
                return rule.fault, rule.done or kind in _WITHOUT_EFFECT
        return None, True

    def _answer(self, kind: Call, name: str, http: HttpCall) -> Answer:
        try:
            if kind == "content":
                content = self._service.file(http.account, name).content
                return Answer(HTTPStatus.OK, content, {"content-type": "application/octet-stream"})
            return _json(self._document(kind, name, http))
        except RequestRefusedError as error:
            return _refusal(error)

    def _document(self, kind: Call, name: str, http: HttpCall) -> Mapping[str, Any]:  # noqa: PLR0911 - a table
        service, account, asked = self._service, http.account, http.parameters
        match kind:
            case "upload":
                form = read_form(http.content_type, http.body)
                return service.upload(account, form.filename, form.file, form.fields)
            case "files":
                found = service.files(account, asked.get("purpose"), oldest_first=asked.get("order") == "asc")
                return page(found, asked.get("after"), _limit(asked, _MOST_FILES, _MOST_FILES))
            case "file":
                return service.file(account, name).described
            case "delete":
                return service.delete(account, name)
            case "create":
                return service.create(account, _object(http.body))
            case "jobs":
                return page(service.listed(account), asked.get("after"), _limit(asked, _JOBS, _MOST_JOBS))
            case "job":
                return service.job(account, name)
            case "cancel":
                return service.cancel(account, name)
        raise AssertionError(kind)


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
_WITHOUT_EFFECT: Final = frozenset({"files", "file", "content", "jobs", "job"})


def _place(path: str) -> tuple[str, str | None, *tuple[str, ...]] | None:
    """`files` or `batches`, the id if there is one, and what follows it; whatever stands before."""
    parts = path.strip("/").split("/")
    for at in range(len(parts) - 1, -1, -1):
        if parts[at] in ("files", "batches"):
            rest = parts[at + 1 :]
            return (parts[at], rest[0] if rest else None, *rest[1:])
    return None


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


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):
        raise refused("We could not parse the JSON body of your request.")
    return found


def _limit(asked: Mapping[str, str], usual: int, most: int) -> int:
    text = asked.get("limit", str(usual))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise refused(f"Invalid 'limit': {text} is not between 1 and {most}.", param="limit")
    return int(text)


def _json(value: object) -> Answer:
    return Answer(HTTPStatus.OK, msgspec.json.encode(value))


def _refusal(error: RequestRefusedError) -> Answer:
    return Answer(error.status, error.body)
