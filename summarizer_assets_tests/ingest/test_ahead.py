"""The next item is made while the last one is used; nothing else is different from plain iteration."""

import threading
from collections.abc import Generator

import pytest

from summarizer_assets.ingest.ahead import ahead


def test_items_come_in_order_and_the_next_one_is_made_meanwhile() -> None:
    made = [threading.Event() for _ in range(5)]

    def items() -> Generator[int, None, None]:
        for number, event in enumerate(made):
            event.set()
            yield number

    found = []
    for item in ahead(items()):
        found.append(item)
        if item + 1 < len(made):
            assert made[item + 1].wait(30)  # without the caller asking for it
        if item + 2 < len(made):
            assert not made[item + 2].is_set()  # one ahead, not more
    assert found == list(range(5))


def test_an_error_comes_when_its_item_is_asked_for_and_closes_what_makes_them() -> None:
    closed = []

    def items() -> Generator[int, None, None]:
        try:
            yield 1
            raise OSError("the source broke off")
        finally:
            closed.append(True)

    coming = ahead(items())
    assert next(coming) == 1
    with pytest.raises(OSError, match="broke off"):
        next(coming)
    assert closed == [True]


def test_who_stops_early_closes_what_makes_them_and_leaves_no_thread() -> None:
    closed = []

    def items() -> Generator[int, None, None]:
        try:
            yield from range(1000)
        finally:
            closed.append(True)

    coming = ahead(items())
    assert next(coming) == 0
    coming.close()
    assert closed == [True]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
