"""Daft's async UDF: a row a request, as many coroutines as requests in flight, a Parquet file.

Reading, calling, trying again and writing are Daft's; the records are rendered and the replies read as the reference
does it. No limits, no journal, no commits. Daft's Arrow is not ours, so it runs in an environment of its own, which
`interop/requirements/peers.txt` is for.
"""

import logging

import aiohttp
import daft
import polars as pl

from benchmarks.engine.contender import Done, Work, body, render
from benchmarks.engine.reference import REPLY, ROWS

_TRIES_AGAIN = 3
_ROW = daft.DataType.struct({"author_id": daft.DataType.string(), "summary": daft.DataType.string()})


class _Asking:
    """The UDF; Daft makes one in the thread of the loop that it runs the coroutines in."""

    def __init__(self, url: str, in_flight: int) -> None:
        self._url = url
        self._in_flight = in_flight
        self._session: aiohttp.ClientSession | None = None

    @daft.method(return_dtype=daft.DataType.list(_ROW))
    async def ask(self, group: list[str]) -> list[dict[str, str]]:
        session = self._session or self._open()
        async with session.post(self._url + "/chat/completions", data=body(group)) as response:
            reply = REPLY.decode(await response.read())
        rows = ROWS.decode(reply.choices[0].message.content).summaries
        return [{"author_id": row.author_id, "summary": row.summary} for row in rows]

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._in_flight),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Content-Type": "application/json", "Authorization": "Bearer sk-benchmark"},
        )
        return self._session


def run(work: Work) -> Done:
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a UDF has no end at which its session could be closed
    table = daft.read_deltalake(str(work.folder / "authors")).where(daft.col("bucket") == work.bucket)
    authors = pl.DataFrame(table.to_arrow())
    texts = render(authors if work.authors is None else authors.head(work.authors))
    groups = [texts[start : start + work.group_size] for start in range(0, len(texts), work.group_size)]
    asking_of = daft.cls(_Asking, max_concurrency=work.in_flight, max_retries=_TRIES_AGAIN, use_process=False)
    asking = asking_of(work.url, work.in_flight)
    rows = daft.from_pydict({"group": groups}).select(asking.ask(daft.col("group")).alias("row")).explode("row")
    answers = rows.select(daft.col("row").get("author_id"), daft.col("row").get("summary"))
    folder = str(work.out / f"summaries-{work.bucket}")
    answers.write_parquet(folder, compression="zstd")
    return Done(daft.read_parquet(folder).count_rows(), len(groups))
