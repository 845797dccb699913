"""One large bucket by batch jobs and by requests, in turn: peak memory, and CPU an author.

    python -m benchmarks.tables.batch_bucket [--authors 78000] [--rounds 2]

78,000 authors are a bucket of 20 million in 256. Authors are synthetic (`tools/make_authors.py`); the provider, a
process of its own that is not counted, gives the template's answers on both routes, and its clock is put forward.
Each run is a process of its own, measured from outside, as in `benchmarks.tables.scale`: one by requests; one that
writes and sends the batch job's file, and one that reads and stores its results. In each round both routes begin with
tables of their own, just ingested.

Prints the table, then JSON on the last line; the status is 1 when a run of the batch route took more than 1 GiB, or
authors are pending.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": 200, "rounds": 1})
    parser.add_argument("--authors", type=int, default=78_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()

from benchmarks.phase import measured
from benchmarks.promises import conclude
from summarizer_assets.rehearsal.batches.terms import BatchTerms
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.process import running

# The job's libraries are imported by its processes alone: a child's peak memory counts from its parent's.

_TOOL = Path(__file__).parents[2] / "tools" / "make_authors.py"
_KEY = "0000"
_MOST_MB = 1024
_RUNNING_S = 3_600.0
_SECRET = "sk-benchmark"  # of a server on loopback
STEPS = ("online", "submit", "collect")

Json = dict[str, Any]


def asked(base_url: str, path: str, body: bytes | None = None) -> Json:
    """What the provider's process answers to a GET, or with a body to a POST."""
    headers = {"Authorization": f"Bearer {_SECRET}", "Content-Type": "application/json"}
    request = urllib.request.Request(base_url + path, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=600) as response:
        found: Json = json.load(response)
        return found


def one_round(home: Path, number: int, environment: dict[str, str], base_url: str) -> dict[str, Json]:
    """One run online, and two of a batch job, each route in tables of its own."""
    found = {}
    for route, steps in (("online", ("online",)), ("batch", ("submit", "collect"))):
        root = home / f"{route}-{number}"
        theirs = {**environment, "SUMMARIZER_ROOT": str(root), "SUMMARIZER_ROUTE": route}
        measured("ingest", theirs)
        for step in steps:
            if step == "collect":
                body = json.dumps({"seconds": 2 * _RUNNING_S}).encode()
                asked(base_url.removesuffix("/v1"), "/_control/clock", body)
                found["files"] = asked(base_url, "/files")  # the run that collects deletes them
            found[step] = measured(_KEY, theirs, module="tables.scale_bucket")
        shutil.rmtree(root)
    return found


def run(home: Path, authors: int, rounds: int) -> Json:
    tool = [sys.executable, str(_TOOL), str(home / "source"), "--authors", str(authors)]
    subprocess.run(tool, check=True, stdout=subprocess.DEVNULL)
    (home / "dagster").mkdir()
    (home / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with running(Plan(batch=BatchTerms(running_s=_RUNNING_S))) as provider:
        environment = {
            "DAGSTER_HOME": str(home / "dagster"),
            "SUMMARIZER_SOURCE": str(home / "source"),
            "SUMMARIZER_BUCKETS": "1",
            "SUMMARIZER_LLM_BASE_URL": provider.base_url,
            "SUMMARIZER_LLM_MODEL": "template",
            "SUMMARIZER_LLM_API_KEY": _SECRET,
            "SUMMARIZER_PRICE_INPUT_USD": "0.15",
            "SUMMARIZER_PRICE_OUTPUT_USD": "0.6",
        }
        found = [one_round(home, number, environment, provider.base_url) for number in range(rounds)]
    files = [file for one in found for file in one["files"]["data"]]
    sizes = {kind: max(one["bytes"] for one in files if one["purpose"] == kind) for kind in ("batch", "batch_output")}
    told = [(one["online"]["result"], one["collect"]["result"]) for one in found]
    return {
        "authors": authors,
        "answered": [[result.get("answered", 0) for result in pair] for pair in told],
        "pending": sum(result.get("pending", 1) for pair in told for result in pair),
        "file_bytes": sizes,
        "steps": {
            step: {
                "cpu_s": [one[step]["cpu_s"] for one in found],
                "wall_s": [one[step]["wall_s"] for one in found],
                "peak_mb": max(one[step]["peak_mb"] for one in found),
            }
            for step in STEPS
        },
    }


def an_author_us(found: Json, *steps: str) -> float:
    """Microseconds of CPU an author, of the round that took least."""
    rounds = zip(*(found["steps"][step]["cpu_s"] for step in steps), strict=True)
    return min(map(sum, rounds)) / found["authors"] * 1e6


def report(found: Json) -> None:
    sent, got = (found["file_bytes"][kind] / 2**20 for kind in ("batch", "batch_output"))
    print(f"{found['authors']:,} authors in one bucket; the job's file {sent:.0f} MB, its results {got:.0f} MB\n")
    print(f"{'run':10}{'peak MB':>9}  {'CPU s of each round':24}wall s")
    for step, facts in found["steps"].items():
        cpu, wall = ([f"{seconds:.1f}" for seconds in facts[name]] for name in ("cpu_s", "wall_s"))
        print(f"{step:10}{facts['peak_mb']:>9.0f}  {', '.join(cpu):24}{', '.join(wall)}")
    online, batch = an_author_us(found, "online"), an_author_us(found, "submit", "collect")
    print(f"\nCPU an author: online {online:.0f} us, batch {batch:.0f} us, {batch / online:.2f} of it\n")


def broken_promises(found: Json) -> list[str]:
    peak = max(found["steps"][step]["peak_mb"] for step in ("submit", "collect"))
    promises = {
        f"{found['pending']} authors are pending": found["pending"] == 0,
        f"the routes answered {found['answered']}": all(here == there > 0 for here, there in found["answered"]),
        f"a run of the batch route took {peak:.0f} MB": peak <= _MOST_MB,
    }
    return [promise for promise, kept in promises.items() if not kept]


def main(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="batch-bucket-") as home:
        found = run(Path(home), options.authors, options.rounds)
    report(found)
    return conclude("batch_bucket", found, broken_promises(found))


if __name__ == "__main__":
    sys.exit(main(options))
