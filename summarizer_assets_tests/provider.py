"""A provider for tests: a right answer function of its own, and the faulty application served on loopback."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from summarizer_assets.llm.faults import FaultyProvider, listening, server_of

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


@contextmanager
def serving(app: FaultyProvider) -> Iterator[str]:
    """Serve the application from a thread of this process; yields the base URL, ending in `/v1`."""
    listener = listening()
    server = server_of(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()
        assert not thread.is_alive(), "the provider did not stop"


@contextmanager
def serving_process(plan: Path | None = None, answer_function: str = f"{__name__}:answer") -> Iterator[str]:
    """Serve it from a process of its own, which outlives whatever the test kills; yields the base URL."""
    command = [sys.executable, "-m", "summarizer_assets.llm.faults", "--answer", answer_function]
    if plan is not None:
        command += ["--plan", str(plan)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["base_url"]
        finally:
            process.terminate()


def control(base_url: str, what: str, body: bytes | None = None) -> httpx.Response:
    """`record`, `plan` or `heal` of a served provider; with a body (even an empty one) as POST."""
    url = f"{base_url.removesuffix('/v1')}/_control/{what}"
    return httpx.get(url, timeout=10) if body is None else httpx.post(url, content=body, timeout=10)
