"""`kill -9` at random moments of a job, again and again: what is lost, what is stored twice, what is paid for twice.

    python -m benchmarks.faults.kills [--kills 200] [--seed 1]

Each life is a real Dagster run of one bucket in a process of its own, two at once, against a provider in another
process whose record tells what was asked. Half of the kills come at a random moment, of a whole life or (mostly) of
its work, which Dagster's start is no part of; the others are aimed: the process kills itself before, in or after the
n-th journal write, seal, commit, replay and so on. What a killed run left is taken up by the next one of its bucket.
When all buckets are done, authors change and new ones come, so that there are summaries to replace and to add, until
there were as many kills as asked for; then the job is run to its end, and once more.

After each pair of lives, with nothing running: each new version of each table is read, for authors that are there
twice; and no answer that was safe before may be gone. What was in flight at a kill is the victim's own count of
authors whose request had begun and not ended, in memory that outlives it. What was paid for and is not safe after the
kill will be paid for again: at most that.

Prints the kills by phase, then the figures as JSON on the last line; a broken promise ends it with status 1.
"""

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"kills": 1, "authors": 60, "buckets": 2})
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--buckets", type=int, default=6)
    parser.add_argument("--authors", type=int, default=900, help="in the beginning; each round brings a third more")
    parser.add_argument("--group-size", type=int, default=5)
    parser.add_argument("--in-flight", type=int, default=4, help="requests in flight in one run")
    options = parser.parse_args()

import polars as pl

from benchmarks.faults.kill_victim import PHASES, live
from benchmarks.faults.killed_job import KilledJob
from benchmarks.faults.traced import ASKER, BEGUN, ENDED, STEP, Aim, Moment
from benchmarks.promises import conclude
from summarizer_assets.core.buckets import buckets_of
from summarizer_assets.storage.journal import replay
from testing.installation import Installation, write_authors
from testing.provider import control, serving_process

_AIMS = ("planning", "claiming", "replaying", "journal", "sealing", "append", "merge", "overwrite", "compact")
_AIMS += ("dropping", "finishing")
_AT_ONCE = 2
_REFUSED = 3  # authors whom the provider refuses, so that there are failures to keep too

Json = dict[str, Any]


@dataclass(frozen=True)
class Life:
    """One run and its end. `in_flight`: authors; `unsafe`: of those asked in it, paid for and not kept."""

    bucket: str
    killed: bool
    phase: str
    in_flight: int
    seconds: float
    unsafe: int = 0


@dataclass
class Job(KilledJob):
    """The job, its provider and what is known of both."""

    url: str = ""
    lives: list[Life] = field(default_factory=list)
    lost: int = 0
    paid_twice: int = 0
    _first_request: int = 0
    _safe: set[str] = field(default_factory=set)

    @property
    def kills(self) -> list[Life]:
        return [life for life in self.lives if life.killed]

    def do(self, kills: int) -> None:
        """One round: all buckets to their end, with kills as long as fewer than `kills` were made."""
        self._first_request = len(self.record())
        self._safe = set()
        todo = list(self.house.keys)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while todo:
                chosen = self.chance.sample(todo, min(_AT_ONCE, len(todo)))
                left = kills - len(self.kills)
                aims = [self._aim() if number < left else None for number, _ in enumerate(chosen)]
                before = len(self.record())
                lives = list(pool.map(self.live, chosen, aims))
                self._check(lives, before)
                todo = [bucket for bucket in todo if all(life.killed or life.bucket != bucket for life in lives)]
        record = self.record()[self._first_request :]
        paid = Counter(author for entry in record if entry["fault"] is None for author in entry["ids"])
        self.paid_twice += sum(times - 1 for times in paid.values())
        self.lost += len(set(paid) - self._safe) + self.without_outcome()
        self.rounds += 1
        print(f"  round {self.rounds}: {len(self.kills)} kills in {len(self.lives)} runs", flush=True)

    def record(self) -> list[Json]:
        found: list[Json] = control(self.url, "record").json()
        return found

    def _aim(self) -> Aim:
        chance = self.chance
        if chance.random() < 0.5:
            return self.some_time()
        phase = chance.choice(_AIMS)
        nth = chance.randint(1, 40) if phase == "journal" else chance.randint(1, 3) if phase != "claiming" else 1
        moment: Moment = chance.choice(("before", "in", "after"))
        return Aim(phase, nth, moment, chance.uniform(0, 0.03))

    def live(self, bucket: str, aim: Aim | None) -> Life:
        killed, seconds, cells = self.start(live, bucket, aim)
        step, asker = PHASES[cells[STEP]], PHASES[cells[ASKER]]
        phase = asker if asker == "journal" else step
        return Life(bucket, killed, phase, cells[BEGUN] - cells[ENDED], seconds)

    def _check(self, lives: Sequence[Life], before: int) -> None:
        self.read_new_versions()
        record = self.record()
        safe = self._kept({f"req-{entry['number']}" for entry in record[self._first_request :]})
        self.lost += len(self._safe - safe)
        self._safe |= safe
        asked = {author for entry in record[before:] if entry["fault"] is None for author in entry["ids"]}
        unsafe = pl.Series(sorted(asked - safe), dtype=pl.String)
        by_bucket = Counter(buckets_of(unsafe, len(self.house.keys)).to_list())
        self.lives += [Life(**{**vars(life), "unsafe": by_bucket[life.bucket]}) for life in lives]

    def _kept(self, requests: set[str]) -> set[str]:
        """Authors of this round's answers that are in the table or in the journal."""
        rows = self.house.frame("summaries").select("author_id", "request_id").rows()
        kept = {author for author, request in rows if request in requests}
        for bucket in self.house.keys:
            for entry in replay(self.house.summarizer.journal / bucket).records:
                if entry["kind"] == "answers" and entry["shared"]["request_id"] in requests:
                    kept.update(row[0] for row in entry["rows"])
        return kept


def run(home: Path, *, kills: int, seed: int, buckets: int, authors: int, group_size: int, in_flight: int) -> Json:
    """The whole job; returns its figures."""
    multiprocessing.get_context("forkserver").set_forkserver_preload([live.__module__])
    chance = random.Random(seed)
    refused = chance.sample(range(1, authors + 1), _REFUSED)
    plan = {
        "latency_s": 0.04,
        "latency_spread_s": 0.08,
        "rules": [{"fault": "refusal", "authors": list(map(str, refused))}],
    }
    (home / "plan.json").write_text(json.dumps(plan))
    with serving_process(home / "plan.json") as url:
        house = Installation(
            home / "root",
            write_authors(home / "authors.parquet", authors),
            buckets=buckets,
            llm_base_url=url,
            llm_model="test-model",
            group_size=group_size,
            max_in_flight=in_flight,
            commit_rows=40,
            commit_interval_s=0.2,
            retry_after_s=3600,
            grounding=False,  # what fails a check is asked again, and that is no crash
        )
        job = Job(house, home, chance, newcomers=authors // 3, url=url)
        began = time.monotonic()
        while not job.rounds or len(job.kills) < kills:
            if job.rounds:
                job.change()
            job.ingest()
            job.do(kills)
        calls, versions = len(job.record()), house.versions()
        again = [job.live(bucket, None) for bucket in house.keys]
        return {
            **_figures(job),
            "bound_of_a_kill": in_flight * group_size,
            "second_run_calls": len(job.record()) - calls,
            "second_run_versions": sum((new or 0) - (versions[name] or 0) for name, new in house.versions().items()),
            "second_runs": len(again),
            "calls": calls,
            "seconds": round(time.monotonic() - began),
        }


def _figures(job: Job) -> Json:
    phases = {}
    for phase in PHASES:
        mine = [life for life in job.kills if life.phase == phase]
        if mine:
            phases[phase] = {
                "kills": len(mine),
                "in_flight": sum(life.in_flight for life in mine),
                "paid_twice": sum(life.unsafe for life in mine),
                "most_paid_twice": max(life.unsafe for life in mine),
            }
    return {
        "kills": len(job.kills),
        "runs": len(job.lives),
        "rounds": job.rounds,
        "authors": job.house.frame("authors").height,
        "phases": phases,
        "versions_read": job.versions_read,
        "rows_lost": job.lost,
        "rows_twice": job.twice,
        "in_flight": sum(life.in_flight for life in job.kills),
        "paid_twice": job.paid_twice,
        "kills_over_in_flight": sum(life.unsafe > life.in_flight for life in job.kills),
        "most_in_flight": max((life.in_flight for life in job.kills), default=0),
    }


def report(found: Mapping[str, Any]) -> None:
    print(f"\n{'killed while':12}{'kills':>8}{'in flight':>12}{'paid twice':>12}{'most at once':>14}   (authors)")
    for phase, row in found["phases"].items():
        print(f"{phase:12}{row['kills']:>8}{row['in_flight']:>12}{row['paid_twice']:>12}{row['most_paid_twice']:>14}")
    print(f"{'all':12}{found['kills']:>8}{found['in_flight']:>12}{found['paid_twice']:>12}")
    print(f"\n{found['runs']} runs over {found['authors']} authors, {found['rounds']} rounds, {found['calls']} calls")
    print(
        f"rows lost {found['rows_lost']}, rows twice in any of {found['versions_read']} versions {found['rows_twice']}"
    )
    print(
        f"second run: {found['second_run_calls']} calls, {found['second_run_versions']} versions; "
        f"{found['seconds']} s in all\n"
    )


def broken_promises(found: Mapping[str, Any], kills: int) -> list[str]:
    promises = {
        f"{found['kills']} kills, not {kills}": found["kills"] >= kills,
        f"{found['rows_lost']} rows lost": found["rows_lost"] == 0,
        f"{found['rows_twice']} rows stored twice": found["rows_twice"] == 0,
        f"{found['kills_over_in_flight']} kills after which more was paid twice than in flight": found[
            "kills_over_in_flight"
        ]
        == 0,
        f"{found['paid_twice']} paid twice, {found['in_flight']} in flight": found["paid_twice"] <= found["in_flight"],
        f"{found['most_in_flight']} in flight at once": found["most_in_flight"] <= found["bound_of_a_kill"],
        f"a second run made {found['second_run_calls']} calls": found["second_run_calls"] == 0,
        f"a second run made {found['second_run_versions']} versions": found["second_run_versions"] == 0,
    }
    return [promise for promise, kept in promises.items() if not kept]


def main(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="kills-") as home:
        found = run(
            Path(home),
            kills=options.kills,
            seed=options.seed,
            buckets=options.buckets,
            authors=options.authors,
            group_size=options.group_size,
            in_flight=options.in_flight,
        )
    report(found)
    return conclude("kills", found, broken_promises(found, options.kills))


if __name__ == "__main__":
    sys.exit(main(options))
