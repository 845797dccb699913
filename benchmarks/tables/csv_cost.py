"""What it costs to prove a CSV file sound: CPU and memory against polars' reader, trusted with the same file.

    python -m benchmarks.tables.csv_cost --rows 3000000

A plain file and one with quotes, read in turns: by the project's reader (twice through: proof, then parse), and as
before by polars' stream. Each reading is a process of its own; `read` ends with polars' frames, `shaped` with authors.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"rows": 5000, "rounds": 1})
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=3, help="one reading: file, how, how far")
    options = parser.parse_args()

import polars as pl

from summarizer_assets.sources.columns import table_layout
from summarizer_assets.sources.csv.reader import open_csv
from summarizer_assets.sources.readers import Reader, TableReader
from summarizer_assets.sources.shape import LINE, Shaper

_BATCH = 100_000
_WRITTEN = 250_000


def write(path: Path, rows: int, *, quoted: bool) -> None:
    """Papers of authors, 160 bytes a row; `quoted`: titles with commas and quotes in every third row."""
    with path.open("wb") as file:
        for first in range(0, rows, _WRITTEN):
            number = pl.int_range(first, min(rows, first + _WRITTEN), eager=True)
            frame = number.to_frame("ut").select(
                (pl.col("ut") % 10_000_019 * 7).alias("author_id"),
                pl.format("Name {}", pl.col("ut") % 10_000_019).alias("author_name"),
                pl.format("Institute {}", pl.col("ut") % 977).alias("primary_affiliation"),
                pl.format("WOS:{}", pl.col("ut") + 10**14).alias("ut"),
                pl.when(pl.lit(quoted) & (pl.col("ut") % 3 == 0))
                .then(pl.format('A study of "topic" {}, in which much is said of materials under stress', "ut"))
                .otherwise(pl.format("A study of topic {} in which much is said of materials under stress", "ut"))
                .alias("title"),
                (pl.col("ut") % 113).alias("citingsrcslocalcount"),
                pl.lit("Physics").alias("woscategory"),
                pl.lit("Journal of Things").alias("journal"),
            )
            frame.write_csv(file, include_header=first == 0)


def _trusting(path: str) -> TableReader:
    frame = pl.scan_csv(path, infer_schema=False, glob=False)
    return TableReader(frame, table_layout(frame.collect_schema().names(), {}, path))


def one(path: str, how: str, far: str) -> dict[str, float]:
    """Read a file; CPU seconds, rows and the peak of memory in MB."""
    began = time.process_time()
    reader = open_csv(path, {}, None) if how == "proved" else _trusting(path)
    assert reader.layout is not None
    shape = Shaper(reader.layout, {}, path)
    rows = sum(_consumed(frame, shape if far == "shaped" else None) for frame in _frames(reader))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": time.process_time() - began, "rows": rows, "mb": peak}


def _frames(reader: Reader) -> Iterator[pl.DataFrame]:
    for frame, rejected in reader.batches(_BATCH):
        assert rejected.is_empty()
        yield frame


def _consumed(frame: pl.DataFrame, shape: Shaper | None) -> int:
    if shape is not None:
        shape(frame)
    return frame.drop(LINE, strict=False).height


def main(rows: int, rounds: int) -> int:
    print(f"{'file':8}{'as far as':>10}{'polars s':>10}{'proved s':>10}{'ratio':>7}{'MB':>6}{'MB proved':>10}")
    with tempfile.TemporaryDirectory(prefix="csv-cost-") as temporary:
        for name, quoted in (("plain", False), ("quoted", True)):
            path = Path(temporary) / f"{name}.csv"
            write(path, rows, quoted=quoted)
            for far in ("read", "shaped"):
                best: dict[str, dict[str, float]] = {}
                for _ in range(rounds):
                    for how in ("trusted", "proved"):
                        found = _in_process(str(path), how, far)
                        assert found["rows"] == rows
                        if how not in best or found["cpu"] < best[how]["cpu"]:
                            best[how] = found
                trusted, proved = best["trusted"], best["proved"]
                print(
                    f"{name:8}{far:>10}{trusted['cpu']:10.2f}{proved['cpu']:10.2f}"
                    f"{proved['cpu'] / trusted['cpu']:7.2f}{trusted['mb']:6.0f}{proved['mb']:10.0f}"
                )
            path.unlink()
    return 0


def _in_process(*arguments: str) -> dict[str, float]:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.tables.csv_cost", "--one", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, float] = json.loads(ran.stdout)
    return result


if __name__ == "__main__":
    if options.one:
        print(json.dumps(one(*options.one)))
    else:
        sys.exit(main(options.rows, options.rounds))
