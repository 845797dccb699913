"""Parsing of a reply's text into rows: (id, summary) pairs as given, not yet matched or judged."""

import re
from collections.abc import Callable, Sequence

import msgspec

from summarizer_assets.core.answers.json_in_text import documents
from summarizer_assets.core.answers.lenient_json import NotJsonError, Object, parse, parse_at, parse_python
from summarizer_assets.core.answers.thinking import is_thinking
from summarizer_assets.core.answers.unusable import bad_json, bad_shape, truncated

Row = tuple[object, object]

_FENCE = re.compile(r"(?:`{3,}|~{3,})\w*")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_HEAD = re.compile(r'\[\s*|\{\s*"summaries"\s*:\s*\[\s*')
_BETWEEN = re.compile(r"\s*,\s*")
_DEEPEST = 4  # wrappers around wrappers


class GivenTwice:
    """The value of a key that one object has twice with different values."""


class _Row(msgspec.Struct, gc=False):
    author_id: str | int
    summary: str


class _Rows(msgspec.Struct, gc=False):
    summaries: list[_Row]


_ROWS = msgspec.json.Decoder(_Rows)


def read_rows(content: str, *, cut: str = "") -> Sequence[Sequence[Row]]:
    """The rows of each document of the requested shape in the text, in order.

    The shape is `{"summaries": [{"author_id": …, "summary": …}]}`, the bare list, a single row, or an object with one
    member that has such rows; also encoded as a JSON string.

    Args:
        content: the model's text.
        cut: the `finish_reason` of an answer that reached the output limit. Its complete rows are taken; if the JSON is
            closed nevertheless, the last row is dropped, because a server may have closed it.

    Raises:
        UnusableReply: outside reasoning blocks the text has no JSON, or only JSON of another shape.
    """
    if cut:
        return [_before_the_cut(content, cut)]
    try:
        parsed = _ROWS.decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _patiently(content)  # reports exactly what is wrong, or parses what is readable
    # A duplicate key in one object hides its first value: then there are more keys than rows.
    count = len(parsed.summaries)
    if content.count('"author_id"') != count or content.count('"summary"') != count:
        return _patiently(content)
    return [[(row.author_id, row.summary) for row in parsed.summaries]]


def is_only_rows(text: str) -> bool:
    """Whether the text is a document of the requested shape and nothing else."""
    try:
        return bool(_rows_in(_as_whole(text)))
    except NotJsonError:
        pass
    found = documents(text)
    return found.bare and len(found.values) == 1 and bool(_rows_in(found.values[0]))


def _patiently(content: str) -> list[list[Row]]:
    try:
        value = _as_whole(content)
    except NotJsonError as error:
        problem = str(error)
    else:
        rows = _rows_in(value)
        if rows is None:
            raise bad_shape("the answer is JSON without a list of summaries")
        return [rows]
    found = documents(content)
    shaped = [rows for value in found.values if (rows := _rows_in(value))]
    if shaped:
        return shaped
    if found.values:
        raise bad_shape("the answer is JSON without a list of summaries")
    raise bad_json(f"the answer is no JSON: {found.problem or problem}")


def _as_whole(content: str) -> object:
    """The document that is the whole text, or the whole content of its fence."""
    text = content.strip()
    if (fence := _FENCE.match(text)) is not None:
        text = text[fence.end() :].rstrip("`~").strip()
    try:
        return parse(text)
    except NotJsonError as error:
        try:
            return parse_python(text)
        except NotJsonError:
            raise error from None


def _before_the_cut(content: str, finish: str) -> list[Row]:
    """The complete rows of a text that was cut off at the output limit and consists only of the answer."""
    found = documents(content)
    rows: list[Row] = []
    if found.bare and found.broken is not None and not found.values:
        rows = _rows_before(content, found.broken)
    elif found.bare and found.broken is None and len(found.values) == 1:
        rows = (_rows_in(found.values[0]) or [])[:-1]
    if not rows:
        raise truncated(finish)
    return rows


def _rows_before(text: str, start: int) -> list[Row]:
    head = _HEAD.match(text, start)
    rows: list[Row] = []
    at = None if head is None else head.end()
    while at is not None:
        try:
            value, end = parse_at(text, at)
        except NotJsonError:
            break
        rows += _row(value)
        between = _BETWEEN.match(text, end)
        at = None if between is None else between.end()
    return rows


def _rows_in(value: object, depth: int = _DEEPEST) -> list[Row] | None:
    """The rows of a value of the requested shape; None if it has another shape."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            value = parse(value)
        except NotJsonError:
            return None
    if depth == 0:
        return None
    if isinstance(value, list):
        return _rows_of_list(value, depth)
    return _rows_of_object(value, depth) if isinstance(value, Object) else None


def _rows_of_object(value: Object, depth: int) -> list[Row] | None:
    lists = [rows for rows in value.all("summaries") if isinstance(rows, list)]
    if lists and len(lists) == len(value.all("summaries")):
        return [row for rows in lists for item in rows for row in _row(item)]
    if _is_row(value):
        return _row(value)
    holders = [rows for name, inner in value.pairs if not is_thinking(name) and (rows := _rows_in(inner, depth - 1))]
    return holders[0] if len(holders) == 1 else None


def _rows_of_list(items: list[object], depth: int) -> list[Row] | None:
    if not items or any(_is_row(item) for item in items):
        return [row for item in items for row in _row(item)]
    inner = [_rows_in(item, depth - 1) for item in items]
    if any(rows is None for rows in inner):
        return None
    return [row for rows in inner for row in rows or ()]


def _is_row(value: object) -> bool:
    return isinstance(value, Object) and _id_key(value) is not None and _summary_key(value) is not None


def _row(row: object) -> list[Row]:
    """A row for each id it has; a value that is not a row becomes one without an id."""
    if not isinstance(row, Object):
        return [(None, None)]
    ids = row.all(_id_key(row) or "") or [None]
    summaries = row.all(_summary_key(row) or "") or [None]
    agreed = all(value == ids[0] for value in ids) and all(value == summaries[0] for value in summaries)
    if agreed:
        return [(ids[0], summaries[0])]
    return [(given, GivenTwice()) for given in ids]


def _id_key(row: Object) -> str | None:
    return _key(row, "author_id", lambda words: words[-1] in ("id", "authorid"))


def _summary_key(row: Object) -> str | None:
    return _key(row, "summary", lambda words: "summary" in words)


def _key(row: Object, name: str, fits: Callable[[list[str]], bool]) -> str | None:
    """The requested key, otherwise the only one with that meaning: `authorId`, `id`, `Summary`."""
    names = {key for key, _ in row.pairs}
    if name in names:
        return name
    fitting = [key for key in names if (words := [word.lower() for word in _WORD.findall(key)]) and fits(words)]
    return fitting[0] if len(fitting) == 1 else None
