"""The phases of `benchmarks.tables.report`, each as its own process.

`benchmarks.phase` starts `python -m benchmarks.tables.report_phases PHASE OUT`.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, part_of="tables.report")
    parser.add_argument("phase")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()

import polars as pl

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.installation import Summarizer
from summarizer_assets.report.make import make
from summarizer_assets.report.place import FOLDER
from summarizer_assets.settings import load_settings
from summarizer_assets.storage.delta.changes import Append
from summarizer_assets.storage.delta.table import BucketedTable

_WORDS = "made up words on papers of nobody about tides and glass in the maps of seeds that a benchmark reads "
_DAYS = 5


def tables(summarizer: Summarizer) -> dict[str, Any]:
    """A summary, a failure or nothing for each of the ingested authors; what that comes to."""
    made = dict.fromkeys(("authors", "summaries", "outdated", "failed", "pending", "words", "bytes"), 0)
    now = datetime.now(UTC)
    for bucket in bucket_keys(summarizer.buckets):
        authors = summarizer.tables.authors.read([bucket]).collect()
        rows = summarizer.render(authors).select("author_id", "author_name", "content_hash", "bucket")
        rows = rows.with_columns(lot=pl.col("author_id").hash(1) % 100, draw=pl.col("author_id").hash(2))
        failed = rows.filter(pl.col("lot") == 97)
        summaries = _summaries(rows.filter(pl.col("lot") < 97), summarizer, now)
        _append(summarizer.tables.summaries, bucket, summaries)
        _append(summarizer.tables.failures, bucket, _failures(failed, now))
        made["authors"] += rows.height
        made["summaries"] += summaries.height
        made["outdated"] += rows.filter(pl.col("lot") == 96).height
        made["failed"] += failed.height
        made["pending"] += rows.height - summaries.height - failed.height
        made["words"] += int(summaries["summary"].str.split(" ").list.len().sum())
        made["bytes"] += int(summaries["summary"].str.len_bytes().sum())
    return made


def _summaries(rows: pl.DataFrame, summarizer: Summarizer, now: datetime) -> pl.DataFrame:
    text = pl.lit(_WORDS * 6).str.split(" ").list.slice(pl.col("draw") % 19, 20 + pl.col("draw") % 100).list.join(" ")
    age = pl.duration(seconds=pl.col("draw") % int(timedelta(days=_DAYS).total_seconds()))
    return rows.with_columns(
        summary=pl.format("{} wrote {}.", pl.col("author_name").fill_null("Somebody").str.replace_all(" ", "_"), text),
        content_hash=pl.when(pl.col("lot") == 96).then(pl.lit("of before")).otherwise("content_hash"),
        prompt_version=pl.lit(summarizer.identity.prompt_version),
        model=pl.lit(summarizer.identity.model),
        prompt_tokens=pl.lit(160),
        completion_tokens=pl.lit(90),
        cost_usd=pl.lit(0.00008),
        support=0.6 + (pl.col("draw") % 40) / 100,
        flags=pl.when(pl.col("draw") % 50 == 0)
        .then(pl.lit(["unknown_name"]))
        .otherwise(pl.lit([], pl.List(pl.String))),
        summarized_at=pl.lit(now) - age,
    )


def _failures(rows: pl.DataFrame, now: datetime) -> pl.DataFrame:
    reason = pl.when(pl.col("draw") % 3 == 0).then(pl.lit("timeout")).otherwise(pl.lit("ungrounded"))
    return rows.with_columns(
        reason=reason,
        detail=pl.lit("made up"),
        retryable=pl.lit(value=True),
        attempts=(pl.col("draw") % 5 + 1).cast(pl.Int64),
        last_failed_at=pl.lit(now),
        next_retry_at=pl.lit(now + timedelta(minutes=1)),
    )


def _append(table: BucketedTable, bucket: str, rows: pl.DataFrame) -> None:
    given = set(rows.columns)
    frame = rows.select(
        (pl.col(name) if name in given else pl.lit(None).alias(name)).cast(dtype)
        for name, dtype in table.schema.items()
    )
    table.writer(bucket, table.fence(bucket, table.ensure())).apply(Append(bucket, frame))


def told(summarizer: Summarizer, *, compare: bool) -> dict[str, Any]:
    made = make(summarizer, compare=compare)
    words = made.report.summaries.words
    scripts = [file.stat().st_size for file in (Path(made.place).parent / FOLDER).iterdir()]
    return {
        **asdict(made.report.coverage),
        "page_bytes": len(made.page),
        "shown": made.report.shown.authors,
        "scripts": len(scripts),
        "scripts_bytes": sum(scripts),
        "words": sum(number * times for number, times in words.counts.items()),
    }


def main(phase: str, out: Path) -> None:
    summarizer = Summarizer(load_settings())
    if phase == "tables":
        result = tables(summarizer)
    elif phase == "start":
        result = {}
    else:
        result = told(summarizer, compare=phase == "report")
    out.write_text(json.dumps(result))


if __name__ == "__main__":
    main(options.phase, options.out)
