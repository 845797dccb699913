"""Tables of made-up people, written row by row, for reports over them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from summarizer_assets.core.buckets import bucket_of
from summarizer_assets.core.records import AUTHORS, FAILURES, SUMMARIES
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings
from summarizer_assets.storage.delta.changes import Append
from summarizer_assets.storage.delta.table import BucketedTable

BUCKETS = 2
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = "sk-canary-of-the-report-4c1f"

#: What somebody may have put into a source, hoping that a page runs it, loads it or hides it.
HOSTILE = (
    "<script>alert('name')</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(2)</script>",
    "</bdi></h3><iframe src='https://evil.example/frame'>",
    "![x](javascript:alert(3)) [y](https://evil.example/link) https://evil.example/bare www.evil.example",
    "{{7*7}} {% raw %} ${7*7} $x_1$ | `code` *star* _under_ #head",
    "safe\u202egnp.exe\u202c \u200bzero\u2066width\x00\x07",
    "&lt;b&gt; &amp; &#60; a@evil.example",
)


class Root:
    """An installation whose tables are filled by hand."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        given = {"root": str(folder / "root"), "buckets": BUCKETS, "llm_base_url": "embedded", "llm_api_key": KEY}
        self.summarizer = Summarizer(load_settings(None, **{**given, **settings}))

    def authors(self, rows: Iterable[Mapping[str, Any]]) -> None:
        plain = {"primary_affiliation": "Institute of Samples", "topics": [], "papers": [_paper()], "record_hash": ""}
        named = ({"author_name": f"Nobody {row['author_id']}", **row} for row in rows)
        self._write(self.summarizer.tables.authors, ({**plain, **row} for row in named))

    def summaries(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Each of the author's present record, unless its `content_hash` says otherwise."""
        hashes = self.content_hashes()
        identity = self.summarizer.identity
        plain = {
            "author_name": "Nobody",
            "summary": "Nobody is listed with one paper on samples.",
            "prompt_version": identity.prompt_version,
            "model": identity.model,
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "cost_usd": 0.001,
            "support": 0.9,
            "flags": [],
            "summarized_at": NOW - timedelta(hours=3),
        }
        found = ({"content_hash": hashes.get(row["author_id"], "gone"), **row} for row in rows)
        self._write(self.summarizer.tables.summaries, ({**plain, **row} for row in found))

    def failures(self, rows: Iterable[Mapping[str, Any]]) -> None:
        plain = {
            "content_hash": "of then",
            "reason": "timeout",
            "detail": "no answer",
            "retryable": True,
            "attempts": 1,
            "first_failed_at": NOW - timedelta(hours=2),
            "last_failed_at": NOW - timedelta(hours=1),
            "next_retry_at": NOW - timedelta(minutes=1),
        }
        self._write(self.summarizer.tables.failures, ({**plain, **row} for row in rows))

    def content_hashes(self) -> dict[str, str]:
        authors = self.summarizer.tables.authors.read().collect()
        if authors.is_empty():
            return {}
        return dict(self.summarizer.render(authors).select("author_id", "content_hash").iter_rows())

    def _write(self, table: BucketedTable, rows: Iterable[Mapping[str, Any]]) -> None:
        buckets = self.summarizer.buckets
        placed = [{"bucket": bucket_of(row["author_id"], buckets), **row} for row in rows]
        frame = pl.DataFrame(
            [{name: row.get(name) for name in table.schema} for row in placed], schema=table.schema, orient="row"
        )
        for (bucket,), part in frame.partition_by("bucket", as_dict=True).items():
            handle = table.ensure()
            table.writer(str(bucket), table.fence(str(bucket), handle)).apply(Append(str(bucket), part))


def _paper(title: str = "On samples", citations: int | None = 3) -> dict[str, Any]:
    return {"ut": title, "title": title, "citingsrcslocalcount": citations}


def hostile(root: Root) -> None:
    """Every text that a source, a provider or a model may bring is hostile."""
    numbered = list(enumerate(HOSTILE))
    root.authors(
        {
            "author_id": f"a{number}",
            "author_name": text,
            "primary_affiliation": text,
            "papers": [_paper(text)],
            "topics": [text],
        }
        for number, text in numbered
    )
    root.authors({"author_id": f"f{number}"} for number, _ in numbered)
    root.summaries(
        {
            "author_id": f"a{number}",
            "author_name": text,
            "summary": text,
            "model": text,
            "prompt_version": text,
            "flags": [text],
        }
        for number, text in numbered
    )
    root.failures({"author_id": f"f{number}", "reason": text, "detail": text} for number, text in numbered)


__all__ = ["AUTHORS", "BUCKETS", "FAILURES", "HOSTILE", "KEY", "NOW", "SUMMARIES", "Root", "hostile"]
