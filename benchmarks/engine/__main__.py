"""What summarising an author costs: our materialisation of a partition against a tight reference and common designs.

    python -m benchmarks.engine [--authors 20000] [--source authors.parquet] [--rounds 3] [--only cpu] [--profile]

All contenders read the same Delta table of one bucket and get the same replies from a raw `asyncio.Protocol` server in
a process of its own, 20 authors a request. Each run is a process; it warms up on 200 authors, then its CPU (all
threads) is taken over the rest. The contenders take turns, so that a noisy machine hits all of them; medians count.

`ours` materialises the partition in Dagster, both tables committed to Delta. `ours, no Dagster` is the same run alone.
`later run` begins with as many requests in flight as another had, where `ours` finds out what an unknown server takes.
`reference` is aiohttp, uvloop, msgspec, polars and nothing around them, writing Parquet. `Daft` is its async UDF, in
an environment of its own; without that it is left out. `cookbook` is the pattern of OpenAI's cookbook, `row by row` and
`500 a request` are blocking designs (the first on fewer authors: the cost of one is the finding).

The last columns say what a contender keeps (`keeps.py`): limits, retries, a journal, and that each author is summarised
and paid for once. `hold ms` is the longest time for which nothing went on in the event loop, `own` that for which the
process itself was busy meanwhile, and then how many held it for more than 50 ms (`loop_watch.py`).

`--profile` says instead what our own run spends on an author, part by part. Prints a table, and the same figures as
JSON on the last line.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.command import command
from benchmarks.engine.keeps import HEAD, kept_by

REPOSITORY = Path(__file__).parents[2]
PEERS = REPOSITORY / ".venv-interop/peers/bin/python"

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": 200, "rounds": 1, "only": "cpu"})
    parser.add_argument("--authors", type=int, default=20_000)
    parser.add_argument("--source", type=Path, help="a nested Parquet file; without one, synthetic authors")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="cpu,wall,in-flight,per-minute", help="tables to print, comma-separated")
    parser.add_argument("--peers", type=Path, default=PEERS, help="the Python of the environment that has Daft")
    parser.add_argument("--profile", action="store_true", help="our own cost part by part, and nothing else")
    options = parser.parse_args()


# The contenders' libraries are imported by their processes alone: a child's peak memory counts from its parent's.

BUCKET = "0001"
_CPU = ("ours", "ours, grounding", "ours, no Dagster", "ours, no Dagster, grounding", "reference", "Daft", "cookbook")
_SLOW = {"row by row": 400, "500 a request": 10_000}  # the most authors for each
_LATENCY_S = 0.2
_WALL = ("ours", "ours, later run", "ours, grounding", "reference", "Daft")
_LEVELS = (16, 64, 512, 2000)
_A_MINUTE = (30_000, 60_000)

Figures = dict[str, Any]


class Bench:
    """The table, the server, and runs of contenders against them."""

    def __init__(self, folder: Path, port: str, authors: int, peers: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}/v1"
        self.authors = authors
        self.peers = peers
        self.with_daft = peers.exists()
        if not self.with_daft:
            print("Daft is left out; this installs it: make .venv-interop/.peers\n", flush=True)

    def run(self, name: str, module: str = "benchmarks.engine.run", *, latency_s: float = 0.0, **work: Any) -> Figures:  # noqa: ANN401 - fields of Work
        with tempfile.TemporaryDirectory(dir=self.folder) as out:
            given = {"folder": str(self.folder), "out": out, "url": self.url, "bucket": BUCKET, "latency_s": latency_s}
            python = self.peers if name == "Daft" else sys.executable
            command = [python, "-m", module, name, json.dumps({**given, **work})]
            found = {**os.environ, "PYTHONPATH": str(REPOSITORY)}  # another environment has nothing of ours
            told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=found).stdout
            figures: Figures = json.loads(told.splitlines()[-1])
        expected = min(self.authors, work.get("authors") or self.authors)
        if figures["authors"] != expected:
            raise SystemExit(f"{name}: {figures['authors']} of {expected} authors were summarised")
        return figures

    def rounds(self, names: Sequence[str], rounds: int, **work: Any) -> dict[str, Figures]:  # noqa: ANN401 - same
        """Medians by contender."""
        found: dict[str, list[Figures]] = {name: [] for name in names if name != "Daft" or self.with_daft}
        for _ in range(rounds):
            for name, figures in found.items():
                limits = {"authors": min(_SLOW[name], self.authors)} if name in _SLOW else {}
                figures.append(self.run(name, **limits, **work))
        return {name: _median(figures) for name, figures in found.items()}


def _median(figures: Sequence[Figures]) -> Figures:
    return {key: statistics.median(figure[key] for figure in figures) for key in figures[0]}


def cpu_table(bench: Bench, rounds: int) -> dict[str, Figures]:
    """Authors per CPU-second, nothing to wait for."""
    found = bench.rounds((*_CPU, *_SLOW), rounds)
    reference = found["reference"]["authors"] / found["reference"]["cpu_s"]
    cookbook = found["cookbook"]["authors"] / found["cookbook"]["cpu_s"]
    print(
        f"{'instant replies, 64 in flight':32}{'authors/CPU-s':>14}{'x reference':>12}{'x cookbook':>11}"
        f"{'us/author':>10}{'ms/request':>11}{'peak MB':>9}{'server':>8}{HEAD}"
    )
    for name, figures in found.items():
        rate = figures["authors"] / figures["cpu_s"]
        figures |= {"authors_per_cpu_s": rate, "of_reference": rate / reference, "of_cookbook": rate / cookbook}
        print(
            f"{name:32}{rate:14,.0f}{rate / reference:12.2f}{rate / cookbook:11.2f}{1e6 / rate:10.1f}"
            f"{figures['cpu_s'] / figures['requests'] * 1e3:11.2f}{figures['peak_mb']:9.0f}"
            f"{figures['server_share']:8.0%}{kept_by(name)}"
        )
    print()
    return found


def wall_table(bench: Bench, rounds: int) -> dict[str, dict[str, Figures]]:
    """Authors per second of the clock under a usual latency."""
    print(
        f"{_LATENCY_S * 1000:.0f} ms of latency{'':17}{'in flight':>10}{'authors/s':>11}{'of ideal':>9}"
        f"{'while asking':>13}{'x reference':>12}{'server':>8}{'hold ms':>9}{'own':>6}{'> 50 ms':>9}{HEAD}"
    )
    found: dict[str, dict[str, Figures]] = {}
    for in_flight in (64, 512):
        level = bench.rounds(_WALL, rounds, latency_s=_LATENCY_S, in_flight=in_flight)
        ideal = in_flight * 20 / _LATENCY_S
        reference = level["reference"]["authors"] / level["reference"]["wall_s"]
        for name, figures in level.items():
            rate = figures["authors"] / figures["wall_s"]
            # The last wave is asked for one latency before its end, so the ideal run takes whole waves.
            asking = figures["authors"] / figures["asking_s"]
            figures |= {"authors_per_s": rate, "of_ideal": rate / ideal, "asking_of_ideal": asking / ideal}
            figures["of_reference"] = rate / reference
            print(
                f"{name:32}{in_flight:10}{rate:11,.0f}{rate / ideal:9.0%}{asking / ideal:13.0%}"
                f"{rate / reference:12.2f}{figures['server_share']:8.0%}{_holds(figures)}{kept_by(name)}"
            )
        found[str(in_flight)] = level
    print()
    return found


def _holds(figures: Figures) -> str:
    if not figures["hold_ms"]:  # its loop is not Python's
        return f"{'-':>9}{'-':>6}{'-':>9}"
    return f"{figures['hold_ms']:9.0f}{figures['own_hold_ms']:6.0f}{figures['long_holds']:9.0f}"


def in_flight_table(bench: Bench, rounds: int) -> dict[str, Figures]:
    """CPU of a request by requests in flight, the whole run."""
    print(f"{'CPU ms a request, ours':32}" + "".join(f"{level:>9}" for level in _LEVELS) + "   512/16")
    found: dict[str, Figures] = {}
    medians = {
        level: bench.rounds(("ours, no Dagster",), rounds, in_flight=level, latency_s=0.02)["ours, no Dagster"]
        for level in _LEVELS
    }
    costs = {level: figures["cpu_s"] / figures["requests"] * 1000 for level, figures in medians.items()}
    print(f"{'':32}" + "".join(f"{costs[level]:9.3f}" for level in _LEVELS) + f"{costs[512] / costs[16]:9.2f}")
    print()
    found["cpu_ms_per_request"] = {str(level): cost for level, cost in costs.items()}
    found["peak_mb"] = {str(level): figures["peak_mb"] for level, figures in medians.items()}
    return found


def per_minute_table(bench: Bench, _: int) -> dict[str, Figures]:
    """Requests a minute of one author each, under limits that the server enforces: with limits, ledger and journal."""
    print(
        f"{f'one author a request, {_LATENCY_S * 1000:.0f} ms':32}{'limit':>9}{'a minute':>10}{'of limit':>9}{'429':>6}"
        f"{'ms CPU/request':>15}{'of a core':>10}{'server':>8}{'hold ms':>9}{'own':>6}{'> 50 ms':>9}"
    )
    found: dict[str, Figures] = {}
    for rpm in _A_MINUTE:
        work = {"group_size": 1, "in_flight": 512, "latency_s": _LATENCY_S, "rpm": rpm}
        figures = bench.run("ours, no Dagster", **work)
        rate = figures["requests"] / figures["asking_s"] * 60
        figures["per_minute"] = rate
        print(
            f"{'ours, no Dagster':32}{rpm:9,}{rate:10,.0f}{rate / rpm:9.1%}{figures['throttles']:6.0f}"
            f"{figures['cpu_s'] / figures['requests'] * 1e3:15.2f}{figures['cpu_s'] / figures['wall_s']:10.0%}"
            f"{figures['server_share']:8.0%}{_holds(figures)}"
        )
        found[str(rpm)] = figures
    print()
    return found


def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="engine-") as folder:
        source = [str(options.source)] if options.source else []
        command = [sys.executable, "-m", "benchmarks.engine.data", folder, str(options.authors), *source]
        made = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
        print(", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in made.items()) + "\n", flush=True)
        replies = str(Path(folder) / "replies.msgpack")
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.engine.cached_server", replies],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            try:
                bench = Bench(Path(folder), server.stdout.readline().strip(), made["authors"], options.peers)
                figures = _measure(bench, options)
            finally:
                server.stdin.close()
    print(json.dumps({"engine": {"data": made, **figures}}))


def _measure(bench: Bench, options: argparse.Namespace) -> Figures:
    if options.profile:
        from benchmarks.engine.cpu_profile import profile_table  # noqa: PLC0415 - a mode of its own

        return {"profile": profile_table(bench, options.rounds)}
    tables = {
        "cpu": cpu_table,
        "wall": wall_table,
        "in-flight": in_flight_table,
        "per-minute": per_minute_table,
    }
    return {name: table(bench, options.rounds) for name, table in tables.items() if name in options.only.split(",")}


if __name__ == "__main__":
    main(options)
