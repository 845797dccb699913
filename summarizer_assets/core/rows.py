"""The text of a reply to its rows: (id, summary) pairs as they were given, not yet matched or judged."""

from collections.abc import Sequence

import msgspec

from summarizer_assets.core.envelope import UnusableReply, printable
from summarizer_assets.core.records import FailureReason
from summarizer_assets.core.strange_json import NotJsonError, Object, parse

_FENCE = "```"


class GivenTwice:
    """What a key's value is when one object gave it twice, differently."""


class _Row(msgspec.Struct):
    author_id: str | int
    summary: str


class _Rows(msgspec.Struct):
    summaries: list[_Row]


_ROWS = msgspec.json.Decoder(_Rows)


def read_rows(content: str) -> Sequence[tuple[object, object]]:
    """The rows of `{"summaries": [{"author_id": …, "summary": …}]}` or of the bare list.

    Raises:
        UnusableReply: the text is no JSON, or JSON of another shape.
    """
    try:
        parsed = _ROWS.decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _patiently(content)  # it says exactly what is wrong, or reads what can be read
    # A key given twice in one object hides its first value: then there are more keys than rows.
    count = len(parsed.summaries)
    if content.count('"author_id"') != count or content.count('"summary"') != count:
        return _patiently(content)
    return [(row.author_id, row.summary) for row in parsed.summaries]


def _patiently(content: str) -> list[tuple[object, object]]:
    try:
        parsed = parse(_without_fence(content))
    except NotJsonError as error:
        detail = printable(f"the answer is no JSON: {error}")
        raise UnusableReply(FailureReason.BAD_JSON, detail, retry_same=True, split=True) from None
    lists = parsed.all("summaries") if isinstance(parsed, Object) else [parsed]
    if not lists or not all(isinstance(rows, list) for rows in lists):
        detail = "the answer is JSON without a list of summaries"
        raise UnusableReply(FailureReason.BAD_SHAPE, detail, retry_same=True, split=True)
    found: list[tuple[object, object]] = []
    for rows in lists:
        assert isinstance(rows, list)  # checked above
        for row in rows:
            found += _row(row)
    return found


def _row(row: object) -> list[tuple[object, object]]:
    """A row under each id it gives; what is no row is one under no id."""
    if not isinstance(row, Object):
        return [(None, None)]
    ids = row.all("author_id") or [None]
    summaries = row.all("summary") or [None]
    agreed = all(value == ids[0] for value in ids) and all(value == summaries[0] for value in summaries)
    if agreed:
        return [(ids[0], summaries[0])]
    return [(given, GivenTwice()) for given in ids]


def _without_fence(content: str) -> str:
    """The text inside one code fence that is all of the answer; any other text as it is."""
    text = content.strip()
    if not text.startswith(_FENCE) or not text.endswith(_FENCE) or "\n" not in text:
        return text
    return text[text.index("\n") : -len(_FENCE)]
