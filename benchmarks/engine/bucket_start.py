"""What a bucket's run costs before its first request, by how many of the bucket's authors are to be asked.

    python -m benchmarks.engine.bucket_start [--authors 78000] [--papers 8] [--changed 0,1,100]

A run reads the bucket, finds out who is pending, and renders their records. The bucket was summarised before, and since
then so many percent of its records changed; 100: it was not. For each share a process of its own does it once. CPU µs
for each author of the bucket (all threads), MB at its peak; prints a table, then JSON on the last line.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.command import command, numbers

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": 300, "papers": 3, "changed": [1]})
    parser.add_argument("--authors", type=int, default=78_000)
    parser.add_argument("--papers", type=int, default=8, help="of each author")
    parser.add_argument("--changed", type=numbers, default=[0, 1, 100], help="percent, with commas between them")
    parser.add_argument("--begin", type=Path, help="only begin a run over this root, as the processes do")
    options = parser.parse_args()

import polars as pl

from benchmarks.engine.cpu_profile import Watch
from benchmarks.engine.data import synthetic
from summarizer_assets.bucket_run import known_content, snapshot
from summarizer_assets.bucket_run.asking import prompts
from summarizer_assets.bucket_run.journal_records import Todo
from summarizer_assets.core.records import AUTHORS, SUMMARIES
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings
from summarizer_assets.sources.lists import lists_of
from summarizer_assets.storage.delta.changes import Overwrite
from summarizer_assets.storage.delta.table import BucketedTable

BUCKET = "0000"
_ALIKE = 2000  # papers are drawn anew for so many authors
_PARTS = ("read", "known?", "render", "plan", "to-do")


def bucket(authors: int, papers: int) -> pl.DataFrame:
    """Schema `records.AUTHORS`; no two titles are equal."""
    some = synthetic(min(authors, _ALIKE))
    flat = some.select(pl.col("papers").explode()).to_series()
    count = authors * papers
    drawn = flat.gather(pl.int_range(count, eager=True) % flat.len()).struct.unnest()
    drawn = drawn.with_columns(pl.concat_str("title", pl.lit(" "), pl.int_range(count)).alias("title"))
    lists = lists_of(drawn.to_struct(), pl.Series([papers] * authors))
    rows = some[pl.int_range(authors, eager=True) % some.height]
    named = (pl.int_range(pl.len()) + 10**8).cast(pl.String)
    rows = rows.with_columns(lists.alias("papers"), named.alias("author_id"), record_hash=pl.lit("-"))
    return rows.with_columns(bucket=pl.lit(BUCKET)).select(AUTHORS.names())


def write(table: BucketedTable, rows: pl.DataFrame) -> None:
    table.ensure()
    table.writer(BUCKET, table.fence(BUCKET, table.open())).apply(Overwrite(BUCKET, rows))


def summarised(summarizer: Summarizer, authors: pl.DataFrame) -> pl.DataFrame:
    """Summaries of the authors' present content (schema `records.SUMMARIES`)."""
    now = pl.datetime(2026, 1, 1, time_zone="UTC", time_unit="us")
    rows = summarizer.render(authors).select("author_id", "author_name", "content_hash", "bucket", summarized_at=now)
    return rows.with_columns(summary=pl.lit("-")).select(
        (pl.col(name) if name in rows.columns else pl.lit(None).alias(name)).cast(kind)
        for name, kind in SUMMARIES.items()
    )


def open_root(root: Path) -> Summarizer:
    given: dict[str, Any] = {"root": str(root), "source": str(root / "none.parquet"), "buckets": 1}
    return Summarizer(load_settings(None, **given))


def begin(root: Path) -> Todo:
    """Whom a run of the bucket asks, as it begins."""
    context = open_root(root).bucket_run(BUCKET, "benchmark", log=lambda _: None)._context  # noqa: SLF001 - what a run is given
    return Todo.of(snapshot.take_snapshot(context).plan.todo)


def begin_watched(root: Path) -> dict[str, Any]:
    """CPU seconds by part, and MB at the peak of this process."""
    watch = Watch()
    clock = time.process_time_ns
    watch.function(prompts, "render", "render", clock)
    watch.function(known_content, "record_keys", "known?", clock)
    watch.function(snapshot, "plan_bucket", "plan", clock)
    watch.function(Todo, "of", "to-do", clock)
    watch.function(snapshot, "take_snapshot", "read", clock)
    asked = len(begin(root).ids)
    # Not `ru_maxrss`: a new process begins with that of the one that started it.
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return {"asked": asked, "peak_mb": peak, "cpu_s": {part: watch.spent[part] / 1e9 for part in _PARTS}}


def begin_in_a_process(root: Path) -> dict[str, Any]:
    line = [sys.executable, "-m", "benchmarks.engine.bucket_start", "--begin", str(root)]
    found: dict[str, Any] = json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
    return found


def main(authors: int, papers: int, changed: list[int]) -> None:
    found = {}
    print(f"{authors:,} authors, {papers} papers each; CPU µs an author of the bucket")
    print(f"{'changed':>8}{'asked':>8}" + "".join(f"{part:>9}" for part in _PARTS) + f"{'all':>9}{'peak MB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        summarizer, rows = open_root(root), bucket(authors, papers)
        write(summarizer.tables.authors, rows)
        summaries = summarised(summarizer, rows)
        for share in changed:
            write(summarizer.tables.authors, rows)
            write(summarizer.tables.summaries, summaries.clear() if share == 100 else summaries)
            begin(root)  # so that what an earlier run rendered is known
            name = pl.when(pl.int_range(pl.len()) % 100 < share).then(pl.lit("Newly, Named")).otherwise("author_name")
            write(summarizer.tables.authors, rows.with_columns(name.alias("author_name")))
            one = found[share] = begin_in_a_process(root)
            spent = [one["cpu_s"][part] / authors * 1e6 for part in _PARTS]
            figures = "".join(f"{part:9.2f}" for part in (*spent, sum(spent)))
            print(f"{share:>6} %{one['asked']:>8,}{figures}{one['peak_mb']:9.0f}")
            assert one["asked"] == sum(place % 100 < share for place in range(authors))
    print(json.dumps(found))


if __name__ == "__main__":
    if options.begin:
        print(json.dumps(begin_watched(options.begin)))
    else:
        main(options.authors, options.papers, options.changed)
