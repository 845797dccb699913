"""The pattern of OpenAI's cookbook for requests in parallel, written anew: a file of requests, one loop, a file out.

A loop wakes every millisecond, refills what the limits a minute allow, and starts one request when there is capacity:
those to be retried from a queue first, then the next line of the file. Each request is a task; each result is appended
to a file of JSON lines by opening it. A status tracker counts. The tokens of a request are guessed from its length,
which costs less than the tokenizer that the original runs.
"""

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.engine.contender import MAX_TOKENS, Done, Work, body, read_authors

_LOOP_S = 0.001
_ATTEMPTS = 5
_MINUTE_S = 60.0
_CHARACTERS_A_TOKEN = 4


@dataclass
class Status:
    started: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    authors: int = 0


@dataclass
class Request:
    number: int
    body: dict[str, Any]
    tokens: int
    attempts_left: int
    errors: list[str] = field(default_factory=list)

    async def call(
        self, session: aiohttp.ClientSession, url: str, retries: "deque[Request]", out: Path, status: Status
    ) -> None:
        headers = {"Authorization": "Bearer sk-benchmark"}
        try:
            async with session.post(url, headers=headers, json=self.body) as response:
                reply = await response.json()
        except aiohttp.ClientError as error:
            self.errors.append(str(error))
            status.running -= 1
            if self.attempts_left:
                retries.append(self)
            else:
                status.failed += 1
                _append([self.body, self.errors], out)
            return
        status.authors += len(json.loads(reply["choices"][0]["message"]["content"])["summaries"])
        _append([self.body, reply], out)
        status.running -= 1
        status.succeeded += 1


def _append(value: object, path: Path) -> None:
    with path.open("a") as file:
        file.write(json.dumps(value) + "\n")


def run(work: Work) -> Done:
    requests = work.out / "requests.jsonl"
    with requests.open("w") as file:
        texts = [_record(author) for author in read_authors(work).to_dicts()]
        for start in range(0, len(texts), work.group_size):
            file.write(body(texts[start : start + work.group_size]).decode() + "\n")
    status = Status()
    asyncio.run(_process(work, requests, status))
    return Done(status.authors, status.succeeded)


def _record(author: dict[str, Any]) -> str:
    papers = "\n ".join(
        f"{paper['title']} | {paper['journal']} | {paper['woscategory']} | cited {paper['citingsrcslocalcount']}"
        for paper in author["papers"]
    )
    return f'#"{author["author_id"]}" {author["author_name"]} @ {author["primary_affiliation"]}\n {papers}'


async def _process(work: Work, path: Path, status: Status) -> None:
    url, out = work.url + "/chat/completions", work.out / "results.jsonl"
    retries: deque[Request] = deque()
    tasks: set[asyncio.Task[None]] = set()
    most_requests = most_tokens = 1e9  # a minute: the account is not what is measured
    capacity, token_capacity, updated = most_requests, most_tokens, time.time()
    upcoming: Request | None = None
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        with path.open() as file:
            unread = True
            while unread or upcoming or retries or status.running:
                if upcoming is None:
                    if retries:
                        upcoming = retries.popleft()
                    elif unread:
                        line = file.readline()
                        unread = bool(line)
                        if line:
                            tokens = len(line) // _CHARACTERS_A_TOKEN + MAX_TOKENS
                            upcoming = Request(status.started, json.loads(line), tokens, _ATTEMPTS)
                            status.started += 1
                now = time.time()
                passed, updated = now - updated, now
                capacity = min(most_requests, capacity + most_requests * passed / _MINUTE_S)
                token_capacity = min(most_tokens, token_capacity + most_tokens * passed / _MINUTE_S)
                enough = capacity >= 1 and upcoming is not None and token_capacity >= upcoming.tokens
                if upcoming is not None and enough and status.running < work.in_flight:
                    capacity -= 1
                    token_capacity -= upcoming.tokens
                    upcoming.attempts_left -= 1
                    status.running += 1
                    task = asyncio.create_task(upcoming.call(session, url, retries, out, status))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    upcoming = None
                await asyncio.sleep(_LOOP_S)
        await asyncio.gather(*tasks)
