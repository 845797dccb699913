"""The next item made while the last one is used: an ingest reads and writes at once, one item more in memory."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Generator[T, None, None]) -> Generator[T, None, None]:
    """The same items in the same order, each made in a thread of its own while the one before is with the caller.

    An error of `items` comes when its item is asked for. `items` is closed at the end, early or not.
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
