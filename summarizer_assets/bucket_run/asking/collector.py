"""Python's garbage collector while a run asks: it has little to find, and looks through ever more answers for it."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_COLLECT_AFTER = (20_000, 50, 100)
_lock = threading.Lock()
_before: list[tuple[int, int, int]] = []  # the thresholds to restore, once for each run of this process that asks


@contextmanager
def few_collections() -> Iterator[None]:
    """Collect seldom, and never among what is there already. Undone when the last of several runs has left."""
    with _lock:
        _before.append(_before[0] if _before else gc.get_threshold())
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)
    try:
        yield
    finally:
        with _lock:
            thresholds = _before.pop()
            if not _before:
                gc.unfreeze()
                gc.set_threshold(*thresholds)
