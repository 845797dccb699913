"""What an ingest cannot be cheaper than: polars alone reads the columns and writes the buckets' files.

    python -m benchmarks.tables.scale_limit limit OUT

No ids are read by our rule, no values cleaned, no authors merged, nothing hashed, compared or committed; rows are
placed by polars' own hash, and the files are compressed as ours.
"""

import json
import shutil
from pathlib import Path

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, part_of="tables.scale")
    parser.add_argument("phase", choices=["limit"])
    parser.add_argument("out", type=Path)
    options = parser.parse_args()

import polars as pl

from summarizer_assets.settings import load_settings
from summarizer_assets.sources.source import open_source


def main(out: Path) -> None:
    settings = load_settings(env_file=None)
    assert settings.source is not None
    assert settings.buckets is not None
    layout = open_source(settings.source, {}).layout
    rows = pl.scan_delta(settings.source).select(layout.columns)
    folder = Path(f"{settings.root}-limit")
    placed = rows.with_columns(bucket=pl.col(layout.authors["author_id"]).hash() % settings.buckets)
    placed.sink_parquet(pl.PartitionBy(folder, key="bucket"), compression="zstd", compression_level=3, mkdir=True)
    written = sum(file.stat().st_size for file in folder.rglob("*.parquet"))
    shutil.rmtree(folder)
    out.write_text(json.dumps({"bytes": written}))


if __name__ == "__main__":
    main(options.out)
