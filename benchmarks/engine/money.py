"""Is a budget kept whatever a provider bills, and is all that it tells booked to the nano-dollar?

    python -m benchmarks.engine.money [--scenarios N] [--seed S]

Each scenario makes a small installation on a faulty provider: hidden usage up to 40 times what a request allows, no
usage, usage in the last event of a stream or beside an error, broken connections, runs at once, runs that are killed,
a ledger that is lost. It runs all its buckets, twice, under a budget. Compared are the provider's record (what it
billed, request by request) and the ledger. The promises, of each:

- billed is at most the budget and what was in flight when a run was first told that requests cost so much more than
  they allow (where each costs something else: so much as at the worst until then);
- all that was billed and told is booked, as spent or as uncertain; where all was told and nobody killed, to the
  nano-dollar;
- a stored answer's cost is its part of what its request was billed, where that was told;
- a run that cannot go on says that the budget is used up, and the ledger adds up.

Prints a table, then the same as JSON on the last line; a broken promise ends the script with status 1.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"scenarios": 2})
    parser.add_argument("--scenarios", type=int, help="only the first so many")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

from benchmarks.promises import conclude
from summarizer_assets.core.buckets import bucket_of
from summarizer_assets.core.display_text import exact_usd
from summarizer_assets.core.money.amounts import Price, Usage, nano_of
from summarizer_assets.core.outcome import Stop
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.rehearsal.request_log import Entry
from summarizer_assets.storage.delta.stream import persist
from testing.installation import Installation, write_authors
from testing.provider import answer, serving

PRICE = Price.per_million(1, 10)
AUTHORS, GROUP, MOST_OUTPUT, IN_FLIGHT = 80, 4, 400, 4
HEARD_S = 0.1  # from the moment when a reply is sent until the run that asked has booked it
UNTOLD = frozenset({"usage_missing", "usage_absurd"})


@dataclass(frozen=True)
class Scenario:
    """`killed_after`: requests after which a run in a process of its own is killed. `lose`: then the state store."""

    name: str
    plan: Mapping[str, Any] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    budget: float = 0.1
    buckets: int = 2
    at_once: bool = False
    killed_after: tuple[int, ...] = ()
    lose: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


def each(fault: str, share: float) -> Rule:
    return Rule(fault, share=share, each_request=True, seconds=0.2)


def hidden(times: float, **more: object) -> dict[str, Any]:
    return {"hidden_times": times, **more}


LATE = {"commit_rows": 10**6, "commit_interval_s": 600}
SCENARIOS = (
    Scenario("forty times", hidden(40), budget=0.5),
    Scenario("no usage told", rules=(each("usage_missing", 1),)),
    Scenario("hidden, killed", hidden(40), budget=1, killed_after=(4,), buckets=1),
    Scenario("forty times, late", hidden(40, hidden_after_answers=9), budget=0.2),
    Scenario("up to forty times", hidden(40, hidden_spread=True), budget=0.5),
    Scenario("killed, the ledger lost", budget=0.2, killed_after=(6,), buckets=1, lose=True, settings=LATE),
    Scenario("all as it should be", budget=2),
    Scenario("a budget too small for all", budget=0.02),
    Scenario("a budget too small for one", budget=0.002),
    Scenario("four runs at once", budget=0.05, buckets=4, at_once=True),
    Scenario("twice", hidden(2)),
    Scenario("five times", hidden(5), budget=0.2),
    Scenario("ten times", hidden(10), budget=0.3),
    Scenario("a little more than allowed", hidden(1.01)),
    Scenario("as much as allowed", hidden(1)),
    Scenario("forty times, of plenty", hidden(40), budget=20),
    Scenario("forty times, the prompt only", hidden(40, hidden_of="prompt"), budget=0.5),
    Scenario("forty times, the answer only", hidden(40, hidden_of="output"), budget=0.5),
    Scenario("forty times, one of ten", hidden(40, hidden_share=0.1), budget=0.4),
    Scenario("forty times, from the second run on", hidden(40, hidden_after_answers=10), budget=0.6),
    Scenario("up to forty times, one of three", hidden(40, hidden_spread=True, hidden_share=0.3), budget=0.7),
    Scenario("up to ten times", hidden(10, hidden_spread=True), budget=0.3),
    Scenario("forty times, four runs at once", hidden(40), budget=2, buckets=4, at_once=True),
    Scenario("up to forty times, four at once", hidden(40, hidden_spread=True), budget=2, buckets=4, at_once=True),
    Scenario("forty times, slow answers", hidden(40, latency_s=0.3, latency_spread_s=0.4), budget=0.5),
    Scenario("usage in the last event", rules=(each("streamed", 1),)),
    Scenario("forty times, in the last event", hidden(40), (each("streamed", 1),), budget=0.5),
    Scenario("usage beside an error", rules=(each("error_with_usage", 0.2),)),
    Scenario("forty times, beside errors", hidden(40), (each("error_with_usage", 0.3),), budget=1),
    Scenario("absurd usage", rules=(each("usage_absurd", 0.5),)),
    Scenario("no usage told by some", rules=(each("usage_missing", 0.3),)),
    Scenario("forty times, untold by some", hidden(40), (each("usage_missing", 0.3),), budget=1),
    Scenario("unreadable answers", rules=(each("truncated_json", 0.3), each("content_filter", 0.1))),
    Scenario("forty times, unreadable answers", hidden(40), (each("truncated_json", 0.5),), budget=1),
    Scenario("broken connections", rules=(each("reset_in_body", 0.2), each("short_body", 0.1), each("reset", 0.1))),
    Scenario("twice, broken connections", hidden(2), (each("reset_in_body", 0.2), each("reset", 0.1)), budget=0.2),
    Scenario("strange bytes", rules=(each("invalid_utf8", 0.3), each("lone_surrogate", 0.2))),
    Scenario("throttles and faults", rules=(each("throttled_ms", 0.2), each("unavailable", 0.1))),
    Scenario("killed twice", budget=0.1, killed_after=(3, 9), buckets=1),
    Scenario("no usage told, killed", rules=(each("usage_missing", 1),), killed_after=(4,), buckets=1),
    Scenario("killed with answers stored", killed_after=(8,), buckets=1, settings={"commit_rows": 1}),
)  # fmt: skip


def cost(entry: Entry) -> int:
    return PRICE.cost(Usage(entry.prompt_tokens, entry.completion_tokens))


class Trial:
    """One scenario in a folder."""

    def __init__(self, scenario: Scenario, folder: Path, seed: int) -> None:
        self.scenario = scenario
        self._usual = {"seed": seed, "latency_s": 0.02, "latency_spread_s": 0.03}
        self.provider = FaultyProvider(answer, Plan(rules=scenario.rules, **{**self._usual, **scenario.plan}))
        self._folder = folder
        self.stops: list[Stop | None] = []
        self.lost_cost = 0

    def run(self) -> dict[str, Any]:
        scenario = self.scenario
        source = write_authors(self._folder / "authors.parquet", AUTHORS)
        with serving(self.provider) as url:
            house = Installation(
                self._folder / "root",
                source,
                buckets=scenario.buckets,
                llm_base_url=url,
                llm_model="test-model",
                group_size=GROUP,
                max_output_tokens=MOST_OUTPUT,
                max_in_flight=IN_FLIGHT,
                price_input_usd=1,
                price_output_usd=10,
                budget_usd=scenario.budget,
                request_timeout_s=2,
                grounding=False,
                **scenario.settings,
            )
            house.ingest()
            for requests in scenario.killed_after:
                self._kill(house, requests)
            if scenario.lose:
                self._lose(house)
            for _ in range(2):
                self._all_buckets(house)
            return self._found(house)

    def _all_buckets(self, house: Installation) -> None:
        with ThreadPoolExecutor(len(house.keys) if self.scenario.at_once else 1) as pool:
            self.stops += pool.map(lambda bucket: run_one(house, bucket), house.keys)

    def _kill(self, house: Installation, requests: int) -> None:
        before = len(self.provider.entries)
        command = [sys.executable, "-m", "testing.worker", house.keys[0]]
        process = subprocess.Popen(command, env={**os.environ, **house.environment()}, stdout=subprocess.DEVNULL)
        while len(self.provider.entries) - before < requests and process.poll() is None:
            time.sleep(0.002)
        process.kill()
        process.wait()

    def _lose(self, house: Installation) -> None:
        """The state store goes: nobody is asked until what the answers cost is booked."""
        for file in self._folder.glob("root/state.sqlite*"):
            file.unlink()
        asked = len(self.provider.entries)
        stop = run_one(house, house.keys[0])
        if stop is None or stop.cause != "budget" or len(self.provider.entries) != asked:
            raise SystemExit(f"{self.scenario.name}: a run went on without its ledger: {stop}")
        summarizer = house.summarizer
        known = summarizer.ledger.raise_to(summarizer.paid.cost)
        billed = sum(map(cost, self.provider.entries))
        self.lost_cost = billed - known  # in flight when it was killed
        if not known:
            raise SystemExit(f"{self.scenario.name}: nothing was found in the journal")

    def _found(self, house: Installation) -> dict[str, Any]:
        entries, ledger = self.provider.entries, house.summarizer.ledger
        totals, budget = ledger.totals(), nano_of(self.scenario.budget)
        billed = sum(map(cost, entries))
        exposed = self._in_flight_when_first_told(entries)
        booked = totals["spent"] + totals["uncertain"] + self.lost_cost
        heard = billed - (
            0 if not self.scenario.killed_after else sum(cost(e) for e in entries if e.answered_s is None)
        )
        all_told = not self.scenario.killed_after and totals["uncertain"] == 0 and not self._untold(entries)
        stops = [stop for stop in self.stops if stop is not None]
        pending = AUTHORS - house.frame("summaries").height - house.frame("failures").height
        promises = {
            "billed more than the budget and what was in flight": billed <= budget + exposed,
            "billed more than was booked": heard <= booked,
            "not booked to the nano-dollar": not all_told or billed == totals["spent"],
            "an answer's cost is not its part of the bill": self._rows_agree(house, entries),
            "stopped without a word of the budget": all(
                stop.cause == "budget" and "SUMMARIZER_BUDGET_USD" in stop.message for stop in stops
            ),
            "authors are left, and no run says why": not pending or bool(stops),
            "the ledger does not add up": ledger.audit() == [] and totals["reserved"] == 0,
        }
        return {
            "name": self.scenario.name,
            "requests": len(entries),
            "budget": budget,
            "billed": billed,
            "spent": totals["spent"],
            "uncertain": totals["uncertain"],
            "wasted": totals["wasted"],
            "in_flight": exposed,
            "all_told": all_told,
            "stopped": bool(stops),
            "broken": [what for what, kept in promises.items() if not kept],
        }

    def _in_flight_when_first_told(self, entries: Sequence[Entry]) -> int:
        """What the requests cost that a bucket's run had under way when it was first told of one beyond its bound."""
        times = self.scenario.plan.get("hidden_times", 0)
        if times <= 1:
            return 0
        exposed: dict[int, Entry] = {}
        for number in range(self.scenario.buckets):
            mine = [entry for entry in entries if self._bucket(entry) == number]
            for told in self._first_told(mine) or [float("inf")]:
                for entry in mine:
                    ended = entry.answered_s
                    if entry.at_s <= told + HEARD_S and (ended is None or ended >= told or told == float("inf")):
                        exposed[entry.number] = entry
        return sum(map(cost, exposed.values()))

    def _first_told(self, mine: Sequence[Entry]) -> list[float]:
        """When: of an excess at all, and then of each that is worse than all before."""
        worst, moments = 0, []
        heard = [
            (entry.answered_s, cost(entry)) for entry in mine if entry.answered_s is not None and self._beyond(entry)
        ]
        for moment, dear in sorted(heard):
            if dear > worst * 1.01:  # a body of other length is no worse
                worst = dear
                moments.append(moment)
        return moments

    def _bucket(self, entry: Entry) -> int:
        return int(bucket_of(entry.ids[0], self.scenario.buckets)) if entry.ids else 0

    @staticmethod
    def _beyond(entry: Entry) -> bool:
        return entry.completion_tokens > MOST_OUTPUT or entry.prompt_tokens > 2000

    @staticmethod
    def _untold(entries: Sequence[Entry]) -> bool:
        return any(entry.fault in UNTOLD for entry in entries)

    @staticmethod
    def _rows_agree(house: Installation, entries: Sequence[Entry]) -> bool:
        costs: dict[str, int] = {}
        for request, usd in house.frame("summaries").select("request_id", "cost_usd").iter_rows():
            costs[request] = costs.get(request, 0) + round(usd * 10**9)
        billed = {f"req-{entry.number}": entry for entry in entries}
        return all(
            cost(billed[request]) == stored if billed[request].fault not in UNTOLD else cost(billed[request]) <= stored
            for request, stored in costs.items()
        )


def run_one(house: Installation, bucket: str) -> Stop | None:
    """One run of a bucket, which shares nothing with the others but the root; why it stopped."""
    summarizer = type(house)(house.given["root"], house.given["source"], **_settings(house)).summarizer
    run = summarizer.bucket_run(bucket, f"run-{uuid.uuid4().hex}", log=lambda _: None)
    with run:
        persist(summarizer.tables.summaries, run.summaries)
        persist(summarizer.tables.failures, run.failures)
        run.finish()
    return run.stop


def _settings(house: Installation) -> dict[str, Any]:
    return {name: value for name, value in house.given.items() if name not in {"root", "source"}}


def measure(scenarios: Sequence[Scenario], seed: int) -> list[dict[str, Any]]:
    found = []
    print(f"{'scenario':38}{'requests':>8}{'budget':>10}{'billed':>15}{'spent':>15}{'uncertain':>14}{'wasted':>13}"
          f"{'in flight, first told':>22}{'stopped':>8}{'to the nano':>12}")  # fmt: skip
    for scenario in scenarios:
        with tempfile.TemporaryDirectory(prefix="money-") as folder:
            row = Trial(scenario, Path(folder), seed).run()
        found.append(row)
        sums = (row[name] for name in ("billed", "spent", "uncertain", "wasted", "in_flight"))
        billed, spent, uncertain, wasted, exposed = map(exact_usd, sums)
        print(f"{row['name']:38}{row['requests']:>8}{exact_usd(row['budget']):>10}{billed:>15}{spent:>15}{uncertain:>14}"
              f"{wasted:>13}{exposed:>22}{'yes' if row['stopped'] else '':>8}{'yes' if row['all_told'] else '':>12}",
              *row["broken"], flush=True)  # fmt: skip
    return found


def broken_promises(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{row['name']}: {what}" for row in rows for what in row["broken"]]


def main(options: argparse.Namespace) -> int:
    rows = measure(SCENARIOS[: options.scenarios], options.seed)
    return conclude("money", {"scenarios": rows}, broken_promises(rows))


if __name__ == "__main__":
    sys.exit(main(options))
