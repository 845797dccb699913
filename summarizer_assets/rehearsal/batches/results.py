"""The result files of a job: its lines in an order of their own; in some forms, failures in a file of their own."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from summarizer_assets.rehearsal.batches.input_file import Line
from summarizer_assets.rehearsal.batches.job_form import JobForm
from summarizer_assets.rehearsal.batches.line_answer import LineAnswer
from summarizer_assets.rehearsal.batches.terms import BadLine
from summarizer_assets.rehearsal.chance import draw


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
    form: JobForm,
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
        document = form.not_run(line, status) if answer is None else form.done(line, answer)
        if document is None:
            continue
        well = form.one_file or (answer is not None and answer.well)
        other = partial(form.done, line, LineAnswer(200, {}))
        (output if well else errors).extend(_with_fault(document, faults.get(line.number), other))
    return ResultFiles(_file(output), _file(errors) if errors or not empty_error_file else b"")


def _file(lines: Iterable[bytes]) -> bytes | None:
    return b"".join(lines) or None


def _with_fault(document: dict[str, Any], fault: str | None, other: Callable[[], dict[str, Any]]) -> Iterator[bytes]:
    line = msgspec.json.encode(document) + b"\n"
    match fault:
        case "missing":
            return
        case "foreign":
            name = next(name for name in ("custom_id", "key") if name in document)
            yield msgspec.json.encode({**document, name: f"foreign-{document[name]}"}) + b"\n"
        case "cut":
            yield line[: len(line) // 2] + b"\n"
        case "twice":
            yield line
            yield line
        case "twice_different":
            yield line
            yield msgspec.json.encode(other()) + b"\n"
        case _:
            yield line
