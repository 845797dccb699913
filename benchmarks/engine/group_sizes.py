"""One author a request, or many: calls, tokens, cost, time, memory, and what a few bad authors do to the rest.

    python -m benchmarks.engine.group_sizes [--authors 1000] [--sizes 1,20,100,500] [--source authors.parquet]

One bucket, 64 requests in flight, against the faulty provider in a process of its own with the latency of a model: so
long to the first token, and so long for each (both a tenth of a usual model's, so that it takes minutes, not hours).
Each size runs in a process of its own, twice: all answers right, and with 1 % of the authors that a content filter
always refuses. The embedded template writes the answers, about 80 words each; the price is a small model's.

Prints a table, then the same as JSON on the last line; an author lost ends the script with status 1.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.command import command, numbers

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": 20, "sizes": [20]})
    parser.add_argument("--authors", type=int, default=1000)
    parser.add_argument("--sizes", type=numbers, default=[1, 20, 100, 500])
    parser.add_argument("--source", type=Path, help="a Parquet file of authors; without one, synthetic ones")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--root", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()

import polars as pl

from benchmarks.promises import conclude
from benchmarks.provider import Provider, provider_process, write_source
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings
from summarizer_assets.storage.delta.stream import persist

BUCKET, IN_FLIGHT, POISON_SHARE = "0000", 64, 100
LATENCY_S, PER_TOKEN_S, SCALE = 0.05, 0.001, 10
INPUT_USD, OUTPUT_USD = 0.15, 0.60


def measure(root: str, url: str, size: int, *, source: str) -> dict[str, Any]:
    """One job of one bucket in this process."""
    settings = load_settings(
        None,
        source=source,
        root=root,
        buckets=1,
        llm_base_url=url,
        llm_model="template",
        group_size=size,
        # Room for 500 authors: the defaults would cut such a group to fewer.
        group_tokens=1_000_000,
        max_output_tokens=200_000,
        max_in_flight=IN_FLIGHT,
        request_timeout_s=600,
        price_input_usd=INPUT_USD,
        price_output_usd=OUTPUT_USD,
    )
    summarizer = Summarizer(settings)
    if summarizer.tables.authors.open() is None:
        stream = summarizer.ingest([BUCKET], log=lambda _: None, describe=lambda *_: None)
        persist(summarizer.tables.authors, stream)
        return {}
    began, cpu = time.monotonic(), time.process_time()
    with summarizer.bucket_run(BUCKET, f"size-{size}", log=lambda _: None) as run:
        summaries = run.summaries
        persist(summarizer.tables.summaries, summaries)
        told = summaries.metadata()
        persist(summarizer.tables.failures, run.failures)
        run.finish()
    return {
        "summaries": told["summaries"],
        "failed": told["failed"],
        "authors": told["authors"],
        "calls": told["calls"],
        "asked_again": told["authors_asked_again"],
        "wall_s": round(time.monotonic() - began, 1),
        "cpu_s": round(time.process_time() - cpu, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def in_process(root: Path, url: str, size: int, source: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.engine.group_sizes", "--one", str(size)]
    command += ["--root", str(root), "--url", url, "--source", str(source)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def billed(provider: Provider) -> dict[str, Any]:
    """What the server's record says of all it answered since its last plan."""
    entries = [entry for entry in provider.record() if entry["status"] == 200]
    waits = sorted(entry["answered_s"] - entry["at_s"] for entry in entries)
    return {
        "prompt_tokens": sum(entry["prompt_tokens"] for entry in entries),
        "completion_tokens": sum(entry["completion_tokens"] for entry in entries),
        "median_latency_s": round(waits[len(waits) // 2], 2),
        "longest_latency_s": round(waits[-1], 2),
    }


def one_size(home: Path, size: int, source: Path, poison: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"size": size}
    for name, rules in (("right", []), ("bad", [{"fault": "content_filter", "authors": poison}])):
        root = home / f"{size}-{name}"
        with provider_process() as provider:
            plan = {"rules": rules, "latency_s": LATENCY_S, "latency_per_token_s": PER_TOKEN_S}
            provider.plan(plan)
            in_process(root, provider.base_url, size, source)  # the ingest
            measured = in_process(root, provider.base_url, size, source)
            found[name] = measured | billed(provider)
    return found


def table(rows: list[dict[str, Any]]) -> None:
    print(f"{'group':>6} {'calls':>6} {'tokens in':>10} {'out':>9} {'USD':>8} {'wall s':>7} {'CPU s':>6} {'MB':>5} "
          f"{'latency s':>10} | {'1 % bad: calls':>14} {'tokens':>8} {'lost':>5}")  # fmt: skip
    for row in rows:
        right, bad = row["right"], row["bad"]
        tokens = right["prompt_tokens"] + right["completion_tokens"]
        usd = (right["prompt_tokens"] * INPUT_USD + right["completion_tokens"] * OUTPUT_USD) / 1e6
        more = (bad["prompt_tokens"] + bad["completion_tokens"]) / tokens
        row["usd"], row["bad_tokens_ratio"], row["bad_calls_ratio"] = usd, more, bad["calls"] / right["calls"]
        print(
            f"{row['size']:>6} {right['calls']:>6} {right['prompt_tokens']:>10,} {right['completion_tokens']:>9,} "
            f"{usd:>8.4f} {right['wall_s']:>7} {right['cpu_s']:>6} {right['peak_mb']:>5} "
            f"{right['median_latency_s']:>10} | {'x' + format(row['bad_calls_ratio'], '.2f'):>14} "
            f"{'x' + format(more, '.2f'):>8} {bad['authors'] - bad['summaries'] - bad['failed']:>5}"
        )


def main(options: argparse.Namespace) -> int:
    if options.one:
        print(json.dumps(measure(options.root, options.url, options.one, source=str(options.source))))
        return 0
    with tempfile.TemporaryDirectory(prefix="group-sizes-") as temporary:
        home = Path(temporary)
        source = options.source
        if source is None:
            source = home / "authors.parquet"
            write_source(source, options.authors)
        ids = pl.read_parquet(source)
        name = "daisngid" if "daisngid" in ids.columns else "author_id"
        poison = ids[name].cast(pl.String).gather_every(POISON_SHARE).to_list()
        rows = [one_size(home, size, source, poison) for size in options.sizes]
    print(f"{rows[0]['right']['authors']} authors, {IN_FLIGHT} in flight; {LATENCY_S} s and {PER_TOKEN_S} s a token "
          f"(a usual model: {SCALE} times that); ${INPUT_USD} and ${OUTPUT_USD} a million tokens\n")  # fmt: skip
    table(rows)
    broken = [
        f"group size {row['size']}: authors without summary or failure"
        for row in rows
        for part in (row["right"], row["bad"])
        if part["summaries"] + part["failed"] != part["authors"]
    ]
    return conclude("group_sizes", {"rows": rows}, broken)


if __name__ == "__main__":
    sys.exit(main(options))
