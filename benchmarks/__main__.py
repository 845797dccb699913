"""All benchmarks on the bundled sample, one after the other: their tables, then their figures as JSON on the last line.

    python -m benchmarks [--source authors.parquet] [--all]

A quarter of an hour; `--all` adds the long ones, an hour and a half more: limits for a minute each, group sizes, 200
kills, a month of the tables' life, 500 commits on an object store, the capacity model against jobs, and under a real
daemon an outage and the healing of a failing provider.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"only": ["engine.tokens"]})
    parser.add_argument("--source", type=Path, help="a Parquet file of authors; without one, the bundled sample")
    parser.add_argument("--all", action="store_true", help="the long ones too")
    parser.add_argument("--only", nargs="+", help="those of these names, as in engine.tokens")
    options = parser.parse_args()


_WIDTH = 100


def run(name: str, arguments: Sequence[str]) -> tuple[dict[str, object], bool]:
    """Run one, passing on what it prints; its figures (a JSON object on its last line, if it has one), and success."""
    print(f"{f' {name} ':=^{_WIDTH}}\n", flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                last = line
            else:
                print(line, end="", flush=True)
    succeeded = process.returncode == 0
    print(f"\n{name}: {time.monotonic() - began:.0f} s{'' if succeeded else ', FAILED'}\n", flush=True)
    return (json.loads(last) if last else {}), succeeded


def main(options: argparse.Namespace) -> int:
    source = [str(options.source)] if options.source else []
    from_source = ["--source", *source] if source else []
    chosen: dict[str, list[str]] = {
        "engine.tokens": source,
        "engine.transport": ["--requests", "2000", "--rounds", "3", "--without", "httpx"],
        "engine": ["--rounds", "1", *from_source],
        "engine.start": ["--rounds", "3"],
        "engine.limits": ["--seconds", "60" if options.all else "15"],
        "engine.answers": [],
        "engine.answered_job": [],
        "engine.journal": [],
        "engine.estimate": from_source,
        "tables.scale": ["--authors", "100000", "--buckets", "8"],
        "tables.report": ["--authors", "100000", "--buckets", "4"],
    }
    if options.all:
        chosen |= {
            "engine.group_sizes": [],
            "faults.kills": ["--kills", "200"],
            "faults.batch_kills": [],
            "faults.healing": [],
            "tables.object_store": [],
            "faults.daemon": [],
            "faults.failed_buckets": [],
            "tables.month": ["--authors", "20000", "--buckets", "16"],
            "tables.capacity": [],
            "tables.stores": [],
            "tables.batch_job": [],
            "tables.batch_bucket": [],
        }
    figures: dict[str, object] = {}
    failed = []
    if unknown := set(options.only or ()) - chosen.keys():
        sys.exit(f"{', '.join(sorted(unknown))}: not among {', '.join(chosen)}; with --all there are more")
    for name in options.only or chosen:
        found, succeeded = run(name, ["--small"] if options.small else chosen[name])
        figures |= found
        failed += [] if succeeded else [name]
    print(json.dumps(figures))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(options))
