"""What a job's input file holds, or what is wrong with it: it is read only after the job was made."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from summarizer_assets.rehearsal.batches.terms import BatchTerms

_BYTES_PER_TOKEN: Final = 4
_REQUIRED: Final = ("custom_id", "method", "url", "body")


@dataclass(frozen=True, slots=True)
class Line:
    """One request. `number`: from 0."""

    number: int
    custom_id: str
    body: bytes

    @property
    def tokens(self) -> int:
        """Estimated, of its input."""
        return len(self.body) // _BYTES_PER_TOKEN


@dataclass(frozen=True, slots=True)
class Input:
    """What was read of a file. With `problems` the job fails."""

    model: str
    lines: tuple[Line, ...]
    problems: tuple[dict[str, Any], ...] = ()

    @property
    def tokens(self) -> int:
        return sum(line.tokens for line in self.lines)


def problem(code: str, message: str, line: int | None = None, param: str | None = None) -> dict[str, Any]:
    """As a job's `errors` has it; `line` counts from 1."""
    return {"code": code, "message": message, "line": line, "param": param}


def read_input(content: bytes, endpoint: str, terms: BatchTerms) -> Input:
    """Check the whole file. All problems are told, not only the first."""
    rows = [row for row in content.split(b"\n") if row.strip()]
    if not rows:
        return Input("", (), (problem("empty_file", "The input file is empty."),))
    if len(rows) > terms.most_requests:
        told = f"The batch has {len(rows)} requests, more than {terms.most_requests}."
        return Input("", (), (problem("too_many_tasks", told),))
    lines: list[Line] = []
    problems: list[dict[str, Any]] = []
    seen: set[str] = set()
    model: str | None = None
    for place, row in enumerate(rows, start=1):
        fields = _object(row)
        if fields is None:
            problems.append(problem("invalid_json_line", "This line is not parseable as valid JSON.", place))
            continue
        found = _problem_of(fields, place, endpoint, seen, model)
        if found is not None:
            problems.append(found)
            continue
        seen.add(fields["custom_id"])
        model = str(fields["body"].get("model"))
        lines.append(Line(place - 1, fields["custom_id"], msgspec.json.encode(fields["body"])))
    return Input(model or "", tuple(lines), tuple(problems))


def _object(row: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(row)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None


def _problem_of(
    fields: dict[str, Any], place: int, endpoint: str, seen: set[str], model: str | None
) -> dict[str, Any] | None:
    """The first that holds."""
    missing = next((name for name in _REQUIRED if name not in fields), None)
    if missing is not None:
        return problem("missing_required_parameter", f"Missing required parameter: '{missing}'.", place, missing)
    custom_id, body = fields["custom_id"], fields["body"]
    if not isinstance(custom_id, str) or not isinstance(body, dict):
        return problem("invalid_json_line", "'custom_id' is to be a string and 'body' an object.", place)
    checks = (
        (custom_id in seen, "duplicate_custom_id", "The custom_id is a duplicate in this file.", "custom_id"),
        (fields["method"] != "POST", "invalid_method", "The method is to be POST.", "method"),
        (fields["url"] != endpoint, "url_mismatch", "The URL does not match the batch's endpoint.", "url"),
        (
            model is not None and str(body.get("model")) != model,
            "model_mismatch",
            "The model differs from the other requests' in this file.",
            "body.model",
        ),
    )
    found = next((check for check in checks if check[0]), None)
    return None if found is None else problem(found[1], found[2], place, found[3])
