"""A run that is told to end ends soon, whatever it was about; one with nothing left to do ends by itself."""

import asyncio
from types import SimpleNamespace

import pytest

from summarizer_assets.bucket_run.asking import scheduler as module
from summarizer_assets.bucket_run.asking.group import Group
from summarizer_assets.bucket_run.asking.scheduler import Scheduler
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
    monkeypatch.setattr(module, "_GRACE_S", 0.05)

    async def end() -> Stop | None:
        in_flight = asyncio.Event()

        async def ask(_group: Group, _probe: bool) -> None:
            in_flight.set()
            await asyncio.Event().wait()  # a provider that never answers

        breaker = SimpleNamespace(open=False, listener=None)
        scheduler = Scheduler(SimpleNamespace(breaker=breaker, stop_sending=lambda: None), ask, lambda: 4)
        scheduler.backlog.add(Group([0]))
        running = asyncio.create_task(scheduler.run())
        await in_flight.wait()
        for how in before:
            getattr(scheduler, how)(OTHER)
        scheduler.interrupt(TOLD)
        async with asyncio.timeout(20):
            await running
        return scheduler.stop

    assert asyncio.run(end()) == (OTHER if before else TOLD)


def test_a_run_whose_last_requests_end_an_outage_does_not_wait_for_the_probe_that_was_due():
    """Seen: the timer of a probe was not cancelled, found nobody to ask, and the run waited for ever."""
    probes = []

    async def end() -> None:
        answered = asyncio.Event()
        breaker = SimpleNamespace(open=False, listener=lambda: None, wait_s=0.05)

        async def ask(group: Group, probe: bool) -> None:
            probes.append(probe)
            if group.positions == [0]:
                breaker.open = True
                breaker.listener()
                scheduler.backlog.add(Group([1]), first=True)
                answered.set()
                return
            await answered.wait()  # under way when the outage began
            await asyncio.sleep(0)
            breaker.open = False
            breaker.listener()

        scheduler = Scheduler(SimpleNamespace(breaker=breaker, stop_sending=lambda: None), ask, lambda: 4)
        scheduler.backlog.add(Group([0]))
        scheduler.backlog.add(Group([2]))
        async with asyncio.timeout(20):
            await scheduler.run()

    asyncio.run(end())
    assert probes == [False, False, False]


def test_a_run_stopped_in_an_outage_ends_without_another_probe():
    asked = []

    async def end() -> None:
        breaker = SimpleNamespace(open=True, listener=None, wait_s=0.05)

        async def ask(group: Group, _probe: bool) -> None:
            asked.append(group)

        scheduler = Scheduler(SimpleNamespace(breaker=breaker, stop_sending=lambda: None), ask, lambda: 4)
        scheduler.backlog.add(Group([0]))
        running = asyncio.create_task(scheduler.run())
        await asyncio.sleep(0)
        scheduler.request_stop(OTHER)
        async with asyncio.timeout(20):
            await running

    asyncio.run(end())
    assert not asked
