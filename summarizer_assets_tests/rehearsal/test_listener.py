"""A listener leaves no connection behind, at whatever moment it is closed."""

import asyncio
import gc
import socket
import warnings

import pytest

from summarizer_assets.llm.http.event_loop import loop_factory
from summarizer_assets.rehearsal.listener import Listener


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("factory", [loop_factory(), asyncio.new_event_loop])
def test_a_connection_that_is_just_accepted_is_closed_with_its_listener(turns, factory):
    async def serve() -> None:
        listener = Listener(asyncio.Protocol, "127.0.0.1", 0, tls=None, on_tls_failure=lambda: None)
        with socket.create_connection(("127.0.0.1", listener.port)):
            for _ in range(turns):  # of the loop: before it is accepted, before its task begins, before that ends
                await asyncio.sleep(0)
            listener.close()
            await asyncio.sleep(0)

    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(serve())
            runner.run(asyncio.sleep(0.01))  # the client is gone: what came about ends by itself
        gc.collect()
    assert [str(warning.message) for warning in left_open] == []
