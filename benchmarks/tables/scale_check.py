"""Whether every author is in exactly one place, bucket by bucket, and what the tables are made of.

python -m benchmarks.tables.scale_check check OUT
"""

import json
import time
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, part_of="tables.scale")
    parser.add_argument("phase", choices=["check"])
    parser.add_argument("out", type=Path)
    options = parser.parse_args()

import polars as pl

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings
from summarizer_assets.storage.delta.table import BucketedTable

_OPENINGS = 5


def facts(table: BucketedTable) -> dict[str, Any]:
    """Of the newest version; `open_ms` is the CPU of one opening, as every run does a few of."""
    began = time.process_time()
    for _ in range(_OPENINGS):
        handle = table.open()
    opened = (time.process_time() - began) / _OPENINGS
    if handle is None:
        return {"rows": 0, "files": 0, "bytes": 0, "version": 0, "open_ms": opened * 1000}
    adds = pl.DataFrame(handle.get_add_actions(flatten=True))
    return {
        "rows": int(adds["num_records"].sum()),
        "files": adds.height,
        "bytes": int(adds["size_bytes"].sum()),
        "version": handle.version(),
        "open_ms": opened * 1000,
    }


def check() -> dict[str, Any]:
    settings = load_settings(env_file=None)
    summarizer = Summarizer(settings)
    tables = summarizer.tables
    totals = {"twice": 0, "nowhere": 0, "strangers": 0}
    opened = [(table, table.open()) for table in (tables.authors, tables.summaries, tables.failures)]
    for key in bucket_keys(summarizer.buckets):
        authors, summaries, failures = (
            table.read([key], table=handle).select("author_id").collect()["author_id"] for table, handle in opened
        )
        placed = pl.concat([summaries, failures])
        totals["twice"] += placed.len() - placed.n_unique() + authors.len() - authors.n_unique()
        totals["nowhere"] += int((~authors.is_in(placed.implode())).sum())
        totals["strangers"] += int((~placed.is_in(authors.implode())).sum())
    named = {table.uri.rpartition("/")[2]: facts(table) for table, _ in opened}
    return {**totals, "tables": named}


if __name__ == "__main__":
    options.out.write_text(json.dumps(check()))
