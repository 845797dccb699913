"""A provider that fails on purpose, to rehearse what the real ones do: an ASGI application around a right one.

    python -m summarizer_assets.llm.faults --port 0 --plan plan.json

prints its base URL as JSON. Control, while it runs: `GET /_control/record` (every request and what it got),
`GET` and `POST /_control/plan` (see `fault_plan.Plan`), `POST /_control/heal` (drop all rules).
"""

import argparse
import asyncio
import importlib
import socket
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from summarizer_assets.llm.embedded import RequestRefusedError
from summarizer_assets.llm.fault_bodies import BODIES, Original
from summarizer_assets.llm.fault_plan import STALL, Plan
from summarizer_assets.llm.fault_statuses import STATUSES, Answer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: What a right provider answers: the request's body to the completion's body.
AnswerFunction = Callable[[bytes], bytes]

RATE_LIMITED = "rate_limited"
_DEFAULT_ANSWER = "summarizer_assets.llm.embedded:answer"
_OK = 200


class Entry(msgspec.Struct):
    """One request as the server saw it, noted on arrival."""

    number: int  # from 1
    at_s: float  # since the server's start
    ids: tuple[str, ...]  # the authors asked for
    fault: str | None  # None: answered right
    hit: tuple[str, ...] = ()  # the authors the fault was meant for
    status: int | None = None  # None: hung up on before an answer
    answered_s: float | None = None


class _Limit:
    """An allowance of so many a minute that refills all the time and holds a second's worth; None allows all."""

    def __init__(self, per_minute: int | None, now: float) -> None:
        self.per_minute = per_minute
        self._rate = (per_minute or 0) / 60
        self._capacity = max(1.0, self._rate)
        self._left = self._capacity
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until something may go, 0 when it may now."""
        if self.per_minute is None:
            return 0.0
        self._left = min(self._capacity, self._left + (now - self._at) * self._rate)
        self._at = now
        return 0.0 if self._left > 0 else (-self._left + 1e-3) / self._rate

    def take(self, amount: float) -> None:
        self._left -= amount

    def headers(self, name: str) -> dict[str, str]:
        if self.per_minute is None:
            return {}
        full = (self._capacity - self._left) / self._rate
        return {
            f"x-ratelimit-limit-{name}": str(self.per_minute),
            f"x-ratelimit-remaining-{name}": str(max(0, int(self._left))),
            f"x-ratelimit-reset-{name}": f"{max(0.0, full):.3f}s",
        }


class FaultyProvider:
    """The application. `entries` and `plan` may be read, `use(plan)` called, from the process it runs in.

    Args:
        answer: the right provider's answer; its `summaries` say who was asked for. It may raise
            `RequestRefusedError`, which is answered with its status and not recorded.
        plan: what goes wrong.
        clock: seconds, for limits and healing.
        sleep: waits for latency.
    """

    def __init__(
        self,
        answer: AnswerFunction,
        plan: Plan | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._answer = answer
        self._clock = clock
        self._sleep = sleep
        self._started = clock()
        self.entries: list[Entry] = []
        self.use(plan or Plan())

    def use(self, plan: Plan) -> None:
        """Go on by another plan; its counts and its time start now."""
        now = self._clock()
        self.plan = plan
        self._plan_from = (len(self.entries), now)
        self._times: dict[tuple[str, ...], int] = {}
        self._requests = _Limit(plan.requests_per_minute, now)
        self._tokens = _Limit(plan.tokens_per_minute, now)

    def heal(self) -> None:
        """Drop all rules; latency and limits stay."""
        self.use(msgspec.structs.replace(self.plan, rules=()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"this application serves HTTP only, not {scope['type']}; start it with lifespan off")
        body = await _read(receive)
        match (scope["method"], scope["path"]):
            case ("POST", path) if path.endswith("/chat/completions"):
                await self._complete(body, receive, send)
            case ("GET", "/_control/record"):
                await _send_json(send, self.entries)
            case ("GET", "/_control/plan"):
                await _send_json(send, self.plan)
            case ("POST", "/_control/plan"):
                await self._change_plan(body, send)
            case ("POST", "/_control/heal"):
                self.heal()
                await _send_json(send, self.plan)
            case (method, path):
                await _send_json(send, {"error": {"message": f"no such endpoint: {method} {path}"}}, status=404)

    async def _change_plan(self, body: bytes, send: Send) -> None:
        try:
            plan = msgspec.json.decode(body, type=Plan)
        except msgspec.DecodeError as error:
            await _send_json(send, {"error": {"message": f"this is no plan: {error}"}}, status=422)
            return
        self.use(plan)
        await _send_json(send, plan)

    async def _complete(self, body: bytes, receive: Receive, send: Send) -> None:
        try:
            right = self._answer(body)
        except RequestRefusedError as refused:  # as any provider would: whatever the plan, the request itself is wrong
            await _send(send, Answer(refused.status, refused.body))
            return
        original = Original.of(right)
        entry = Entry(len(self.entries) + 1, self._clock() - self._started, original.ids, None)
        answer = self._decide(entry, right, original)
        self.entries.append(entry)
        if entry.fault == STALL:
            await _hung_up(receive)
            return
        if entry.fault != RATE_LIMITED:
            await self._sleep_for(original.ids)
        await _send(send, answer)
        entry.status = answer.status
        entry.answered_s = self._clock() - self._started

    async def _sleep_for(self, ids: tuple[str, ...]) -> None:
        latency = self.plan.latency(ids)
        if latency > 0:
            await self._sleep(latency)

    def _decide(self, entry: Entry, right: bytes, original: Original) -> Answer:
        """The answer to a request; notes in the entry what is wrong with it."""
        now = self._clock()
        wait = max(self._requests.wait(now), self._tokens.wait(now))
        limits = {**self._requests.headers("requests"), **self._tokens.headers("tokens")}
        if not self.plan.announce_limits:
            limits = {}
        headers = {**limits, "x-request-id": f"req-{entry.number}"}
        if wait > 0:
            entry.fault = RATE_LIMITED
            refusal = STATUSES["throttled"](time.time())
            told = {"retry-after": str(int(wait) + 1), "retry-after-ms": str(int(wait * 1000) + 1)}
            return Answer(refusal.status, refusal.body, {**headers, **told})
        self._requests.take(1)
        self._tokens.take(_tokens(original))
        first, since = self._plan_from
        chosen = self.plan.choose(
            original.ids, requests=len(self.entries) - first, seconds=now - since, times=self._times
        )
        if chosen is None:
            return Answer(_OK, right, headers)
        rule, hit = chosen
        entry.fault, entry.hit = rule.name, tuple(sorted(hit))
        if rule.name in BODIES:
            return Answer(_OK, BODIES[rule.name](original, hit), headers)
        if rule.name == STALL:
            return Answer(_OK, b"")
        faulty = STATUSES[rule.name](time.time())
        return Answer(faulty.status, faulty.body, {**headers, **faulty.headers})


def _tokens(original: Original) -> int:
    usage = original.completion.get("usage") or {}
    return int(usage.get("prompt_tokens", 0)) + int(usage.get("completion_tokens", 0))


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, answer: Answer) -> None:
    headers = {"content-type": "application/json", **answer.headers, "content-length": str(len(answer.body))}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.body})


async def _send_json(send: Send, value: object, *, status: int = _OK) -> None:
    await _send(send, Answer(status, msgspec.json.encode(value)))


def listening(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A listening socket, so that its port is known before the server runs; port 0 takes a free one."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    return listener


def server_of(app: FaultyProvider) -> uvicorn.Server:
    """A server for `run(sockets=[...])` or, within a loop, `serve(sockets=[...])`."""
    config = uvicorn.Config(
        app, lifespan="off", log_level="warning", access_log=False, timeout_graceful_shutdown=1, date_header=False
    )
    return uvicorn.Server(config)


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted; the first line printed is `{"base_url": ...}`."""
    parser = argparse.ArgumentParser(prog="python -m summarizer_assets.llm.faults", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--plan", type=Path, help="a JSON file; without one, all answers are right")
    parser.add_argument("--answer", default=_DEFAULT_ANSWER, help="module:function of the right provider")
    chosen = parser.parse_args(arguments)
    plan = msgspec.json.decode(chosen.plan.read_bytes(), type=Plan) if chosen.plan else Plan()
    module, _, function = chosen.answer.partition(":")
    app = FaultyProvider(getattr(importlib.import_module(module), function), plan)
    listener = listening(chosen.host, chosen.port)
    base_url = f"http://{chosen.host}:{listener.getsockname()[1]}/v1"
    sys.stdout.write(msgspec.json.encode({"base_url": base_url}).decode() + "\n")
    sys.stdout.flush()
    server_of(app).run(sockets=[listener])


if __name__ == "__main__":
    main()
