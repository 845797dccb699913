"""Prefetch of one item in a background thread, so that an ingest reads and writes at the same time."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Generator[T, None, None]) -> Generator[T, None, None]:
    """Yield the same items in the same order, each computed in a thread while the caller uses the one before it.

    Costs the memory of one more item. An error of `items` is raised when the caller requests the failed item. `items`
    is closed at the end, also when the caller stops early.
    """
    end = object()
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
            coming = thread.submit(next, items, end)
            while (item := coming.result()) is not end:
                coming = thread.submit(next, items, end)
                yield item  # type: ignore[misc] # `end` is told apart by identity, which mypy does not follow
    finally:
        items.close()
