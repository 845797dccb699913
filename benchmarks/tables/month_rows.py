"""Synthetic rows of the tables, without a source and without requests; for `benchmarks.tables.month_tables`."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from summarizer_assets.core.records import AUTHORS, FAILURES, SUMMARIES

_POOL = 20_000  # different rows: no file holds one twice


class Rows:
    """Synthetic rows; texts are random words, so that they compress about as prose does."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        letters = "etaoinshrdlucmfwypvbgk"
        self._words = ["".join(self.random.choices(letters, k=2 + number % 8)) for number in range(5000)]
        self._authors = self._author_pool()
        self._summaries = self._summary_pool()

    def authors(self, bucket: str, ids: Sequence[str]) -> pl.DataFrame:
        return self._some(self._authors, bucket, ids)

    def summaries(self, bucket: str, ids: Sequence[str], run: str) -> pl.DataFrame:
        return self._some(self._summaries, bucket, ids).with_columns(run_id=pl.lit(run))

    def failures(self, bucket: str, ids: Sequence[str], run: str) -> pl.DataFrame:
        told = {"prompt_version": "1f0c6a2b94de", "model": "a-model", "reason": "refusal", "retryable": True}
        times = dict.fromkeys(("first_failed_at", "last_failed_at", "next_retry_at"), datetime.now(UTC))
        row = {**dict.fromkeys(FAILURES.names()), **told, **times, "bucket": bucket, "attempts": 1, "run_id": run}
        return pl.DataFrame([{**row, "author_id": author} for author in ids], schema=FAILURES)

    def _some(self, pool: pl.DataFrame, bucket: str, ids: Sequence[str]) -> pl.DataFrame:
        """As many rows of the pool as there are `ids`, no row of it twice, under these ids."""
        start = self.random.randrange(pool.height - len(ids) + 1)
        rows = pool.slice(start, len(ids))
        return rows.with_columns(pl.Series("author_id", ids, dtype=pl.String), bucket=pl.lit(bucket))

    def _author_pool(self) -> pl.DataFrame:
        """With two papers each: fewer than a source's five in the mean, for the disk's sake."""
        papers = [
            pl.DataFrame(
                {
                    "ut": self._hashes(),
                    "prefinstitution": self._text(45),
                    "hot_paper": False,
                    "highly_cited_paper": False,
                    "citingsrcslocalcount": self.random.choices(range(200), k=_POOL),
                    "title": self._text(90),
                    "woscategory": self._text(20),
                    "journal": self._text(25),
                }
            ).to_struct()
            for _ in range(2)
        ]
        columns = {
            "author_name": self._text(18),
            "primary_affiliation": self._text(45),
            "papers": pl.select(pl.concat_list(papers)).to_series(),
            "record_hash": self._hashes(),
        }
        return _shaped(columns, AUTHORS)

    def _summary_pool(self) -> pl.DataFrame:
        requests = self._hashes()
        columns = {
            "author_name": self._text(18),
            "summary": self._text(383),
            "content_hash": self._hashes(),
            "prompt_version": "1f0c6a2b94de",
            "model": "a-model",
            "response_model": "a-model-of-a-day",
            "prompt_tokens": self.random.choices(range(100, 900), k=_POOL),
            "completion_tokens": self.random.choices(range(80, 110), k=_POOL),
            "cost_usd": [self.random.random() / 1e4 for _ in range(_POOL)],
            "support": [round(self.random.random(), 3) for _ in range(_POOL)],
            "flags": [[]] * _POOL,
            "request_id": [requests[number // 20] for number in range(_POOL)],
            "summarized_at": datetime.now(UTC),
        }
        return _shaped(columns, SUMMARIES)

    def _text(self, length: int) -> pl.Series:
        """A word and its space are 6.5 characters in the mean."""
        return pl.Series([" ".join(self.random.choices(self._words, k=length // 5))[:length] for _ in range(_POOL)])

    def _hashes(self) -> pl.Series:
        return pl.Series([f"{self.random.getrandbits(128):032x}" for _ in range(_POOL)])


def _shaped(columns: Mapping[str, Any], schema: pl.Schema) -> pl.DataFrame:
    given = pl.DataFrame(columns)
    missing = [pl.lit(None).alias(name) for name in schema.names() if name not in columns]
    return given.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in schema.items())
