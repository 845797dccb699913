"""What may be said of buckets whose history is lost: what their rows show, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from summarizer_assets.core.coverage import Coverage


def settled(coverage: Coverage) -> bool:
    """Whether a bucket is done: it has authors, and of each it is known what became of them."""
    return coverage.authors > 0 and coverage.pending == 0


def parts(rows: Mapping[str, int], buckets: Sequence[str], most: int) -> Iterator[list[str]]:
    """The buckets in order, so many at a time that they hold at most `most` rows; a larger bucket comes alone."""
    part: list[str] = []
    for bucket in buckets:
        if part and sum(rows.get(other, 0) for other in (*part, bucket)) > most:
            yield part
            part = []
        part.append(bucket)
    if part:
        yield part


@dataclass
class Rebuilt:
    """What became of the partitions. `reported` and `green` (left as they were) count them by asset.

    `unfinished`: with authors that have no row yet. `empty`: without an author. `at_work`: a run tells of them itself.
    `others`: were shown as done by a run on another root, which one.
    """

    reported: dict[str, int] = field(default_factory=dict)
    green: dict[str, int] = field(default_factory=dict)
    unfinished: dict[str, Coverage] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    at_work: list[str] = field(default_factory=list)
    others: dict[str, str] = field(default_factory=dict)
