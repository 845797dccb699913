"""The two designs of the mission's sketches, without Spark around them: what their way of calling costs by itself.

`row_by_row` is the blocking UDF: one author, one request, one after the other. `grouped` puts 500 authors into one
request, blocking too, and collects everything before it writes. Both walk rows as dicts and speak through a blocking
client, as such code does.
"""

import json
from collections.abc import Sequence
from typing import Any

import httpx
import polars as pl

from benchmarks.engine.contender import MAX_TOKENS, MODEL, SYSTEM, Done, Work, read_authors

GROUPED = 500


def row_by_row(work: Work) -> Done:
    return _run(work, 1)


def grouped(work: Work) -> Done:
    return _run(work, GROUPED)


def _run(work: Work, size: int) -> Done:
    authors = read_authors(work).to_dicts()
    rows: list[dict[str, str]] = []
    requests = 0
    with httpx.Client(headers={"Authorization": "Bearer sk-benchmark"}, timeout=120, trust_env=False) as client:
        for start in range(0, len(authors), size):
            rows += _ask(client, work.url, authors[start : start + size])
            requests += 1
    pl.DataFrame(rows).write_parquet(work.out / "summaries.parquet")
    return Done(len(rows), requests)


def _ask(client: httpx.Client, url: str, authors: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    records = [f'#"{author["author_id"]}"\n{json.dumps(author, ensure_ascii=False)}' for author in authors]
    body = {
        "model": MODEL,
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "\n\n".join(records)}],
        "max_tokens": MAX_TOKENS,
    }
    reply = client.post(url + "/chat/completions", json=body).raise_for_status().json()
    answers: list[dict[str, str]] = json.loads(reply["choices"][0]["message"]["content"])["summaries"]
    return answers
