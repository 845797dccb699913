"""The main job on a source, embedded provider: what it costs, and that no author is lost, doubled or asked in vain.

    python -m benchmarks.main_job [--source PATH] [--buckets 16] [--group-size 20] [--root FOLDER]

Each phase is a process of its own, measured from outside (`os.wait4`: CPU of user and system, peak memory):
`start` only loads the definitions, `ingest` fills `authors`, `summarise` runs all buckets one after the other in
Dagster, `again` does both once more with nothing to do, `change` does so after one title of one author was changed.
Everything that the README promises of these phases is checked; a broken promise ends the script with status 1.
Prints a table, and the same figures as JSON on the last line.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"buckets": 1})
    parser.add_argument("--source", help="a Parquet file of authors; without one, the bundled sample")
    parser.add_argument("--buckets", type=int, default=16)
    parser.add_argument("--group-size", type=int, default=20)
    parser.add_argument("--root", type=Path, help="keep tables and Dagster's instance here; without one, nothing stays")
    options = parser.parse_args()

from benchmarks.promises import conclude

# The job's libraries are imported by the phases alone: a child's peak memory counts from its parent's.

_PHASES = ("start", "ingest", "summarise", "check", "again", "change")


def measured(phase: str, environment: Mapping[str, str], module: str = "main_job_phases") -> dict[str, Any]:
    """Run one phase in a process of its own: its result, CPU seconds, wall seconds and peak memory in MB."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as out:
        command = [sys.executable, "-m", f"benchmarks.{module}", phase, out.name]
        began = time.monotonic()
        child = os.posix_spawn(sys.executable, command, {**os.environ, **environment})
        _, status, usage = os.wait4(child, 0)
        wall = time.monotonic() - began
        if status != 0:
            raise SystemExit(f"phase {phase} failed; its output is above")
        return {
            "result": json.load(out),
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "wall_s": wall,
            "peak_mb": usage.ru_maxrss / 1024,  # kilobytes on Linux
        }


def broken_promises(found: Mapping[str, dict[str, Any]]) -> list[str]:
    """What the figures show to be otherwise than promised; empty when all is well."""
    checked, told = found["check"]["result"], found["summarise"]["result"]["told"]
    second, changed = found["again"]["result"], found["change"]["result"]
    ingested = found["ingest"]["result"]["told"]
    places = checked["summaries"] + checked["failed"]
    promises = {
        f"authors {checked['authors']} = summaries + failed {places}": checked["authors"] == places,
        "no author is pending": told["pending"] == 0,
        "the ingest's count of authors is the table's": ingested["authors"] == checked["authors"],
        "rejected rows are counted": checked["rejected_rows"] == sum(ingested["rejected_rows"].values()),
        **{
            f"{name} is 0, not {checked[name]}": checked[name] == 0
            for name in checked
            if name.endswith("_twice") or name in {"in_both", "in_neither", "of_no_author", "empty_summaries"}
        },
        f"the second run makes 0 calls, not {second['told']['calls']}": second["told"]["calls"] == 0,
        f"the second run makes no version: {second['before']} {second['versions']}": second["before"]
        == second["versions"],
        "the changed source rewrites one bucket": changed["ingest"]["buckets_rewritten"] == 1,
        "the changed source changes one author": changed["ingest"]["changed"] == 1,
        "`authors` gets one version": changed["versions"]["authors"] == changed["before"]["authors"] + 1,
        f"one author is asked, not {changed['told']['answered']}": changed["told"]["answered"] == 1,
        f"one call is made, not {changed['told']['calls']}": changed["told"]["calls"] == 1,
        f"one summary is replaced, not {changed['replaced']}": changed["replaced"] == [changed["changed_author"]],
        f"no summary is lost, not {changed['lost']}": changed["lost"] == 0,
        f"only one bucket of summaries is written: {changed['commits_by_bucket']}": len(changed["commits_by_bucket"])
        == 1,
    }
    return [promise for promise, kept in promises.items() if not kept]


def report(found: Mapping[str, dict[str, Any]]) -> None:
    checked = found["check"]["result"]
    started = found["start"]["cpu_s"]
    print(
        f"{checked['authors']:,} authors = {checked['summaries']:,} summaries + {checked['failed']:,} failed "
        f"{checked['failed_by_reason']}, {checked['rejected_rows']} source rows rejected\n"
    )
    print(
        f"{'phase':12}{'CPU s':>8}{'wall s':>8}{'peak MB':>9}{'calls':>8}{'asked':>9}{'authors/CPU-s*':>16}  versions"
    )
    for phase in ("start", "ingest", "summarise", "again", "change"):
        figures = found[phase]
        result = figures["result"]
        told = result.get("told", {})
        calls, asked = told.get("calls", ""), told.get("answered", "")
        rate = "" if phase == "start" else f"{checked['authors'] / max(figures['cpu_s'] - started, 1e-9):,.0f}"
        versions = " ".join(str(version) for version in result.get("versions", {}).values())
        print(
            f"{phase:12}{figures['cpu_s']:8.1f}{figures['wall_s']:8.1f}{figures['peak_mb']:9.0f}{calls:>8}{asked:>9}"
            f"{rate:>16}  {versions}"
        )
    whole = sum(found[phase]["cpu_s"] for phase in ("ingest", "summarise"))
    peak = max(found[phase]["peak_mb"] for phase in ("ingest", "summarise"))
    print(f"\nthe whole job (ingest and summarise): {whole:.1f} CPU seconds, peak memory {peak:.0f} MB")
    print(f"* without the process's start; versions of {', '.join(found['check']['result']['tables'])}")


def main(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="main-job-") as temporary:
        home: Path = (options.root or Path(temporary)).absolute()
        (home / "dagster").mkdir(parents=True, exist_ok=True)
        (home / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        environment = {
            "DAGSTER_HOME": str(home / "dagster"),
            "SUMMARIZER_ROOT": str(home / "tables"),
            "SUMMARIZER_BUCKETS": str(options.buckets),
            "SUMMARIZER_GROUP_SIZE": str(options.group_size),
        }
        if options.source:
            environment["SUMMARIZER_SOURCE"] = str(Path(options.source).absolute())
        found = {phase: measured(phase, environment) for phase in _PHASES}
    report(found)
    return conclude("main_job", found, broken_promises(found))


if __name__ == "__main__":
    sys.exit(main(options))
