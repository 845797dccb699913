"""One bucket's run as its own process, as Dagster's launcher starts one.

    python -m benchmarks.tables.scale_bucket KEY OUT

Writes what the run says of itself to OUT as JSON; nothing of one that only sent a batch job. Start of the process,
loading the definitions and Dagster's own work are part of what the parent measures.
"""

import json
from pathlib import Path

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, part_of="tables.scale")
    parser.add_argument("key")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()

import dagster as dg

from summarizer_assets.definitions import build_defs
from summarizer_assets.fact_metadata import from_metadata
from summarizer_assets.jobs import SUMMARIZE

_QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
_TOLD = ("authors", "answered", "newly_failed", "failed", "pending", "calls", "prompt_tokens", "completion_tokens")


def main(key: str, out: Path) -> None:
    job = build_defs().resolve_job_def(SUMMARIZE)
    result = job.execute_in_process(_QUIET, instance=dg.DagsterInstance.get(), partition_key=key)
    events = [event for event in result.all_events if event.is_step_materialization]
    mine = [event for event in events if event.asset_key and event.asset_key.path == ["author_summaries"]]
    told = from_metadata(mine[0].materialization.metadata) if mine else {}
    if told.get("pending"):
        raise SystemExit(f"bucket {key} is not done: {told['pending']} authors are pending")
    out.write_text(json.dumps({name: told[name] for name in _TOLD if name in told}))


if __name__ == "__main__":
    main(options.key, options.out)
