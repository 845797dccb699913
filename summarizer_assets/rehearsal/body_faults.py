"""Body faults: responses with status 200 whose body is wrong in one named way, derived from a correct one."""

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Original:
    """A correct reply: the completion and the rows of its answer; must not be mutated."""

    completion: dict[str, Any]
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, body: bytes) -> "Original":
        """Parse a chat completion whose content is `{"summaries": [...]}`.

        A completion cut off at the request's own `max_tokens` has no rows, because its authors cannot be determined.
        """
        completion = json.loads(body)
        choice = completion["choices"][0]
        if choice["finish_reason"] == "length":
            return cls(completion, ())
        return cls(completion, tuple(json.loads(choice["message"]["content"])["summaries"]))

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(row["author_id"] for row in self.rows)

    def with_content(self, content: object, **choice: object) -> bytes:
        """The completion with its content and other fields of the choice replaced."""
        first = self.completion["choices"][0]
        changed = {**first, "message": {**first["message"], "content": content}, **choice}
        return _dumps({**self.completion, "choices": [changed]})

    def with_message(self, message: dict[str, object], **choice: object) -> bytes:
        """The completion with fields of its message and choice replaced."""
        first = self.completion["choices"][0]
        return _dumps({**self.completion, "choices": [{**first, "message": {**first["message"], **message}, **choice}]})

    def with_rows(self, rows: list[Row]) -> bytes:
        return self.with_content(_dumps({"summaries": rows}).decode())

    @property
    def content(self) -> str:
        return str(self.completion["choices"][0]["message"]["content"])


#: Returns the faulty body; the ids are those whose rows a row fault hits.
BodyFault = Callable[[Original, frozenset[str]], bytes]


def _dumps(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _row_fault(change: Callable[[Row], list[Row]]) -> BodyFault:
    """A fault of some rows; the others stay correct."""

    def fault(reply: Original, hit: frozenset[str]) -> bytes:
        rows: list[Row] = []
        for row in reply.rows:
            rows += change(row) if row["author_id"] in hit else [row]
        return reply.with_rows(rows)

    return fault


def _summary(make: Callable[[Row], object]) -> BodyFault:
    return _row_fault(lambda row: [{**row, "summary": make(row)}])


def _appended(text: str) -> BodyFault:
    return _summary(lambda row: f"{row['summary']}{text}")


def _other_id(make: Callable[[str], object]) -> BodyFault:
    return _row_fault(lambda row: [{**row, "author_id": make(row["author_id"])}])


def _content(make: Callable[[str], object], **choice: object) -> BodyFault:
    return lambda reply, _: reply.with_content(make(reply.content), **choice)


def _completion(**fields: object) -> BodyFault:
    return lambda reply, _: _dumps({**reply.completion, **fields})


def _bytes(make: Callable[[bytes], bytes]) -> BodyFault:
    return lambda reply, _: make(_dumps(reply.completion))


def _swapped(reply: Original, hit: frozenset[str]) -> bytes:
    """The first two rows hit swap their summaries; a single row takes its neighbour's."""
    chosen = [number for number, row in enumerate(reply.rows) if row["author_id"] in hit]
    others = [number for number in range(len(reply.rows)) if number not in chosen]
    pair = [*chosen, *others][:2]
    rows = [dict(row) for row in reply.rows]
    for number, other in zip(pair, reversed(pair), strict=True):
        rows[number]["summary"] = reply.rows[other]["summary"]
    return reply.with_rows(rows)


def _streamed(reply: Original, _: frozenset[str]) -> bytes:
    """An event stream that was not requested, with the usage in the last event."""
    text, half = reply.content, len(reply.content) // 2
    deltas = [{"role": "assistant", "content": text[:half]}, {"content": text[half:]}, {}]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices[-1]["finish_reason"] = reply.completion["choices"][0]["finish_reason"]
    head = {name: value for name, value in reply.completion.items() if name not in ("choices", "usage")}
    events = [{**head, "choices": [choice]} for choice in choices]
    events.append({**head, "choices": [], "usage": reply.completion["usage"]})
    return b"".join(b"data: " + _dumps(event) + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def _positions(reply: Original, _: frozenset[str]) -> bytes:
    return reply.with_rows([{**row, "author_id": f"row-{number}"} for number, row in enumerate(reply.rows)])


def _duplicate_keys(reply: Original, hit: frozenset[str]) -> bytes:
    rows = [
        json.dumps(row).replace('"summary":', '"summary":"another text","summary":', 1)
        if row["author_id"] in hit
        else json.dumps(row)
        for row in reply.rows
    ]
    return reply.with_content('{"summaries":[' + ",".join(rows) + "]}")


def _cut_off(reply: Original, hit: frozenset[str]) -> bytes:
    """The output limit is reached within the first row hit."""
    place = next((number for number, row in enumerate(reply.rows) if row["author_id"] in hit), 0)
    text = _dumps({"summaries": reply.rows[: place + 1]}).decode()
    return reply.with_content(text.removesuffix('"}]}')[:-1], finish_reason="length")


def _as_number(author_id: str) -> object:
    return int(author_id) if author_id.isdecimal() else author_id


def _as_float(author_id: str) -> object:
    return float(author_id) if author_id.isdecimal() else author_id


_NO_TEXT: dict[str, object] = {"content": None}
_TOOL_CALLS: list[dict[str, object]] = [
    {"id": "call_1", "type": "function", "function": {"name": "save", "arguments": "{}"}}
]
_DEEP = 10_000

#: Faults of a whole body, by name.
WHOLE: dict[str, BodyFault] = {
    "truncated_json": _content(lambda content: content[: len(content) * 2 // 3]),
    "truncated_body": _bytes(lambda body: body[: len(body) * 2 // 3]),
    "finish_length": _cut_off,
    "content_filter": _content(lambda _: None, finish_reason="content_filter"),
    "refusal": lambda reply, _: reply.with_message({**_NO_TEXT, "refusal": "I cannot help with that."}),
    "null_content": _content(lambda _: None),
    "no_choices": _completion(choices=[]),
    "empty_text": _content(lambda _: ""),
    "tool_calls": lambda reply, _: reply.with_message(
        {**_NO_TEXT, "tool_calls": _TOOL_CALLS}, finish_reason="tool_calls"
    ),
    "html_page": _bytes(lambda _: b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"),
    "empty_body": _bytes(lambda _: b""),
    "error_under_200": _bytes(
        lambda _: _dumps({"error": {"message": "upstream failed", "type": "server_error", "code": "server_error"}})
    ),
    "positions_for_ids": _positions,
    "code_fence": _content(lambda content: f"```json\n{content}\n```"),
    "prose_around": _content(lambda content: f"Here are the summaries you asked for:\n{content}\nAnything else?"),
    "deep_nesting": _content(lambda _: "[" * _DEEP + "]" * _DEEP),
    "invalid_utf8": _bytes(lambda body: body.replace(b'"content":"', b'"content":"\xff\xfe', 1)),
    "error_with_usage": _completion(choices=None, error={"message": "upstream failed", "code": "server_error"}),
    "streamed": _streamed,
    "usage_missing": _completion(usage=None),
    "usage_absurd": _completion(usage={"prompt_tokens": -5, "completion_tokens": 10**12}),
    "other_model": _completion(model="some-other-model"),
}

#: Faults of single rows, by name; the group's other rows stay correct.
ROWS: dict[str, BodyFault] = {
    "unknown_id": _other_id(lambda author_id: f"{author_id}-unknown"),
    "swapped": _swapped,
    "duplicate_same": _row_fault(lambda row: [row, row]),
    "duplicate_different": _row_fault(lambda row: [row, {**row, "summary": f"{row['summary']} And more."}]),
    "missing_id": _row_fault(lambda _: []),
    "id_number": _other_id(_as_number),
    "id_float": _other_id(_as_float),
    "id_beyond_double": _other_id(lambda _: 2**53 + 1),
    "summary_list": _summary(lambda row: [row["summary"]]),
    "summary_object": _summary(lambda row: {"text": row["summary"]}),
    "summary_number": _summary(lambda _: 12345),
    "summary_null": _summary(lambda _: None),
    "empty_summary": _summary(lambda _: " \n"),
    "duplicate_keys": _duplicate_keys,
    "nan": _summary(lambda _: float("nan")),
    "lone_surrogate": _appended("\ud800"),
    "nul": _appended("\x00"),
    "bidi": _appended("\u202e"),
    "zero_width": _appended("\u200b"),
    "huge_summary": _summary(lambda row: (str(row["summary"]) + " ") * (200_000 // (len(str(row["summary"])) + 1) + 1)),
    "prompt_echo": _appended(' #"1" Doe, Jane @ Nowhere | 3 papers'),
    "other_language": _summary(
        lambda row: f"{row['summary']} Con las obras de los otros, la autora es una de las más conocidas en el mundo."
    ),
    "link": _appended(" See https://example.org/profile."),
    "image": _appended(" ![portrait](portrait.png)"),
    "script": _appended(" <script>alert(1)</script>"),
    "leading_formula": _summary(lambda row: f"={row['summary']}"),
    "invented_award": _appended(" The author won the Nobel Prize."),
}

BODIES: dict[str, BodyFault] = {**WHOLE, **ROWS}


@cache
def gzip_bomb(size: int = 200_000_000) -> bytes:
    """A gzip stream of about `size` / 1000 bytes that unpacks to `size` zero bytes."""
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    million = bytes(1_000_000)
    return b"".join([*(packer.compress(million) for _ in range(size // len(million))), packer.flush()])
