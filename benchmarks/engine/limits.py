"""How much of an enforced rate limit is used, and how often it is tripped: one run, two and four that share it.

    python -m benchmarks.engine.limits [--seconds 60]

The faulty provider, a raw protocol server in a process of its own, enforces a limit over all connections with a bucket
of one second's refill and answers from a cache after 0.3 s. Each run is a process with a client and a pacer of its own;
they share a SQLite store, start two seconds apart and end two seconds apart. Requests are small and large, mixed. The
limits are given to them, or announced in headers only, or nowhere.

Use counts from the fourth second, when all have found their pace, to the last run's end: by the server's record.
`provider` is its share of a core: it must not be the bottleneck. Prints a table, then the same as JSON on the
last line; a missed bar ends the script with status 1.
"""

import argparse
import asyncio
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"seconds": 2.0, "cases": 1})
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cases", type=int, help="the first so many of them; all without it")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()

from benchmarks.promises import conclude
from benchmarks.provider import Provider, provider_process
from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.llm.client import Client
from summarizer_assets.llm.http.transport import TransportLimits, build_transport
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT
from summarizer_assets.llm.rate.pacer import Pacer
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.rate_limits import SharedAccount

RPM, TPM = 3000.0, 1_500_000.0
LATENCY_S, IN_FLIGHT, STAGGER_S, FROM_S = 0.3, 96, 2.0, 4.0
SMALL, LARGE = 1, 20  # authors
CASES = [
    ("requests", "given", 1),
    ("requests", "given", 2),
    ("requests", "given", 4),
    ("tokens", "given", 1),
    ("tokens", "given", 2),
    ("tokens", "given", 4),
    ("requests", "announced", 1),
    ("requests", "announced", 2),
    ("requests", "announced", 4),
    ("tokens", "announced", 1),
    ("tokens", "announced", 2),
    ("tokens", "announced", 4),
    ("requests", "unannounced", 1),
    ("requests", "unannounced", 2),
    ("tokens", "unannounced", 1),
]


def body(authors: int, number: int) -> bytes:
    records = "".join(
        f'\n\n#"{number * LARGE + place}" Ada Example @ Institute of Examples\n'
        + "A title of usual length | 2019\n" * 8
        for place in range(authors)
    )
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": records}]}).encode()


async def work(url: str, state: str, given: RateLimits, runs: int, seconds: float) -> dict[str, Any]:
    """One run: more to do than the limit allows, for so long."""
    account = SharedAccount(Database(state), "account", given, lambda: runs)
    client = Client(
        build_transport(limits=TransportLimits(max_connections=IN_FLIGHT)),
        url,
        OPENAI_CHAT,
        Pacer(IN_FLIGHT, given, keeper=account),
    )
    waits: dict[str, list[float]] = {"small": [], "large": []}
    end = time.monotonic() + seconds
    draw = random.Random(7)

    async def worker() -> None:
        while time.monotonic() < end:
            kind, authors = ("large", LARGE) if draw.random() < 0.2 else ("small", SMALL)
            asked = body(authors, draw.randrange(100_000))
            began = time.monotonic()
            reply = await client.complete(
                asked,
                estimated_tokens=len(asked) // 4 + 30 * authors,
                most_output_tokens=1000,
                check=lambda reply: reply,
                settle=lambda reply: reply.usage,
            )
            waits[kind].append(time.monotonic() - began - reply.seconds)

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    await client.aclose()
    return {"waits": waits, "cpu_s": time.process_time(), "throttles": client.counters.throttles}


def one_case(provider: Provider, home: Path, case: tuple[str, str, int], seconds: float) -> dict[str, Any]:
    bound, how, runs = case
    rpm = RPM if bound == "requests" else 100 * RPM
    tpm = TPM if bound == "tokens" else 100 * TPM
    provider.plan(
        {
            "requests_per_minute": rpm,
            "tokens_per_minute": tpm,
            "latency_s": LATENCY_S,
            "replies": "fixed",
            "announce_limits": how != "unannounced",
        }
    )
    before = len(provider.record())
    given = [rpm, tpm] if how == "given" else [None, None]
    state = str(home / f"{'-'.join(map(str, case))}.sqlite")
    processes = []
    for number in range(runs):
        told = json.dumps({"url": provider.base_url, "state": state, "given": given, "runs": runs, "seconds": seconds})
        command = [sys.executable, "-m", "benchmarks.engine.limits", "--one", told]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        time.sleep(STAGGER_S if number < runs - 1 else 0)
    found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
    entries = provider.record()[before:]
    first, last = entries[0]["at_s"] + FROM_S, max(entry["at_s"] for entry in entries if entry["status"] == 200) - 0.5
    served = [entry for entry in entries if entry["status"] == 200 and first <= entry["at_s"] < last]
    throttles = sum(entry["fault"] == "rate_limited" for entry in entries if entry["at_s"] >= first)
    amount = sum(entry["prompt_tokens"] + entry["completion_tokens"] if bound == "tokens" else 1 for entry in served)
    limit = (TPM if bound == "tokens" else RPM) / 60 * (last - first)
    waits = {kind: sorted(wait for run in found for wait in run["waits"][kind]) for kind in ("small", "large")}
    return {
        "bound": bound,
        "limits": how,
        "runs": runs,
        "use": amount / limit,
        "throttles_per_1000": 1000 * throttles / max(1, len(served)),
        "throttles_at_the_start": sum(entry["fault"] == "rate_limited" for entry in entries) - throttles,
        "requests": len(served),
        "p50_wait_s": {kind: round(seen[len(seen) // 2], 2) for kind, seen in waits.items() if seen},
        "p99_wait_s": {kind: round(seen[int(len(seen) * 0.99)], 2) for kind, seen in waits.items() if seen},
        "runs_cpu_s": sum(run["cpu_s"] for run in found),
        "cpu_ms_a_request": 1000 * sum(run["cpu_s"] for run in found) / max(1, len(entries)),
    }


def cpu_of_children_s() -> float:
    """Of those that ended: the provider and the runs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def broken(row: dict[str, Any]) -> list[str]:
    name = f"{row['bound']}-bound, {row['limits']}, {row['runs']} runs"
    least = 0.9 if row["limits"] == "unannounced" else 0.98
    wrong = []
    if row["use"] < least:
        wrong.append(f"{name}: {row['use']:.1%} of the limit used, less than {least:.0%}")
    if row["limits"] != "unannounced" and row["throttles_per_1000"] > 1:
        wrong.append(f"{name}: {row['throttles_per_1000']:.1f} throttles in 1,000, more than 1")
    return wrong


def main(options: argparse.Namespace) -> int:
    if options.one:
        told = json.loads(options.one)
        print(
            json.dumps(
                asyncio.run(work(told["url"], told["state"], RateLimits(*told["given"]), told["runs"], told["seconds"]))
            )
        )
        return 0
    rows = []
    print(f"{'bound by':9} {'limits':12} {'runs':>4} {'use':>7} {'429 / 1,000':>11} {'at start':>8} {'requests':>8} "
          f"{'wait small p50/p99 s':>20} {'large':>12} {'CPU ms':>7} {'provider':>8}")  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="limits-") as temporary:
        for case in CASES[: options.cases]:
            began, before = time.monotonic(), cpu_of_children_s()
            with provider_process() as provider:
                row = one_case(provider, Path(temporary), case, options.seconds)
            provider_s = cpu_of_children_s() - before - row.pop("runs_cpu_s")
            row["provider_share_of_a_core"] = provider_s / (time.monotonic() - began)
            rows.append(row)
            small, large = (f"{row['p50_wait_s'][kind]} / {row['p99_wait_s'][kind]}" for kind in ("small", "large"))
            print(
                f"{row['bound']:9} {row['limits']:12} {row['runs']:>4} {row['use']:>7.1%} "
                f"{row['throttles_per_1000']:>11.2f} {row['throttles_at_the_start']:>8} {row['requests']:>8} "
                f"{small:>20} {large:>12} {row['cpu_ms_a_request']:>7.2f} "
                f"{row['provider_share_of_a_core']:>8.0%}",
                flush=True,
            )
    missed = [] if options.small else [wrong for row in rows for wrong in broken(row)]
    return conclude("limits", {"rows": rows}, missed)


if __name__ == "__main__":
    sys.exit(main(options))
