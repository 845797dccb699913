"""What a report costs: CPU and peak memory over synthetic tables of any size.

    python -m benchmarks.tables.report [--authors 1000000] [--buckets 16] [--folder FOLDER]

Authors are made by `tools/make_authors.py` and ingested by the job; 96 in 100 get a made-up summary of 20 to 120 words
written straight into the table, 1 an outdated one, 1 has failed, 2 are pending. Then, each as a process of its own,
measured from outside (`os.wait4`): `start` only loads what a report needs, `report` makes it, `no compare` makes it
without looking for summaries of an older record. A part of the tables at a time is in memory: with 16 buckets a million
authors have parts of the size that twenty million have with 256.
Ends with status 1 when a number of the report is wrong.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": 300, "buckets": 1})
    parser.add_argument("--authors", type=int, default=100_000)
    parser.add_argument("--buckets", type=int, default=16)
    parser.add_argument("--folder", type=Path, help="make the tables here and keep them; without one, nothing stays")
    options = parser.parse_args()

from benchmarks.phase import measured
from benchmarks.promises import conclude

# The job's libraries are imported by the phases alone: a child's peak memory counts from its parent's.

_TOOL = Path(__file__).parents[2] / "tools" / "make_authors.py"
_MANY = 20_000_000


def broken_promises(found: dict[str, Any]) -> list[str]:
    made = found["tables"]["result"]
    wrong = []
    for phase, outdated in (("report", made["outdated"]), ("no compare", 0)):
        told = found[phase]["result"]
        expected = {
            "authors": made["authors"],
            "summaries": made["summaries"] - outdated,
            "failed": made["failed"],
            "pending": made["pending"] + outdated,
            "outdated": outdated,
        }
        wrong += [
            f"{phase}: {name} {told[name]}, not {number}" for name, number in expected.items() if told[name] != number
        ]
        if told["authors"] != told["summaries"] + told["failed"] + told["pending"]:
            wrong.append(f"{phase}: authors are not summaries + failed + pending")
        if told["words"] != made["words"]:
            wrong.append(f"{phase}: {told['words']} words, not {made['words']}")
    return wrong


def show(found: dict[str, Any]) -> None:
    made, start = found["tables"]["result"], found["start"]
    print(f"{made['authors']:,} authors, {made['summaries']:,} summaries of {made['bytes'] / 2**20:,.0f} MB as text\n")
    print(f"{'':12}{'CPU s':>8}{'wall s':>8}{'peak MB':>9}{'us CPU an author*':>19}{'20 million, CPU min':>21}")
    for phase in ("start", "report", "no compare"):
        figures = found[phase]
        beyond = figures["cpu_s"] - start["cpu_s"]
        each = beyond / made["authors"]
        rest = "" if phase == "start" else f"{1e6 * each:>19.1f}{(each * _MANY + start['cpu_s']) / 60:>21.1f}"
        print(f"{phase:12}{figures['cpu_s']:8.1f}{figures['wall_s']:8.1f}{figures['peak_mb']:9.0f}{rest}")
    told = found["report"]["result"]
    print(f"\nthe page has {told['page_bytes'] / 1024:,.0f} KB")
    print(f"{told['shown']:,} authors one by one: {told['scripts_bytes'] / 2**20:,.1f} MB in {told['scripts']:,} files")
    print("* without the process's start")


def main(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="report-") as temporary:
        home: Path = (options.folder or Path(temporary)).absolute()
        (home / "dagster").mkdir(parents=True, exist_ok=True)
        (home / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        environment = {
            "DAGSTER_HOME": str(home / "dagster"),
            "SUMMARIZER_ROOT": str(home / "tables"),
            "SUMMARIZER_SOURCE": str(home / "source"),
            "SUMMARIZER_BUCKETS": str(options.buckets),
        }
        make = [sys.executable, str(_TOOL), str(home / "source"), "--authors", str(options.authors), "--delta"]
        subprocess.run(make, check=True)
        measured("ingest", environment)
        found = {
            phase: measured(phase, environment, module="tables.report_phases")
            for phase in ("tables", "start", "report", "no compare")
        }
    show(found)
    return conclude("report", found, broken_promises(found))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main(options))
