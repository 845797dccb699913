"""What the checks add to a bucket's run without work, and what those of whole tables take: CPU seconds and memory.

    python -m benchmarks.tables.checks 4000 78000

A bucket of so many synthetic authors, each with a summary, in a folder that is removed at the end.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": [200]})
    parser.add_argument("authors", type=int, nargs="*", default=[4000, 78000])
    options = parser.parse_args()

import polars as pl

from summarizer_assets.bucket_run.totals import BucketCounts
from summarizer_assets.core.records import SUMMARIES
from summarizer_assets.installation import Summarizer
from summarizer_assets.quality.bucket import before, check_bucket
from summarizer_assets.quality.tables import check_authors, check_tables
from summarizer_assets.settings import load_settings
from summarizer_assets.storage.delta.changes import Append

BUCKET, TIMES = "0000", 5


def filled(folder: Path, authors: int) -> Summarizer:
    """One bucket of authors, all summarised, a hundredth failed."""
    tool = Path(__file__).parents[2] / "tools/make_authors.py"
    subprocess.run(
        [sys.executable, tool, folder / "source", "--authors", str(authors)], check=True, capture_output=True
    )
    summarizer = Summarizer(load_settings(None, root=str(folder / "data"), source=str(folder / "source"), buckets=1))
    tables = summarizer.tables
    stream = summarizer.ingest([BUCKET], log=lambda _: None, describe=lambda *_: None)
    writer = tables.authors.writer(BUCKET, None)
    for change in stream.changes:
        writer.apply(change)
    rendered = summarizer.render(tables.authors.read([BUCKET]).collect())
    made = rendered.select("author_id", "author_name", "content_hash").with_columns(
        bucket=pl.lit(BUCKET), summary=pl.lit("x" * 380), support=0.9, flags=pl.lit([], dtype=pl.List(pl.String)),
        run_id=pl.lit("an older run"), summarized_at=pl.lit(datetime.now(UTC)),
    )  # fmt: skip
    columns = [
        (pl.col(name) if name in made.columns else pl.lit(None).alias(name)).cast(kind)
        for name, kind in SUMMARIES.items()
    ]
    tables.summaries.writer(BUCKET, None).apply(Append(BUCKET, made.select(columns)))
    return summarizer


def cpu(work: Callable[[], object]) -> float:
    """The smallest of a few: what the work itself takes."""
    taken = []
    for _ in range(TIMES):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def measure(authors: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        summarizer = filled(Path(folder), authors)
        found = before(summarizer.tables)
        idle, busy = BucketCounts(authors=authors), BucketCounts(authors=authors, answered=authors)

        def plan() -> None:
            with summarizer.bucket_run(BUCKET, "a run", log=lambda _: None):
                pass

        rows = {
            "the plan of a run without work": plan,
            "checks of a run without work": lambda: list(check_bucket(summarizer, BUCKET, "a run", idle, found)),
            "checks of a run with answers": lambda: list(check_bucket(summarizer, BUCKET, "a run", busy, found)),
            "checks of authors": lambda: check_authors(summarizer),
            "checks of whole tables": lambda: check_tables(summarizer, datetime.now(UTC)),
        }
        for name, work in rows.items():
            print(f"{authors:>8,} authors  {name:<32} {cpu(work):6.2f} CPU-s")
        print(
            f"{authors:>8,} authors  memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
        )


if __name__ == "__main__":
    for number in options.authors:
        measure(number)
