"""A host dies for good in the middle of a run, again and again: what is paid for twice, by where its journal lies.

    python -m benchmarks.faults.lost_host_journal [--kills 8] [--seed 1]

Two hosts take turns on the buckets of a job: one works, dies at a random moment, and the other goes on. Hosts are
processes that share tables and state store; each has a disk of its own. Three ways to keep a journal:

    local        each host on its own disk: with the host, its journal is gone
    shared, 1 s  on storage that both mount, synced once a second
    shared, 0 s  the same, each answer synced before its request counts as done

`kill -9` ends the process, and the death of a host also takes what its kernel had not sent to the storage yet. So each
file of a shared journal is cut, after the kill, to what the dead process had synced of it: the worst that can happen.

Paid twice are right answers for an author beyond the first. The bound is counted at each kill: authors in flight, by
the victim's own count in memory that outlives it, and those whose answers were taken with the host: with a local
journal all that was not yet committed, with a shared one what was written since the last sync. Prints a table, then
JSON on the last line; more paid twice than the bound, or a lost row, ends it with status 1.
"""

import argparse
import ctypes
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"kills": 1, "authors": 100, "buckets": 1, "modes": ["local"]})
    parser.add_argument("--kills", type=int, default=8, help="hosts that die, in each mode")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--authors", type=int, default=1600)
    parser.add_argument("--buckets", type=int, default=2)
    parser.add_argument("--modes", nargs="+", choices=["local", "shared, 1 s", "shared, 0 s"])
    options = parser.parse_args()

from benchmarks.faults.kill_victim import live
from benchmarks.faults.traced import BEGUN, ENDED, STEP
from benchmarks.promises import conclude
from summarizer_assets.storage.delta.stream import persist
from summarizer_assets.storage.journal import replay
from testing.installation import Installation, write_authors
from testing.provider import control, serving_process

_GROUP, _IN_FLIGHT, _COMMIT_ROWS, _COMMIT_S = 5, 4, 200, 4.0
_PATIENCE_S = 240.0
_NOTED = "SYNCED_IS_NOTED_IN"
MODES: Mapping[str, tuple[bool, float]] = {
    "local": (False, 1.0),
    "shared, 1 s": (True, 1.0),
    "shared, 0 s": (True, 0.0),
}


def live_on_a_host(bucket: str, environment: Mapping[str, str], home: str, said: str, cells: Any) -> None:  # noqa: ANN401 - an array of multiprocessing's
    """A run that notes how much of which file it has synced."""
    sync, notes = os.fdatasync, Path(environment[_NOTED])

    def noted(descriptor: int) -> None:
        sync(descriptor)
        name, size = Path(f"/proc/self/fd/{descriptor}").readlink(), os.fstat(descriptor).st_size
        with notes.open("a") as file:
            file.write(f"{json.dumps([str(name), size])}\n")

    os.fdatasync = noted
    live(bucket, {name: value for name, value in environment.items() if name != _NOTED}, home, said, cells, None)


class Job:
    """One job in one mode."""

    def __init__(self, home: Path, url: str, chance: random.Random, mode: str, authors: int, buckets: int) -> None:
        self._home, self._url, self._chance = home, url, chance
        self._shared, self._fsync_s = MODES[mode]
        self.house = Installation(
            home / "root",
            write_authors(home / "authors.parquet", authors),
            buckets=buckets,
            llm_base_url=url,
            llm_model="test-model",
            group_size=_GROUP,
            max_in_flight=_IN_FLIGHT,
            commit_rows=_COMMIT_ROWS,
            commit_interval_s=_COMMIT_S,
            journal_fsync_s=self._fsync_s,
            grounding=False,  # what fails a check is asked again, and that is no crash
        )
        self.kills = self.in_flight = self.taken = self.most = self.runs = 0

    def do(self, kills: int) -> None:
        made = self.house.summarizer
        persist(made.tables.authors, made.ingest(self.house.keys, log=lambda _: None, describe=lambda *_: None))
        todo = list(self.house.keys)
        while todo:
            bucket = todo[0]
            if not self._life(bucket, kill=self.kills < kills):
                todo.remove(bucket)

    def _life(self, bucket: str, *, kill: bool) -> bool:
        """Whether the host died in it."""
        self.runs += 1
        host = self._home / ("shared" if self._shared else f"disk-of-host-{self.runs}")
        notes = self._home / "synced"
        notes.unlink(missing_ok=True)
        older = set(host.glob(f"*/{bucket}/*.journal"))
        environment = {**self.house.environment(), "SUMMARIZER_JOURNAL_DIR": str(host), _NOTED: str(notes)}
        context = multiprocessing.get_context("forkserver")
        cells = context.RawArray(ctypes.c_int64, 4)
        said = self._home / "run.log"
        process = context.Process(target=live_on_a_host, args=(bucket, environment, str(self._home), str(said), cells))
        process.start()
        began = time.monotonic()
        while kill and cells[STEP] == 0 and process.is_alive() and time.monotonic() - began < _PATIENCE_S:
            time.sleep(0.01)  # not yet at work
        process.join(self._chance.uniform(0.5, 5.0) if kill else _PATIENCE_S)
        if process.is_alive():
            process.kill()
            process.join()
        if process.exitcode not in {0, -signal.SIGKILL} or (not kill and process.exitcode != 0):
            raise SystemExit(f"a run of bucket {bucket} failed by itself:\n{said.read_text()}")
        if process.exitcode == 0:
            return False
        flying, taken = cells[BEGUN] - cells[ENDED], self._die(bucket, host, notes, older)
        self.kills += 1
        self.in_flight += flying
        self.taken += taken
        self.most = max(self.most, flying + taken)
        return True

    def _die(self, bucket: str, disk: Path, notes: Path, older: set[Path]) -> int:
        """Take with the host what its death takes; how many answers that were written and not committed.

        `older`: segments that were there before it began, which survived their own host.
        """
        [journal] = [path for path in disk.glob(f"*/{bucket}") if path.is_dir()] or [None]
        if journal is None:
            return 0
        before = self._answered(journal)
        if not self._shared:
            disk.rename(disk.with_name(f"{disk.name}-gone"))
            return len(before - self._committed())
        synced = dict(map(json.loads, notes.read_text().splitlines())) if notes.exists() else {}
        for segment in set(journal.glob("*.journal")) - older:
            os.truncate(segment, synced.get(str(segment), 0))
        return len(before - self._answered(journal) - self._committed())

    def _answered(self, journal: Path) -> set[str]:
        records = replay(journal).records
        return {row[0] for record in records if record["kind"] == "answers" for row in record["rows"]}

    def _committed(self) -> set[str]:
        return set(self.house.frame("summaries")["author_id"])

    def figures(self) -> dict[str, Any]:
        entries: list[dict[str, Any]] = control(self._url, "record").json()
        paid = Counter(author for entry in entries if entry["fault"] is None for author in entry["ids"])
        authors, summaries = self.house.frame("authors")["author_id"], self.house.frame("summaries")["author_id"]
        return {
            "kills": self.kills,
            "authors": len(authors),
            "paid_twice": sum(times - 1 for times in paid.values()),
            "in_flight": self.in_flight,
            "taken_with_the_host": self.taken,
            "bound": self.in_flight + self.taken,
            "most_of_a_kill": self.most,
            "rows_lost": len(set(authors) - set(summaries)),
            "rows_twice": len(summaries) - summaries.n_unique(),
        }


def run(mode: str, *, kills: int, seed: int, authors: int, buckets: int) -> dict[str, Any]:
    multiprocessing.get_context("forkserver").set_forkserver_preload([live.__module__])
    with tempfile.TemporaryDirectory(prefix="lost-host-") as folder:
        home = Path(folder)
        (home / "plan.json").write_text(json.dumps({"latency_s": 0.15, "latency_spread_s": 0.1}))
        with serving_process(home / "plan.json") as url:
            job = Job(home, url, random.Random(seed), mode, authors, buckets)
            job.do(kills)
            return job.figures()


def main(options: argparse.Namespace) -> int:
    found = {
        mode: run(mode, kills=options.kills, seed=options.seed, authors=options.authors, buckets=options.buckets)
        for mode in options.modes or MODES
    }
    print(
        f"{_IN_FLIGHT} requests of {_GROUP} authors in flight, a commit each {_COMMIT_ROWS} rows or {_COMMIT_S:g} s\n"
    )
    print(f"{'journal':14}{'kills':>6}{'paid twice':>12}{'bound':>8}  = in flight + taken{'most of a kill':>17}")
    for mode, row in found.items():
        sums = f"{row['in_flight']} + {row['taken_with_the_host']}"
        counts = f"{row['kills']:>6}{row['paid_twice']:>12}{row['bound']:>8}"
        print(f"{mode:14}{counts}    {sums:17}{row['most_of_a_kill']:>17}")
    print()
    broken = [
        f"{mode}: {what}"
        for mode, row in found.items()
        for what, kept in {
            f"{row['kills']} kills, not {options.kills}": row["kills"] >= options.kills,
            f"{row['paid_twice']} paid twice, the bound is {row['bound']}": row["paid_twice"] <= row["bound"],
            f"{row['rows_lost']} rows lost": row["rows_lost"] == 0,
            f"{row['rows_twice']} rows twice": row["rows_twice"] == 0,
            f"{row['taken_with_the_host']} answers taken though each was synced": mode != "shared, 0 s"
            or row["taken_with_the_host"] == 0,
        }.items()
        if not kept
    ]
    return conclude("lost_host_journal", found, broken)


if __name__ == "__main__":
    sys.exit(main(options))
