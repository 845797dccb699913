"""The loss caused by an ingest: when it is refused, its likely cause, and the code that accepts it. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_SHOWN = 3
_CODE = re.compile(r"\d+-lost-\d+-rejected-[0-9a-f]{8}")


@dataclass(frozen=True)
class Shares:
    """The most that an ingest may lose without acceptance: shares (0 … 1) of the authors, and of the source's rows."""

    lost: float
    rejected: float


@dataclass(frozen=True)
class Loss:
    """What an ingest would remove from the buckets that it fills.

    Attributes:
        held: number of authors that could be lost.
        removed: number of these that are no longer in the source.
        hollowed: number of these that would lose all papers and topics, so that nothing is left to summarise.
        emptied: buckets that would lose all their authors.
        source_rows: number of rows of the whole source.
        rejected: rejected rows of the whole source, by reason.
        source_authors: number of authors that the source has for these buckets.
        gone: example ids of lost authors. `new`: example ids of added authors.
        digest: hash of the lost authors and the rejected rows, 8 hex digits.
    """

    held: int
    removed: int
    hollowed: int
    emptied: tuple[str, ...]
    source_rows: int
    rejected: Mapping[str, int]
    source_authors: int
    gone: tuple[str, ...]
    new: tuple[str, ...]
    digest: str

    @property
    def lost(self) -> int:
        return self.removed + self.hollowed

    @property
    def rejected_rows(self) -> int:
        return sum(self.rejected.values())

    @property
    def code(self) -> str:
        """The code that accepts exactly this loss: the same authors, the same rejected rows."""
        return f"{self.lost}-lost-{self.rejected_rows}-rejected-{self.digest}"


def is_code(text: str) -> bool:
    return _CODE.fullmatch(text) is not None


def objections(loss: Loss, shares: Shares) -> list[str]:
    """The reasons to refuse the ingest, each as words that follow "it "; empty if it may proceed."""
    return list(_objections(loss, shares))


def _objections(loss: Loss, shares: Shares) -> Iterator[str]:
    if not loss.source_rows:
        yield f"reads no rows at all, where the tables hold {loss.held:,} authors"
    if loss.held and loss.lost / loss.held > shares.lost:
        yield (f"would {_taking(loss)} ({loss.lost / loss.held:.1%}; SUMMARIZER_MAX_REMOVED_SHARE is {shares.lost:g})")
    elif loss.emptied and shares.lost < 1:
        buckets = ", ".join(loss.emptied[:_SHOWN]) + (" …" if len(loss.emptied) > _SHOWN else "")
        yield (
            f"would take every author of {'the bucket' if len(loss.emptied) == 1 else f'{len(loss.emptied)} buckets:'} "
            f"{buckets} ({loss.lost:,} of {loss.held:,} authors in all)"
        )
    if loss.source_rows and loss.rejected_rows / loss.source_rows > shares.rejected:
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in sorted(loss.rejected.items()))
        yield (
            f"rejects {loss.rejected_rows:,} of the source's {loss.source_rows:,} rows ({reasons}; "
            f"SUMMARIZER_MAX_REJECTED_SHARE is {shares.rejected:g})"
        )


def _taking(loss: Loss) -> str:
    parts = []
    if loss.removed:
        parts.append(f"remove {loss.removed:,}")
    if loss.hollowed:
        parts.append(f"leave {loss.hollowed:,} without any paper or topic")
    return f"{' and '.join(parts)} of the {loss.held:,} authors that are there"


def likely_cause(loss: Loss, id_column: str) -> str:
    """The most likely cause of the loss; `id_column`: the source's column that is mapped to `author_id`."""
    if not loss.source_rows:
        return (
            "an export that came out empty or broke off behind its header, or line ends that are not understood, so "
            "that the whole file is its header"
        )
    if loss.rejected_rows > max(loss.source_rows / 10, loss.lost / 2):
        return _cause_of_rejecting(loss.rejected, id_column)
    if loss.hollowed > loss.removed:
        return (
            "the column of papers has another name (SUMMARIZER_COLUMNS), or is written in another way than before, so "
            "that nothing of it can be read"
        )
    if loss.gone and loss.new and _shapes(loss.gone).isdisjoint(_shapes(loss.new)):
        return (
            f"the ids are written in another way: the tables hold {loss.gone[0]!r}, the source has {loss.new[0]!r} in "
            f"its column {id_column!r} (whole numbers that became decimal ones, leading zeros, a prefix)"
        )
    if loss.source_authors < loss.held:
        return (
            f"a part of an export, or another table: the source has {loss.source_authors:,} authors here (it broke "
            "off, is one of several files, or has line ends or a dialect that swallow rows)"
        )
    return f"another table, or another column than before is taken for the author's id (it is {id_column!r} now)"


def _cause_of_rejecting(rejected: Mapping[str, int], id_column: str) -> str:
    reason = max(rejected, key=lambda name: rejected[name])
    if "id" in reason.split("_"):
        return (
            f"the wrong column is taken for the author's id (it is {id_column!r}; SUMMARIZER_COLUMNS maps another), or "
            "delimiter, quotes or line ends of the file are not read as they are meant"
        )
    return (
        f"the rows are written in another way than is read ({reason}): another format, delimiter, quoting or line end, "
        "or papers in a notation of their own"
    )


def _shapes(ids: Sequence[str]) -> set[str]:
    """The shapes of ids by kinds of characters: `1000123` and `1000123.0` differ, `12` and `1000123` do not."""
    return {re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", one)) for one in ids}
