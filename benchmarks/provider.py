"""The faulty provider in a process of its own, and authors to ask it for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import polars as pl

from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.process import running
from summarizer_assets.sample import sample_path

Json = dict[str, Any]


class Provider:
    """The faulty provider in its own process, by its control interface."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._control = f"{base_url.removesuffix('/v1')}/_control"

    def use(self, rules: Sequence[Json], latency_s: float = 0.15) -> None:
        self.plan({"rules": rules, "latency_s": latency_s})

    def plan(self, plan: Json) -> None:
        """See `summarizer_assets.rehearsal.plan.Plan`."""
        httpx.post(f"{self._control}/plan", json=plan, timeout=60).raise_for_status()

    def record(self) -> list[Json]:
        found: list[Json] = httpx.get(f"{self._control}/record", timeout=60).json()
        return found

    def stats(self) -> Json:
        """Counts of all requests, and what it bills for."""
        found: Json = httpx.get(f"{self._control}/stats", timeout=60).json()
        return found

    def hits(self, fault: str) -> int:
        return sum(entry["fault"] == fault and entry["status"] is not None for entry in self.record())

    def batches(self) -> Json:
        """All batch jobs, and all lines that are billed."""
        found: Json = httpx.get(f"{self._control}/batches", timeout=600).json()
        return found

    def put_forward(self, seconds: float) -> None:
        """The clock of the batch service; it does all that is to be done until then."""
        httpx.post(f"{self._control}/clock", json={"seconds": seconds}, timeout=600).raise_for_status()


@contextmanager
def provider_process(plan: Plan | None = None, *options: str) -> Iterator[Provider]:
    """`options`: of `summarizer serve-faults`."""
    with running(plan or Plan(), options) as process:
        yield Provider(process.base_url)


def write_source(path: Path, authors: int) -> None:
    """The bundled sample under as many new ids as it takes, without the authors that are skipped by rule."""
    sample = pl.read_parquet(sample_path()).unique("daisngid", maintain_order=True)
    sample = sample.filter(pl.col("daisngid").is_not_null() & (pl.col("papers").list.len() > 0))
    copies = [
        sample.with_columns(daisngid=pl.int_range(pl.len(), dtype=pl.Int64) + 1 + copy * sample.height)
        for copy in range(authors // sample.height + 1)
    ]
    pl.concat(copies).head(authors).write_parquet(path)
