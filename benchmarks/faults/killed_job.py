"""A job whose processes are killed: its authors, which change between rounds, its tables, and the start of a life."""

import ctypes
import multiprocessing
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from deltalake import DeltaTable

from benchmarks.faults.traced import STEP, Aim
from summarizer_assets.storage.delta.stream import persist
from testing.installation import Installation, write_authors

_PATIENCE_S = 120.0


class End(NamedTuple):
    """How a life ended, and the memory that outlived it."""

    killed: bool
    seconds: float
    cells: Any


@dataclass
class KilledJob:
    """`newcomers`: authors, a round. `twice`: rows that were there twice in a version of a table."""

    house: Installation
    home: Path
    chance: random.Random
    newcomers: int
    rounds: int = 0
    twice: int = 0
    versions_read: int = 0
    _seen: dict[str, int] = field(default_factory=dict)
    _length_s: float = 4.0

    def ingest(self) -> None:
        """The source into `authors`, in this process and unharmed: nothing is paid for there."""
        made = self.house.summarizer
        persist(made.tables.authors, made.ingest(self.house.keys, log=lambda _: None, describe=lambda *_: None))

    def change(self) -> None:
        """A third of the authors get another title, and new ones come: summaries to replace, and to add."""
        source = Path(self.house.given["source"])
        known = pl.read_parquet(source)
        chosen = self.chance.sample(range(known.height), known.height // 3)
        titled = pl.element().struct.with_fields(title=pl.lit(f"On lighthouses and number {self.rounds}"))
        papers = pl.when(pl.int_range(pl.len()).is_in(chosen)).then(pl.col("papers").list.eval(titled))
        everybody = pl.read_parquet(write_authors(self.home / "more.parquet", known.height + self.newcomers))
        pl.concat(
            [known.with_columns(papers=papers.otherwise("papers")), everybody.tail(self.newcomers)]
        ).write_parquet(source)

    def some_time(self) -> Aim:
        """A random moment of a whole life, or (mostly) of its work, which Dagster's start is no part of."""
        whole = self.chance.random() < 0.25
        return Aim(None, 0, "before" if whole else "in", self.chance.uniform(0, self._length_s * (1 if whole else 0.6)))

    def start(self, target: Callable[..., None], what: str, aim: Aim | None, *more: object) -> End:
        """A life in a process of its own: `target(what, environment, home, said, cells, aim, *more)`.

        One that fails, or does not end, ends the script.
        """
        context = multiprocessing.get_context("forkserver")
        cells = context.RawArray(ctypes.c_int64, 4)
        said = self.home / f"run-{what}.log"
        began = time.monotonic()
        given = (what, self.house.environment(), str(self.home), str(said), cells, aim, *more)
        process = context.Process(target=target, args=given)
        process.start()
        if aim is not None and aim.phase is None:
            while aim.moment == "in" and cells[STEP] == 0 and process.is_alive():
                time.sleep(0.005)  # not yet at work
            process.join(aim.delay_s)
        else:
            process.join(_PATIENCE_S)
        if process.is_alive():
            process.kill()
            process.join()
        seconds = time.monotonic() - began
        killed = process.exitcode == -signal.SIGKILL
        if process.exitcode != 0 and not killed:
            raise SystemExit(f"{what} failed by itself:\n{said.read_text()}")
        if killed and seconds >= _PATIENCE_S:
            raise SystemExit(f"{what} did not end:\n{said.read_text()}")
        if not killed:
            self._length_s = 0.5 * self._length_s + 0.5 * seconds
        return End(killed, seconds, cells)

    def read_new_versions(self) -> None:
        for name, newest in self.house.versions().items():
            if newest is None:
                continue
            tables = self.house.summarizer.tables
            table = {"authors": tables.authors, "summaries": tables.summaries, "failures": tables.failures}[name]
            for version in range(self._seen.get(name, -1) + 1, newest + 1):
                ids = pl.scan_delta(DeltaTable(table.uri, version=version)).select("author_id").collect()["author_id"]
                self.twice += len(ids) - ids.n_unique()
                self.versions_read += 1
            self._seen[name] = newest

    def without_outcome(self) -> int:
        authors, summaries, failures = (
            set(self.house.frame(name)["author_id"]) for name in ("authors", "summaries", "failures")
        )
        return len(authors ^ (summaries | failures)) + len(summaries & failures)
