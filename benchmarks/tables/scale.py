"""The whole job at any size on one machine: ingest, all summaries, ingests after changes and without, summaries again.

    python -m benchmarks.tables.scale --authors 20000000 --folder big/20m [--form flat] [--buckets 256] [--workers 2]

Authors are synthetic (`tools/make_authors.py`), the provider answers at once from a template (a process of its own,
not counted). Each ingest, and each bucket's summaries, is a process of its own, as Dagster's launcher starts one,
measured from outside (`os.wait4`: CPU of user and system, peak memory), through Dagster with an instance that stays.
What is done is noted in FOLDER/figures.jsonl: a script that was interrupted goes on where it was.
Ends with status 1 when an author is lost, doubled or pending, or an unchanged source writes something.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": 300, "buckets": 1, "once": True})
    parser.add_argument("--folder", type=Path, help="keep the source, the tables and the figures here, to go on later")
    parser.add_argument("--authors", type=int, default=100_000)
    parser.add_argument("--form", choices=("nested", "flat"), default="nested")
    parser.add_argument("--buckets", type=int, default=256)
    parser.add_argument("--workers", type=int, default=2, help="buckets summarised at a time")
    parser.add_argument("--most-buckets", type=int, help="summarise so many buckets only")
    parser.add_argument("--source", type=Path, help="a table that was made before, by the same arguments")
    parser.add_argument("--once", action="store_true", help="one ingest and one pass over the buckets, nothing changed")
    parser.add_argument("--no-grounding", action="store_true")
    options = parser.parse_args()

from benchmarks.phase import measured
from benchmarks.promises import conclude
from summarizer_assets.core.buckets import bucket_keys

# The job's libraries are imported by its processes alone: a child's peak memory counts from its parent's.

Figure = dict[str, Any]  # of one step: what it says of itself (`result`), wall and CPU seconds, peak memory

_TOOL = Path(__file__).parents[2] / "tools" / "make_authors.py"
_MB = 2**20
_MOST_FOR_LIMIT = 5_000_000  # authors: polars holds the rows of all buckets, which for 20 million took 22 GB


class Figures:
    """What each step came to, kept in a file, so that no step is done twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self._known: dict[str, Figure] = dict(json.loads(line) for line in lines)

    def get(self, step: str, make: Callable[[], Figure]) -> Figure:
        if step not in self._known:
            self._known[step] = make()
            with self._path.open("a") as file:
                file.write(json.dumps([step, self._known[step]]) + "\n")
        return self._known[step]


def generate(folder: Path, options: argparse.Namespace, *more: str) -> Figure:
    arguments = [str(folder), "--authors", str(options.authors), "--form", options.form, "--delta", *more]
    began = time.monotonic()
    told = subprocess.run([sys.executable, str(_TOOL), *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return {"told": told.stdout.strip(), "wall_s": time.monotonic() - began}


def change_in_place(source: Path, later: Path) -> Figure:
    """Put the rows of one author in a hundred in the place of those of before, in a table with a change feed."""
    command = [sys.executable, "-m", "benchmarks.tables.scale_change", str(source), str(later)]
    subprocess.run(command, check=True)
    return {}


@contextmanager
def provider() -> Iterator[str]:
    """The instant provider; its base URL."""
    command = [sys.executable, "-m", "benchmarks.tables.instant_provider"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        server.communicate()


def summarise(figures: Figures, step: str, environment: Mapping[str, str], options: argparse.Namespace) -> Figure:
    """All buckets, `options.workers` at a time. The wall seconds are of those done now."""
    keys = bucket_keys(options.buckets)[: options.most_buckets]
    began = time.monotonic()

    def one(key: str, url: str) -> None:
        figures.get(f"{step} {key}", lambda: measured(key, {**environment, **_paid(url)}, module="tables.scale_bucket"))

    with provider() as url, ThreadPoolExecutor(options.workers) as pool:
        for done, _ in enumerate(pool.map(lambda key: one(key, url), keys), 1):
            if done % 16 == 0:
                print(f"{done} of {len(keys)} buckets, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return summed([figures.get(f"{step} {key}", dict) for key in keys], time.monotonic() - began)


def _paid(url: str) -> dict[str, str]:
    return {
        "SUMMARIZER_LLM_BASE_URL": url,
        "SUMMARIZER_LLM_MODEL": "template",
        "SUMMARIZER_LLM_API_KEY": "sk-benchmark",
        "SUMMARIZER_PRICE_INPUT_USD": "0.15",
        "SUMMARIZER_PRICE_OUTPUT_USD": "0.6",
    }


def report(found: Mapping[str, Any], options: argparse.Namespace) -> None:
    print(f"{options.authors:,} authors, {options.form}, {options.buckets} buckets; {found['source']['told']}\n")
    print(f"{'step':34}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}  what it did")
    for name, step in found.items():
        if name in {"source", "limit", "check"}:
            continue
        if name.startswith("summaries"):
            report_summaries(name, step)
            continue
        told = step["result"]["told"]
        did = f"{told['authors']:,} authors, {told['added']:,} added, {told['changed']:,} changed, "
        did += f"{told['removed']:,} removed; {told['buckets_rewritten']} buckets, "
        did += f"{told.get('bytes_rewritten', 0) / _MB:,.0f} MB rewritten; {told['source_rows']:,} source rows read"
        print(f"{name:34}{step['wall_s']:8.0f}{step['cpu_s']:8.0f}{step['peak_mb']:9.0f}  {did}")
    if "limit" in found:
        limit, ingest = found["limit"], found["ingest"]
        did = "polars alone reads the columns and writes the buckets' files; the ingest takes "
        did += f"{ingest['wall_s'] / limit['wall_s']:.1f} times its wall-clock time, "
        did += f"{ingest['cpu_s'] / limit['cpu_s']:.1f} times its CPU"
        print(f"{'limit of an ingest':34}{limit['wall_s']:8.0f}{limit['cpu_s']:8.0f}{limit['peak_mb']:9.0f}  {did}")
    print()
    for name, facts in found["check"]["result"]["tables"].items():
        made_of = f"{facts['rows']:>12,} rows  {facts['files']:>6,} files  {facts['bytes'] / _MB:>9,.0f} MB"
        print(f"{name:22} {made_of}  version {facts['version']:>6,}  opened in {facts['open_ms']:.0f} ms CPU")


def report_summaries(name: str, runs: Figure) -> None:
    did = f"{runs['answered']:,} summaries, {runs['calls']:,} calls, {runs['pending']:,} pending; "
    did += f"{runs['us_an_author']:.0f} us CPU an author who was asked, with the runs' starts"
    step = f"{name}, {runs['buckets']} buckets"
    print(f"{step:34}{runs['wall_s']:8.0f}{runs['cpu_s']:8.0f}{runs['peak_mb']:9.0f}  {did}")


def summed(figures: list[Figure], wall_s: float) -> Figure:
    told = [run["result"] for run in figures]
    answered = sum(one.get("answered", 0) for one in told)
    cpu = sum(run["cpu_s"] for run in figures)
    return {
        "buckets": len(figures),
        "answered": answered,
        "calls": sum(one["calls"] for one in told),
        "pending": sum(one["pending"] for one in told),
        "wall_s": wall_s,
        "cpu_s": cpu,
        "us_an_author": cpu / max(answered, 1) * 1e6,
        "peak_mb": max((run["peak_mb"] for run in figures), default=0),
    }


def broken_promises(found: Mapping[str, Any], *, whole: bool) -> list[str]:
    checked = found["check"]["result"]
    promises = {
        f"{checked['twice']} authors have two rows": checked["twice"] == 0,
        f"{checked['strangers']} rows are of no author": checked["strangers"] == 0,
    }
    if "again" in found:
        again = found["again"]["result"]["told"]
        promises[f"an unchanged source rewrites {again['buckets_rewritten']} buckets"] = not again["buckets_rewritten"]
    if whole:
        promises[f"{checked['nowhere']} authors are in no table"] = checked["nowhere"] == 0
    return [promise for promise, kept in promises.items() if not kept]


def main(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="scale-") as temporary:
        return run((options.folder or Path(temporary)).absolute(), options)


def run(folder: Path, options: argparse.Namespace) -> int:
    (folder / "dagster").mkdir(parents=True, exist_ok=True)
    (folder / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    figures = Figures(folder / "figures.jsonl")
    source = (options.source or folder / "source").absolute()
    environment = {
        "DAGSTER_HOME": str(folder / "dagster"),
        "SUMMARIZER_ROOT": str(folder / "tables"),
        "SUMMARIZER_SOURCE": str(source),
        "SUMMARIZER_BUCKETS": str(options.buckets),
        "SUMMARIZER_GROUNDING": str(not options.no_grounding),
    }
    found: dict[str, Any] = {}
    if options.source is None:
        found["source"] = figures.get("source", lambda: generate(source, options))
    else:
        found["source"] = {"told": f"source {options.source.name}"}
    found["ingest"] = figures.get("ingest", lambda: measured("ingest", environment))
    if options.authors <= _MOST_FOR_LIMIT:
        found["limit"] = figures.get("limit", lambda: measured("limit", environment, module="tables.scale_limit"))
    found["summaries"] = summarise(figures, "bucket", environment, options)
    if not options.once:
        later = folder / "source-a-day-later"
        found["again"] = figures.get("again", lambda: measured("ingest", environment))
        figures.get("a day later", lambda: generate(later, options, "--day", "1"))
        moved = {**environment, "SUMMARIZER_SOURCE": str(later)}
        found["another table, 1 % changed"] = figures.get("changed", lambda: measured("ingest", moved))
        other = folder / "source-all-changed"
        figures.get("all changed", lambda: generate(other, options, "--day", "1", "--changed", "1.0"))
        figures.get("in place", lambda: change_in_place(later, other))
        found["1 % changed in place"] = figures.get("increment", lambda: measured("ingest", moved))
        found["summaries again"] = summarise(figures, "again", moved, options)
    found["check"] = measured("check", environment, module="tables.scale_check")
    report(found, options)
    return conclude("scale", found, broken_promises(found, whole=options.most_buckets is None))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main(options))
