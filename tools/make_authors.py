"""Makes a table of synthetic authors of any size, in bounded memory: Parquet files or a Delta table.

    python tools/make_authors.py FOLDER --authors 1000000 [--form nested|flat] [--delta] [--seed 1]
                                        [--day 3 --changed 0.01 --removed 0.001]

The same arguments make the same rows. `--day N` makes the table as it is after N days, on each of which a share of the
authors changed or vanished. Use FOLDER as SUMMARIZER_SOURCE.
"""

import argparse
import sys
import time
from pathlib import Path

if __name__ == "__main__":  # before what takes long to import
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--authors", type=int, default=1_000_000)
    parser.add_argument("--form", choices=("nested", "flat"), default="nested")
    parser.add_argument("--delta", action="store_true", help="a Delta table instead of Parquet files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--day", type=int, default=0)
    parser.add_argument("--changed", type=float, default=0.01, help="share of the authors who change on a day")
    parser.add_argument("--removed", type=float, default=0.0, help="share of the authors who vanish on a day")
    options = parser.parse_args()
    if options.folder.exists() and any(options.folder.iterdir()):
        parser.error(f"{options.folder} is not empty; choose a new folder, so that no older rows stay in it")

import polars as pl
from author_tables import Draws, author_papers, authors
from deltalake import WriterProperties, write_deltalake

CHUNK = 100_000  # authors


def write(folder: Path, count: int, form: str, draws: Draws, *, delta: bool) -> tuple[int, int]:
    """Write authors 0 … count - 1; returns the rows and the bytes that were written."""
    rows = 0
    if not delta:
        folder.mkdir(parents=True)
    began = time.monotonic()
    for part, first in enumerate(range(0, count, CHUNK)):
        size = min(CHUNK, count - first)
        frame = authors(first, size, draws) if form == "nested" else author_papers(first, size, draws)
        rows += frame.height
        _store(frame, folder, part, delta=delta)
        if sys.stderr.isatty() or part % 10 == 9:
            print(f"{first + size:,} authors, {time.monotonic() - began:.0f} s", file=sys.stderr)
    return rows, sum(file.stat().st_size for file in folder.rglob("*.parquet"))


def _store(frame: pl.DataFrame, folder: Path, part: int, *, delta: bool) -> None:
    if delta:
        properties = WriterProperties(compression="ZSTD", compression_level=3)
        write_deltalake(str(folder), frame, mode="append", writer_properties=properties)
    else:
        frame.write_parquet(folder / f"part-{part:05d}.parquet", compression="zstd", compression_level=3)


def main(options: argparse.Namespace) -> int:
    if options.folder.exists():
        options.folder.rmdir()
    draws = Draws(options.seed, options.day, options.changed, options.removed)
    rows, size = write(options.folder, options.authors, options.form, draws, delta=options.delta)
    print(f"{options.folder}: {rows:,} rows, {size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(options))
