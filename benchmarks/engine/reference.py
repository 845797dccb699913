"""The tight reference: what the same job costs on the fastest parts with nothing else around them.

aiohttp on uvloop, msgspec typed decoders, polars for rendering and writing. No limits, retries, checks, journal or
commits: it keeps everything in memory and writes one Parquet file at the end.
"""

import asyncio

import aiohttp
import msgspec
import polars as pl
import uvloop

from benchmarks.engine.contender import Done, Work, body, read_authors, render


class _Message(msgspec.Struct):
    content: str


class _Choice(msgspec.Struct):
    message: _Message


class _Reply(msgspec.Struct):
    choices: list[_Choice]


class _Row(msgspec.Struct):
    author_id: str
    summary: str


class _Rows(msgspec.Struct):
    summaries: list[_Row]


REPLY, ROWS = msgspec.json.Decoder(_Reply), msgspec.json.Decoder(_Rows)


def run(work: Work) -> Done:
    authors = read_authors(work)
    texts = render(authors)
    ids: list[str] = []
    summaries: list[str] = []
    requests = uvloop.run(_ask(work, texts, ids, summaries))
    answers = pl.DataFrame({"author_id": ids, "summary": summaries})
    answers = authors.select("author_id", "author_name").join(answers, on="author_id")
    answers.write_parquet(work.out / "summaries.parquet", compression="zstd", compression_level=3)
    return Done(answers.height, requests)


async def _ask(work: Work, texts: list[str], ids: list[str], summaries: list[str]) -> int:
    starts = iter(range(0, len(texts), work.group_size))
    headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-benchmark"}
    connector = aiohttp.TCPConnector(limit=work.in_flight)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def worker() -> int:
            sent = 0
            for start in starts:
                group = texts[start : start + work.group_size]
                async with session.post(work.url + "/chat/completions", data=body(group), headers=headers) as response:
                    reply = REPLY.decode(await response.read())
                sent += 1
                for row in ROWS.decode(reply.choices[0].message.content).summaries:
                    ids.append(row.author_id)
                    summaries.append(row.summary)
            return sent

        return sum(await asyncio.gather(*(worker() for _ in range(work.in_flight))))
