"""The verdict of a quality check: passed or not, severity, description, and the affected authors."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from summarizer_assets.core.display_text import cut
from summarizer_assets.core.markdown import escaped

_NAMED = 5  # authors named in a text; a longer list is not read
_LONGEST_ID = 60


@dataclass(frozen=True)
class Verdict:
    """The verdict of one check.

    `text`: the finding and, if the check failed, the remedy, as Markdown. `wrong`: rows are wrong, not only in need of
    a run or of attention. `facts`: its numbers.
    """

    holds: bool
    text: str
    wrong: bool = False
    facts: Mapping[str, float | int] = field(default_factory=dict)


def all_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Combine verdicts; if any failed, only the failed ones are described."""
    broken = [verdict for verdict in verdicts if not verdict.holds]
    facts: dict[str, float | int] = {}
    for verdict in verdicts:
        for name, number in verdict.facts.items():
            facts[name] = facts.get(name, 0) + number
    return Verdict(
        holds=not broken,
        text=" ".join(verdict.text for verdict in broken or verdicts),
        wrong=any(verdict.wrong for verdict in broken),
        facts=facts,
    )


@dataclass
class Offenders:
    """Authors who violate a check: their number, and a few by bucket and id."""

    number: int = 0
    buckets: list[str] = field(default_factory=list)
    _named: list[tuple[str, str]] = field(default_factory=list)

    def add(self, bucket: str, ids: Iterable[str | None]) -> None:
        """Add ids, each once."""
        ordered = sorted("" if author_id is None else author_id for author_id in ids)
        if not ordered:
            return
        self.number += len(ordered)
        self.buckets.append(bucket)
        self._named += [(bucket, author_id) for author_id in ordered[: _NAMED - len(self._named)]]

    def __bool__(self) -> bool:
        return self.number > 0

    def __str__(self) -> str:
        named: dict[str, list[str]] = {}
        for bucket, author_id in self._named:
            named.setdefault(bucket, []).append(shown_id(author_id))
        parts = "; ".join(f"bucket {bucket}: {', '.join(ids)}" for bucket, ids in named.items())
        more = self.number - len(self._named)
        return f"{parts} and {more:,} more" if more else parts


def shown_id(author_id: str) -> str:
    """An id escaped for Markdown, because ids are untrusted data."""
    text = cut(author_id, _LONGEST_ID)
    return escaped(text if text.isprintable() and text else json.dumps(text))
