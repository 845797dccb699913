"""One ingest of all buckets as its own process, as Dagster's launcher starts one.

    python -m benchmarks.tables.scale_ingest ingest OUT

Writes what the run says of itself to OUT as JSON.
"""

import json
from pathlib import Path

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, part_of="tables.scale")
    parser.add_argument("phase", choices=["ingest"])
    parser.add_argument("out", type=Path)
    options = parser.parse_args()

import dagster as dg

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.definitions import build_defs
from summarizer_assets.fact_metadata import from_metadata
from summarizer_assets.installation import Summarizer
from summarizer_assets.jobs import INGEST
from summarizer_assets.settings import load_settings

_QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}


def main(out: Path) -> None:
    settings = load_settings(env_file=None)
    keys = bucket_keys(Summarizer(settings).buckets)
    result = (
        build_defs(settings)
        .resolve_job_def(INGEST)
        .execute_in_process(
            _QUIET,
            instance=dg.DagsterInstance.get(),
            tags={
                "dagster/asset_partition_range_start": keys[0],
                "dagster/asset_partition_range_end": keys[-1],
            },
        )
    )
    events = [event for event in result.all_events if event.is_step_materialization]
    mine = next(event for event in events if event.asset_key is not None and event.asset_key.path == ["authors"])
    told = from_metadata(mine.materialization.metadata)
    out.write_text(json.dumps({"told": told}))


if __name__ == "__main__":
    main(options.out)
