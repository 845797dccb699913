"""A run that is told to end ends soon, whatever it was about."""

import asyncio
from types import SimpleNamespace

import pytest

from summarizer_assets.bucket import dispatch
from summarizer_assets.bucket.dispatch import Dispatcher
from summarizer_assets.bucket.group import Group
from summarizer_assets.core.outcome import Stop

TOLD, OTHER = Stop("terminated", "told to end"), Stop("auth", "the key is refused")


@pytest.mark.parametrize(
    "before",
    [
        [],
        ["request_stop"],
        ["interrupt"],
        ["request_stop", "interrupt"],
        ["request_stop", "request_stop"],
    ],
)
def test_a_run_told_to_end_waits_no_longer_than_its_grace_for_what_is_in_flight(monkeypatch, before):
    monkeypatch.setattr(dispatch, "_GRACE_S", 0.05)

    async def end() -> Stop | None:
        in_flight = asyncio.Event()

        async def ask(_group: Group, _probe: bool) -> None:
            in_flight.set()
            await asyncio.Event().wait()  # a provider that never answers

        breaker = SimpleNamespace(open=False, listener=None)
        dispatcher = Dispatcher(SimpleNamespace(breaker=breaker, stop_sending=lambda: None), ask, lambda: 4)
        dispatcher.backlog.add(Group([0]))
        running = asyncio.create_task(dispatcher.run())
        await in_flight.wait()
        for how in before:
            getattr(dispatcher, how)(OTHER)
        dispatcher.interrupt(TOLD)
        async with asyncio.timeout(20):
            await running
        return dispatcher.stop

    assert asyncio.run(end()) == (OTHER if before else TOLD)
