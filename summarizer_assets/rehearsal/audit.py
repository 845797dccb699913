"""Audit of the provider's request log: whether the client paid for any author twice."""

from collections import Counter
from collections.abc import Iterable

from summarizer_assets.rehearsal.body_faults import ROWS
from summarizer_assets.rehearsal.plan import SLOW
from summarizer_assets.rehearsal.request_log import Entry
from summarizer_assets.rehearsal.wire_faults import SCRIPTS

_WHOLE = frozenset({None, SLOW, *(name for name, script in SCRIPTS.items() if script.whole)})
_OF_A_NEIGHBOUR_TOO = frozenset({"swapped"})


def right_answers(entries: Iterable[Entry]) -> Counter[str]:
    """How often each author got a correct, complete answer that the client could store.

    If a fault hits single rows, the other rows of the answer are correct. A count above 1 was paid for twice.
    """
    found: Counter[str] = Counter()
    for entry in entries:
        if entry.answered_s is None:
            continue
        if entry.fault in _WHOLE:
            found.update(entry.ids)
        elif entry.fault in ROWS and entry.fault not in _OF_A_NEIGHBOUR_TOO:
            found.update(set(entry.ids).difference(entry.hit))
    return found


def paid_twice(entries: Iterable[Entry]) -> int:
    """The number of correct answers for authors that already had one."""
    return sum(times - 1 for times in right_answers(entries).values())
