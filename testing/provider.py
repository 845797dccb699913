"""A provider for tests: a right answer function of its own, and the faulty provider served on loopback."""

import asyncio
import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec

from summarizer_assets.llm.http.event_loop import loop_factory
from summarizer_assets.rehearsal.http_server import WireDoor
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.process import running
from summarizer_assets.rehearsal.provider import FaultyProvider

_AUTHOR = re.compile(r'^#("(?:[^"\\]|\\.)*")(.*)$', re.MULTILINE)


def summary_of(headline: str) -> str:
    """What the test's provider says of an author: the record's headline, told as a sentence."""
    name = headline.strip().split(" @ ")[0].split(" | ")[0]
    return f"{name} is the author of the papers recorded here."


def answer(body: bytes) -> bytes:
    """A right completion for every author rendered in the last message of a request."""
    asked = _AUTHOR.findall(json.loads(body)["messages"][-1]["content"])
    rows = [{"author_id": json.loads(author_id), "summary": summary_of(headline)} for author_id, headline in asked]
    content = json.dumps({"summaries": rows})
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": "test-model",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
            "usage": {"prompt_tokens": len(body) // 4, "completion_tokens": len(content) // 4},
        }
    ).encode()


def request_for(*records: str) -> bytes:
    """The body of a request that asks for these rendered records."""
    return json.dumps({"model": "test-model", "messages": [{"role": "user", "content": "\n".join(records)}]}).encode()


@dataclass(frozen=True)
class Served:
    """Where a served provider is found; `control_url` answers even while the provider is shut."""

    base_url: str
    control_url: str


@contextmanager
def serving_both(provider: FaultyProvider, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Serve the provider by the raw door, from a thread of this process."""
    opened: list[tuple[WireDoor, asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()

    async def serve() -> None:
        end = asyncio.Event()
        opened.append((WireDoor(provider, tls=tls), asyncio.get_running_loop(), end))
        ready.set()
        await end.wait()
        opened[0][0].close()

    def run() -> None:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="provider", daemon=True)
    thread.start()
    assert ready.wait(20), "the provider did not start"
    door, loop, end = opened[0]
    try:
        yield Served(door.base_url, door.control_url)
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(timeout=20)
        assert not thread.is_alive(), "the provider did not stop"


@contextmanager
def serving(provider: FaultyProvider) -> Iterator[str]:
    """The same; yields the base URL, ending in `/v1`."""
    with serving_both(provider) as served:
        yield served.base_url


@contextmanager
def serving_process(
    plan: Path | None = None, answer_function: str = f"{__name__}:answer", *options: str
) -> Iterator[str]:
    """Serve it from a process of its own, which outlives whatever the test kills; yields the base URL."""
    loaded = Plan() if plan is None else msgspec.json.decode(plan.read_bytes(), type=Plan)
    with running(loaded, ["--answer", answer_function, *options]) as process:
        yield process.base_url


def control(base_url: str, what: str, body: bytes | None = None) -> httpx.Response:
    """`record`, `stats`, `plan` or `heal` of a served provider; with a body (even an empty one) as POST."""
    url = f"{base_url.removesuffix('/v1')}/_control/{what}"
    return httpx.get(url, timeout=10) if body is None else httpx.post(url, content=body, timeout=10)
