"""The peak of an ingest's memory, in a process of its own: all authors in one bucket, merged in small parts."""

import sys
import tempfile
from pathlib import Path

import polars as pl

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.records import AUTHORS
from summarizer_assets.ingest.ingest import Sizes, ingest
from summarizer_assets.sources.source import open_source

_ROWS = 5_000  # of a file of the source
_TITLE = "the {} tide of the year in the bay of {}"  # repeated: 240 bytes


def write(folder: Path, rows: int, authors: int) -> None:
    """A flat source of `rows` papers, over `authors` authors in turn."""
    for first in range(0, rows, _ROWS):
        numbers = range(first, min(rows, first + _ROWS))
        ids = [f"{number % authors:09d}" for number in numbers]
        titles = [_TITLE.format(number % authors, number % 7) * 6 for number in numbers]
        frame = pl.DataFrame({"author_id": ids, "author_name": ids, "ut": ids, "title": titles})
        frame.write_parquet(folder / f"{first:09d}.parquet")


def peak_kilobytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def main(folder: str) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as spill:
        run = ingest(
            open_source(folder, {}),
            buckets=1,
            selected=bucket_keys(1),
            spill_dir=Path(spill),
            current=lambda _: AUTHORS.to_frame().lazy(),
            sizes=Sizes(_ROWS, 2**20),
        )
        authors = sum(change.frame.height for change in run)
    sys.stdout.write(f"{authors} {peak_kilobytes()}\n")


if __name__ == "__main__":
    main(sys.argv[1])
