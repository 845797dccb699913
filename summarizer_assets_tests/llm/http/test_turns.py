import asyncio

import pytest

from summarizer_assets.llm.http.turns import Turns


async def ready_together(turns: Turns, count: int) -> list[str]:
    """Callers that are ready together, each of whom makes a task when it has its turn: the order of all."""
    order: list[str] = []
    followers: list[asyncio.Task[None]] = []

    async def follower(number: int) -> None:
        order.append(f"sent {number}")

    async def caller(number: int) -> None:
        await turns.wait()
        order.append(f"read {number}")
        followers.append(asyncio.create_task(follower(number)))

    await asyncio.gather(*(caller(number) for number in range(count)))
    await asyncio.gather(*followers)
    return order


def test_what_one_turn_sets_off_runs_before_the_next_turn():
    order = asyncio.run(ready_together(Turns(), 4))
    assert order == [f"{what} {number}" for number in range(4) for what in ("read", "sent")]


def test_a_lone_caller_does_not_wait():
    async def lone() -> None:
        waiting = Turns().wait()
        with pytest.raises(StopIteration):
            waiting.send(None)

    asyncio.run(lone())


def test_a_caller_that_was_cancelled_holds_up_nobody():
    async def cancelled_between() -> list[str]:
        turns = Turns()
        order: list[str] = []

        async def caller(name: str) -> None:
            await turns.wait()
            order.append(name)

        tasks = [asyncio.create_task(caller(name)) for name in "abc"]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(9):  # the turn is free again
            await asyncio.sleep(0)
        await asyncio.wait_for(turns.wait(), 5)
        return order

    assert asyncio.run(cancelled_between()) == ["a", "c"]
