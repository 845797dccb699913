"""The rules of reading a reply in their plainest form: one answer at a time, slowly, to compare the real reader with.

It shares with the real one what that has once only: the patient parser, the altered ids, the judging.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from summarizer_assets.core.answers.completion import Completion
from summarizer_assets.core.answers.match import AskedIds, _standing
from summarizer_assets.core.answers.reply import (
    CONTRADICTED,
    NO_ANSWER,
    AnswerChecks,
    Asked,
    Reading,
    _backdrop,
    _flags,
    _kind,
)
from summarizer_assets.core.answers.rows import _patiently, read_rows
from summarizer_assets.core.answers.text_safety import _ADDRESS, _BROKEN, _JOINERS, _LAYOUT, _TAG, _has_scheme
from summarizer_assets.core.judging.judge import UNJUDGED, judge
from summarizer_assets.core.records import FailureReason

_LINK = re.compile(r"\]\s?\((?!\w+/\w+\))[^)\s]*[/:#?]|^\[[^\]]*\]:\s*\S*[/#]")
_PATH = re.compile(r"\w\.(?:com|org|net|edu|gov|info|biz|io|ai|app|dev|co|me|ly|xyz|site|ru|cn)(?::\d+)?/")


def read_plainly(  # noqa: C901, PLR0912 - all rules in one place
    completion: Completion, asked: Sequence[Asked], limits: AnswerChecks
) -> Reading:
    """As `read_reply`."""
    content, cut = completion.content, completion.cut
    by_id = {author.author_id: author for author in asked}
    ids = AskedIds(by_id)
    answers: dict[str, object] = {}
    contradicted, unknown, repeated = set(), 0, False
    for rows in _standing(read_rows(content, cut=cut) if cut else _patiently(content), ids):
        for given, answer in rows:
            author_id = ids.meant(given)
            if author_id is None:
                unknown += 1
            elif author_id not in answers:
                answers[author_id] = answer
            else:
                repeated = True
                if not isinstance(answer, str) or answer != answers[author_id]:
                    contradicted.add(author_id)
    flags = _flags(completion, limits, unknown=unknown > 0, repeated=repeated)
    reading = Reading([], {}, {}, completion.told, completion.model, unknown, flags)
    texts = {}
    for place, (author_id, _, record) in enumerate(asked):
        if author_id in contradicted or author_id not in answers:
            reading.again[author_id] = FailureReason.ID_MISMATCH
            reading.details[author_id] = CONTRADICTED if author_id in contradicted else NO_ANSWER
        elif not isinstance(answer := answers[author_id], str):
            reading.again[author_id] = FailureReason.BAD_TYPE
            reading.details[author_id] = f"the summary was {_kind(answer)}"
        elif problem := _problem(text := _folded(answer), record, limits):
            reading.again[author_id] = problem
        else:
            texts[place] = text
    judged = judge(texts, asked, _backdrop(limits, by_id), limits.language) if limits.judged and texts else {}
    for place, text in texts.items():
        author_id, judgement = asked[place].author_id, judged.get(place, UNJUDGED)
        if judgement.refused is None:
            reading.accepted.append((author_id, text, judgement))
        else:
            reading.again[author_id], reading.details[author_id] = FailureReason.UNGROUNDED, judgement.refused
    return reading


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", _LAYOUT.sub(" ", text).strip(" \u00a0\u3000"))


def _problem(text: str, record: str, limits: AnswerChecks) -> FailureReason | None:  # noqa: PLR0911 - one a rule
    if not text:
        return FailureReason.EMPTY_SUMMARY
    if len(text) > limits.max_characters:
        return FailureReason.TOO_LONG
    if _BROKEN.search(_JOINERS.sub("", text)):
        return FailureReason.BAD_TEXT
    lower = text.lower()
    patterns = (_TAG, _ADDRESS, _LINK)
    if any(pattern.search(text) for pattern in patterns) or _PATH.search(lower) or _has_scheme(text):
        return FailureReason.UNSAFE_TEXT
    if "www." in lower or "![" in text:
        return FailureReason.UNSAFE_TEXT
    sentences = [" ".join(one.split()) for one in re.split(r"[.!?:]\s|\n", limits.instruction)]
    if any(one in text for one in [*limits.delimiters, *(one[:40] for one in sentences if len(one) >= 40)]):
        return FailureReason.ECHO
    quarter = max(1, len(text) // 4)
    if not any(text[start : start + 24] in record for start in range(0, 3 * quarter + 1, quarter)):
        return None
    pairs = [(one, after) for one, after in pairwise(record.split("\n")) if min(len(one), len(after)) >= 24]
    copies = [f"{one[-24:]} {after[:24].strip()}" for one, after in pairs]
    opening = [" ".join(record[:60].split())] if len(record) >= 60 else []
    return FailureReason.ECHO if any(copy in text for copy in copies + opening) else None
