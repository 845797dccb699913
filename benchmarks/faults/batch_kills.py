"""`kill -9` at random moments of batch jobs: what is lost, stored twice, made twice, paid for twice, booked wrongly.

    python -m benchmarks.faults.batch_kills [--kills 100] [--seed 1] [--provider anthropic]

Each life is a run of one bucket, or one tick of the sensor that looks at the jobs, in a process of its own, two at
once, against the rehearsal's batch service in another process. Half of the kills come at a random moment;
the others are aimed: the process kills itself before, in or after the n-th step of a job (planned, funded, uploaded,
made, listed, looked at, downloaded, read, stored, booked). What a killed life left is taken up by the next one of its
bucket. Between two pairs of lives the clocks of the provider and of the store are put forward. The service takes its
time: jobs show late in its lists, and the ids of result files late in the jobs; calls that make a job get no answer
now and then. Some authors are refused, so that their groups are halved in further jobs.

When all buckets are done, authors change and new ones come, until there were as many kills as asked for; then the job
is run to its end, and once more.

Each new version of each table is read for authors that are there twice; no answer that was stored or journaled may be
gone. The provider's own record tells which jobs were made, and which lines it bills: of a round, no author twice. In
the end, the sum of these lines at the price of batch jobs is compared with the ledger, to the nano-dollar.

Prints the kills by step, then the figures as JSON on the last line; a broken promise ends it with status 1.
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
from typing import Any, get_args

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"kills": 1, "authors": 20, "buckets": 1, "refused": 0})
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--provider", default="openai", help="whose batch jobs the service speaks")
    parser.add_argument("--buckets", type=int, default=6)
    parser.add_argument("--authors", type=int, default=240, help="in the beginning; each round brings a third more")
    parser.add_argument("--group-size", type=int, default=5)
    parser.add_argument("--refused", type=int, default=2, help="authors whom the provider refuses")
    options = parser.parse_args()

from benchmarks.faults.batch_kill_victim import OF_THE_JOBS, PHASES, live
from benchmarks.faults.killed_job import KilledJob
from benchmarks.faults.traced import ASKER, STEP, Aim, Moment
from benchmarks.promises import conclude
from summarizer_assets.core.batches.states import JobState
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.llm.batches.names import BatchProviderName, protocol_of_batches
from summarizer_assets.rehearsal.batches.terms import DialectName
from summarizer_assets.sensors.batches import BATCH_SENSOR
from summarizer_assets.storage.journal import replay
from testing.installation import Installation, write_authors
from testing.provider import control, serving_process

_AT_ONCE = 2
_SENDS, _WAITS = ("submit", "create"), ("poll", "collect")  # which steps a life comes by
_OFTEN = {"journal": 8}  # how often a life comes by, where that is more than three times

Json = dict[str, Any]


@dataclass(frozen=True)
class Life:
    """One run or tick and its end. `unheard`: jobs that it left made, and nobody knows their ids."""

    what: str
    killed: bool
    phase: str
    unheard: int = 0


@dataclass
class Job(KilledJob):
    """The job, its provider and what is known of both. `ahead_s`: of both clocks."""

    url: str = ""
    provider: BatchProviderName = "openai"
    ahead_s: float = 0.0
    lives: list[Life] = field(default_factory=list)
    lost: int = 0
    paid_twice: int = 0
    _before: set[tuple[str, str]] = field(default_factory=set)
    _kept: set[tuple[str, str]] = field(default_factory=set)

    @property
    def kills(self) -> list[Life]:
        return [life for life in self.lives if life.killed]

    def do(self, kills: int, refused: Sequence[str]) -> None:
        """One round: all buckets to their end, with kills as long as fewer than `kills` were made."""
        self._offer(refused)
        before = len(self.service()["bill"])
        self._before, self._kept = self._answers(), set()
        todo = list(self.house.keys)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while todo:
                chosen = self.chance.sample([*todo, BATCH_SENSOR], min(_AT_ONCE, len(todo) + 1))
                left = kills - len(self.kills)
                aims = [self._aim(what) if number < left else None for number, what in enumerate(chosen)]
                lives = list(pool.map(self.live, chosen, aims))
                self._check(lives)
                todo = [bucket for bucket in todo if not any(self._is_done(life, bucket) for life in lives)]
                self._wait(self.chance.choice((0, 30, 400, 1_000)))
        authors = set(self.house.frame("authors")["author_id"])  # a control line is about nobody of them
        billed = self.service()["bill"][before:]
        paid = Counter(author for line in billed for author in line["ids"] if author in authors)
        self.paid_twice += sum(times - 1 for times in paid.values())
        for author in [author for author, times in paid.items() if times > 1]:
            lines = [(line["custom_id"], line["job"]) for line in self.service()["bill"] if author in line["ids"]]
            print(f"  author {author} was paid for twice: {lines}", flush=True)
        self.lost += len(set(paid) - set(self.house.frame("summaries")["author_id"])) + self.without_outcome()
        self.rounds += 1
        print(f"  round {self.rounds}: {len(self.kills)} kills in {len(self.lives)} lives", flush=True)

    def service(self) -> Json:
        """All jobs, and all lines that are billed."""
        found: Json = control(self.url, "batches").json()
        return found

    def unknown_jobs(self) -> int:
        """Jobs whose ids the store does not know."""
        rows = self.house.summarizer.jobs.newest(10**6)
        known = {row.remote_id.rpartition("/")[2] for row in rows if row.remote_id}  # one provider writes `batches/ID`
        return sum(job["id"] not in known for job in self.service()["jobs"])

    def live(self, what: str, aim: Aim | None) -> Life:
        end = self.start(live, what, aim, self.ahead_s)
        step, asker = PHASES[end.cells[STEP]], PHASES[end.cells[ASKER]]
        return Life(what, end.killed, step if asker == PHASES[0] else asker)

    def _offer(self, refused: Sequence[str]) -> None:
        chance = self.chance
        batch = {
            "dialect": self.provider if self.provider in get_args(DialectName) else "openai",  # paths tell others
            "validating_s": chance.uniform(0, 60),
            "running_s": chance.uniform(100, 900),
            "finalizing_s": chance.uniform(0, 60),
            "ids_after_s": chance.choice((0, 300)),
            "listed_after_s": chance.choice((0, 300)),
            "calls": [
                {"call": "create", "fault": "gateway_timeout", "done": done, "after": after}
                for after, done in ((1, True), (3, False))
            ],
        }
        plan = {"batch": batch, "rules": [{"fault": "bad_request", "authors": list(refused)}]}
        control(self.url, "plan", json.dumps(plan).encode()).raise_for_status()

    def _wait(self, seconds: float) -> None:
        self.ahead_s += seconds
        control(self.url, "clock", json.dumps({"seconds": seconds}).encode()).raise_for_status()

    def _aim(self, what: str) -> Aim:
        """At a step that this life may come by, or at no matter what."""
        chance = self.chance
        if chance.random() < 0.5:
            return self.some_time()
        made = (JobState.CREATING, JobState.OPEN, JobState.ENDED)
        waits = not what.isdecimal() or any(row.state in made for row in self.house.summarizer.jobs.live(what))
        phase = chance.choice([step for of in (_WAITS if waits else _SENDS) for step in OF_THE_JOBS[of]])
        moment: Moment = chance.choice(("before", "in", "after"))
        return Aim(phase, chance.randint(1, _OFTEN.get(phase, 2)), moment, 10 ** chance.uniform(-4, -1.5))

    def _is_done(self, life: Life, bucket: str) -> bool:
        if life.killed or life.what != bucket:
            return False
        return not self.house.summarizer.jobs.live(bucket)

    def _check(self, lives: Sequence[Life]) -> None:
        self.read_new_versions()
        answers = self._answers() - self._before  # some of those before are replaced in this round
        self.lost += len(self._kept - answers)
        self._kept = answers
        unheard = self.unknown_jobs()
        self.lives += [Life(**{**vars(life), "unheard": unheard if life.killed else 0}) for life in lives]

    def _answers(self) -> set[tuple[str, str]]:
        """Authors and requests of all answers that are in the table or in the journal."""
        found = set(self.house.frame("summaries").select("author_id", "request_id").iter_rows())
        for bucket in self.house.keys:
            for entry in replay(self.house.summarizer.journal / bucket).records:
                if entry["kind"] == "answers":
                    found.update((row[0], entry["shared"]["request_id"]) for row in entry["rows"])
        return found


def run(
    home: Path,
    *,
    kills: int,
    seed: int,
    provider: BatchProviderName,
    buckets: int,
    authors: int,
    group_size: int,
    refused: int,
) -> Json:
    """The whole job; returns its figures."""
    multiprocessing.get_context("forkserver").set_forkserver_preload([live.__module__])
    chance = random.Random(seed)
    poisoned = list(map(str, chance.sample(range(1, authors + 1), refused)))
    with serving_process() as url:
        house = Installation(
            home / "root",
            write_authors(home / "authors.parquet", authors),
            buckets=buckets,
            llm_base_url=url,
            llm_model="test-model",
            llm_api_key="sk-one",
            route="batch",
            batch_factor=0.5,
            price_input_usd=0.15,
            price_output_usd=0.6,
            budget_usd=1000,
            group_size=group_size,
            retry_after_s=3600,
            grounding=False,  # what fails a check is asked again, and that is no crash
            batch_provider=provider,
            llm_protocol=protocol_of_batches(provider),
        )
        job = Job(house, home, chance, newcomers=authors // 3, url=url, provider=provider)
        began = time.monotonic()
        while not job.rounds or len(job.kills) < kills:
            if job.rounds:
                job.change()
            job.ingest()
            job.do(kills, poisoned)
        made, versions = len(job.service()["jobs"]), house.versions()
        again = [job.live(bucket, None) for bucket in house.keys]
        return {
            **_figures(job, provider),
            "second_runs": len(again),
            "second_run_jobs": len(job.service()["jobs"]) - made,
            "second_run_versions": sum((new or 0) - (versions[name] or 0) for name, new in house.versions().items()),
            "seconds": round(time.monotonic() - began),
        }


def _figures(job: Job, provider: str) -> Json:
    steps = {}
    for phase in PHASES:
        mine = [life for life in job.kills if life.phase == phase]
        if mine:
            steps[phase] = {"kills": len(mine), "unheard": sum(life.unheard for life in mine)}
    service, house = job.service(), job.house
    price, totals = house.summarizer.price, house.summarizer.ledger.totals()
    assert price is not None
    billed = {(line["custom_id"].partition("-")[0], line["job"]) for line in service["bill"]}
    keys = Counter(key for key, _ in billed)
    marks = Counter(str(one["metadata"]) for one in service["jobs"] if one.get("metadata"))  # each tells the key
    return {
        "provider": provider,
        "kills": len(job.kills),
        "lives": len(job.lives),
        "rounds": job.rounds,
        "authors": house.frame("authors").height,
        "steps": steps,
        "jobs": len(service["jobs"]),
        "jobs_by_status": dict(Counter(one["status"] for one in service["jobs"])),
        "jobs_made_twice": max(sum(times - 1 for times in found.values()) for found in (keys, marks)),
        "jobs_unknown": job.unknown_jobs(),
        "versions_read": job.versions_read,
        "rows_lost": job.lost,
        "rows_twice": job.twice,
        "lines_billed": len(service["bill"]),
        "authors_paid_twice": job.paid_twice,
        "billed_nano_usd": sum(
            price.cost(Usage(line["prompt_tokens"], line["completion_tokens"])) for line in service["bill"]
        ),
        "booked_nano_usd": totals["spent"],
        "uncertain_nano_usd": totals["uncertain"],
        "reserved_nano_usd": totals["reserved"],
        "ledger_faults": len(house.summarizer.ledger.audit()),
    }


def report(found: Mapping[str, Any]) -> None:
    print(f"\n{'of':8} {'killed in':16}{'kills':>7}{'jobs made and not noted':>25}")
    groups = {phase: name for name, phases in OF_THE_JOBS.items() for phase in phases}
    for phase, row in found["steps"].items():
        print(f"{groups.get(phase, 'a life'):8} {phase:16}{row['kills']:>7}{row['unheard']:>25}")
    print(f"{'all':25}{found['kills']:>7}")
    print(
        f"\n{found['provider']}: {found['lives']} lives over {found['authors']} authors, {found['rounds']} rounds; "
        f"{found['jobs']} jobs {found['jobs_by_status']}, {found['lines_billed']} lines billed; {found['seconds']} s"
    )
    print(f"{'authors lost':44}{found['rows_lost']:>14,}")
    print(f"{'stored twice, in any of ' + str(found['versions_read']) + ' versions':44}{found['rows_twice']:>14,}")
    print(f"{'jobs made twice':44}{found['jobs_made_twice']:>14,}")
    print(f"{'jobs that the store does not know':44}{found['jobs_unknown']:>14,}")
    print(f"{'authors paid for twice':44}{found['authors_paid_twice']:>14,}")
    print(f"{'billed, nano-dollars':44}{found['billed_nano_usd']:>14,}")
    print(f"{'booked, nano-dollars':44}{found['booked_nano_usd']:>14,}")
    print(f"{'uncertain and still reserved, nano-dollars':44}{_open(found):>14,}")
    print(f"second run: {found['second_run_jobs']} jobs, {found['second_run_versions']} versions\n")


def _open(found: Mapping[str, Any]) -> int:
    return int(found["uncertain_nano_usd"] + found["reserved_nano_usd"])


def broken_promises(found: Mapping[str, Any], kills: int) -> list[str]:
    billed, booked = found["billed_nano_usd"], found["booked_nano_usd"]
    promises = {
        f"{found['kills']} kills, not {kills}": found["kills"] >= kills,
        f"{found['rows_lost']} authors lost": found["rows_lost"] == 0,
        f"{found['rows_twice']} rows stored twice": found["rows_twice"] == 0,
        f"{found['jobs_made_twice']} jobs made twice": found["jobs_made_twice"] == 0,
        f"{found['jobs_unknown']} jobs that the store does not know": found["jobs_unknown"] == 0,
        f"{found['authors_paid_twice']} authors paid for twice": found["authors_paid_twice"] == 0,
        f"billed {billed} nano-dollars, booked {booked}": billed == booked > 0,
        f"{_open(found)} nano-dollars uncertain or reserved in the end": _open(found) == 0,
        f"the ledger has {found['ledger_faults']} faults": found["ledger_faults"] == 0,
        f"a second run made {found['second_run_jobs']} jobs": found["second_run_jobs"] == 0,
        f"a second run made {found['second_run_versions']} versions": found["second_run_versions"] == 0,
    }
    return [promise for promise, kept in promises.items() if not kept]


def main(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="batch-kills-") as home:
        found = run(
            Path(home),
            kills=options.kills,
            seed=options.seed,
            provider=options.provider,
            buckets=options.buckets,
            authors=options.authors,
            group_size=options.group_size,
            refused=options.refused,
        )
    report(found)
    return conclude("batch_kills", found, broken_promises(found, options.kills))


if __name__ == "__main__":
    sys.exit(main(options))
