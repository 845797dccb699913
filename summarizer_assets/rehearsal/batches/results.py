"""The result files of a job: its lines in an order of their own, successes in one file, the rest in the other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self
from uuid import uuid4

import msgspec

from summarizer_assets.rehearsal.batches.input_file import Line
from summarizer_assets.rehearsal.batches.terms import BadLine
from summarizer_assets.rehearsal.chance import draw
from summarizer_assets.rehearsal.right_answers import Right

_OK: Final = 200
_SERVER_ERROR: Final = 500
NOT_RUN: Final = {
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
    "cancelled": ("batch_cancelled", "The batch was cancelled before this request was executed."),
}


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """What the model gave to one line. Tokens are those billed."""

    status: int
    body: Any  # JSON
    ids: tuple[str, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @classmethod
    def of(cls, status: int, body: bytes, right: Right) -> Self:
        """From a reply as a request gets it. One that is no JSON, which no line can hold, is a server's error."""
        try:
            document = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            status, document = _SERVER_ERROR, {"error": {"message": "The server had an error.", "type": "server_error"}}
        if status != _OK:
            return cls(status, document, right.ids)
        return cls(status, document, right.ids, right.prompt_tokens, right.completion_tokens)


class ResultFiles(NamedTuple):
    """Contents; None: not written, for it would have no line."""

    output: bytes | None
    errors: bytes | None


def in_own_order(lines: Sequence[Line], seed: int) -> list[Line]:
    return sorted(lines, key=lambda line: draw(seed, "order", line.custom_id))


def result_files(
    lines: Sequence[Line],
    answers: dict[int, LineAnswer],
    status: str,
    *,
    bad: Sequence[BadLine],
    seed: int,
    empty_error_file: bool,
) -> ResultFiles:
    """The files of a job that ended with `status`; `answers`: by the numbers of the lines that were done."""
    faults = {one.number: one.fault for one in bad}
    output: list[bytes] = []
    errors: list[bytes] = []
    for line in in_own_order(lines, seed + 1):
        answer = answers.get(line.number)
        document = _not_run(line, status) if answer is None else _done(line, answer)
        well = answer is not None and answer.status == _OK
        (output if well else errors).extend(_with_fault(document, faults.get(line.number)))
    return ResultFiles(_file(output), _file(errors) if errors or not empty_error_file else b"")


def _file(lines: Iterable[bytes]) -> bytes | None:
    return b"".join(lines) or None


def _done(line: Line, answer: LineAnswer) -> dict[str, Any]:
    response = {"status_code": answer.status, "request_id": f"req_{uuid4().hex}", "body": answer.body}
    return {"id": f"batch_req_{uuid4().hex}", "custom_id": line.custom_id, "response": response, "error": None}


def _not_run(line: Line, status: str) -> dict[str, Any]:
    code, message = NOT_RUN[status]
    error = {"code": code, "message": message}
    return {"id": f"batch_req_{uuid4().hex}", "custom_id": line.custom_id, "response": None, "error": error}


def _with_fault(document: dict[str, Any], fault: str | None) -> Iterator[bytes]:
    line = msgspec.json.encode(document) + b"\n"
    match fault:
        case "missing":
            return
        case "foreign":
            yield msgspec.json.encode({**document, "custom_id": f"foreign-{document['custom_id']}"}) + b"\n"
        case "cut":
            yield line[: len(line) // 2] + b"\n"
        case "twice":
            yield line
            yield line
        case "twice_different":
            yield line
            yield msgspec.json.encode({**document, "response": {"status_code": 200, "body": {}}}) + b"\n"
        case _:
            yield line
