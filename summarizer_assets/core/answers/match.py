"""Matching of answer rows to the authors asked: exact ids, or altered ones if they are unambiguous."""

import json
from collections.abc import Collection, Sequence

from summarizer_assets.core.answers.rows import Row

_LARGEST_EXACT_INTEGER = 2**53 - 1  # above it a server that parses numbers as doubles may return a neighbouring id
_PAIRS = frozenset(('""', "''", "``", "\u201c\u201d", "\u2018\u2019", "\u00ab\u00bb", "[]", "()", "<>", "{}"))
_LAYERS = 6  # `#`, quotes, brackets, each perhaps twice


class AskedIds:
    """The ids of one request."""

    def __init__(self, asked: Collection[str]) -> None:
        self._asked = asked
        self._bare: dict[str, str | None] | None = None

    def meant(self, given: object) -> str | None:
        """The id asked for that a row means; None if it means none, or is ambiguous.

        Accepts a string, or an integer small enough to be exact. An exact echo is always that id; otherwise blanks, the
        record's `#`, quotes, brackets and JSON escapes are stripped on both sides.
        """
        if isinstance(given, int) and not isinstance(given, bool) and abs(given) <= _LARGEST_EXACT_INTEGER:
            given = str(given)
        if not isinstance(given, str):
            return None
        if given in self._asked:
            return given
        if self._bare is None:
            self._bare = {}
            for asked in self._asked:
                bare = _undressed(asked)
                self._bare[bare] = None if bare in self._bare else asked
        bare = _undressed(given)
        return self._bare.get(bare) if bare else None


def by_id(documents: Sequence[Sequence[Row]], asked: Collection[str]) -> tuple[dict[str, object], set[str], int, bool]:
    """Answers by id, ids with contradicting answers, number of rows under unknown ids, and whether any id repeated."""
    if len(documents) == 1 and [given for given, _ in documents[0]] == list(asked):
        return dict(documents[0]), set(), 0, False  # type: ignore[arg-type] # the ids are those asked: texts
    ids = AskedIds(asked)
    answers: dict[str, object] = {}
    contradicted: set[str] = set()
    unknown = 0
    repeated = False
    for rows in documents if len(documents) == 1 else _standing(documents, ids):
        for given, summary in rows:
            author_id = given if isinstance(given, str) and given in asked else ids.meant(given)
            if author_id is None:
                unknown += 1
            elif author_id not in answers:
                answers[author_id] = summary
            else:
                repeated = True
                if not isinstance(summary, str) or summary != answers[author_id]:
                    contradicted.add(author_id)
    return answers, contradicted, unknown, repeated


def _standing(documents: Sequence[Sequence[Row]], ids: AskedIds) -> list[Sequence[Row]]:
    """The documents whose rows count: without drafts, and without documents that answer no author asked.

    A draft is a document replaced by a later one that answers all its authors, and at least two. So a document for one
    author, which the model may only quote, replaces no answer; the two contradict each other.
    """
    named = [{author_id for given, _ in rows if (author_id := ids.meant(given)) is not None} for rows in documents]
    if not any(named):
        return list(documents)
    return [
        rows
        for number, (rows, here) in enumerate(zip(documents, named, strict=True))
        if here and not any(len(later) > 1 and here <= later for later in named[number + 1 :])
    ]


def _undressed(text: str) -> str:
    for _ in range(_LAYERS):
        before, text = text, text.strip().removeprefix("#")
        if text[:1] + text[-1:] in _PAIRS and len(text) > 2:  # noqa: PLR2004 - a pair around something
            text = text[1:-1]
        if "\\" in text:
            text = _unescaped(text)
        if text == before:
            break
    return text


def _unescaped(text: str) -> str:
    try:
        found = json.loads(f'"{text}"', strict=False)
    except ValueError:
        return text
    return found if isinstance(found, str) else text
