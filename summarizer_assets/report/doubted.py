"""Presentation of a doubtful summary: its text with marked passages, and the reasons in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.judging.doubts import Piece, pieces
from summarizer_assets.core.judging.flags import Flag, flag_of
from summarizer_assets.report.facts import Doubt

#: Characters of a summary that are shown.
LONGEST: Final = 4000


@dataclass(frozen=True, slots=True)
class Reason:
    """A flag of the text; `passages`: the passages of the summary that raised it, if there are any."""

    flag: Flag
    passages: Sequence[str]


def marked(doubt: Doubt) -> list[Piece]:
    """The summary in pieces, with invisible characters made visible."""
    return pieces(made_visible(doubt.summary, LONGEST), doubt.doubted)


def reasons(doubt: Doubt) -> list[Reason]:
    """The reasons, the most serious first."""
    flags = [flag for value in doubt.flags if (flag := flag_of(value)) is not None and flag.doubt is not None]
    summary = made_visible(doubt.summary, LONGEST)
    found = []
    for flag in sorted(flags, key=list(Flag).index):
        parts = pieces(summary, {flag: doubt.doubted.get(flag, ())})
        found.append(Reason(flag, list(dict.fromkeys(part.text for part in parts if part.doubted))))
    return found
