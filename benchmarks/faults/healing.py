"""A provider that fails in every way and then heals, and the retry sensor under a real daemon that sees to the rest.

    python -m benchmarks.faults.healing [--authors 2000] [--group-size 3] [--hits 2]

Ten buckets of synthetic authors. One is cancelled by a person while it runs, one is never materialised; the other
eight are launched once, as a backfill. From then on only the sensor of a real `dagster dev` works. The provider, a
process of its own, fails a fifth of the groups in one way after the other, each until it hit `--hits` groups; between
them it refuses everything (a bad key, no quota, no model). Then it heals, but for a few authors that it refuses for
ever. Faults whose outcome for an author alone is final by design (a content filter, a refused or too large request)
hit only groups of several authors, and the poisoned authors for ever.

Prints what came of the authors, the requests and the runs, then the same as JSON on the last line; a broken promise
ends the script with status 1.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": 120, "hits": 1})
    parser.add_argument("--authors", type=int, default=2000)
    parser.add_argument("--group-size", type=int, default=3)
    parser.add_argument("--hits", type=int, default=2, help="groups that each fault hits before the next one comes")
    parser.add_argument("--keep", type=Path, help="work in this new folder and keep it")
    options = parser.parse_args()

import polars as pl

from benchmarks.promises import conclude
from benchmarks.provider import Provider, provider_process, write_source
from summarizer_assets.core.buckets import bucket_keys, buckets_of
from summarizer_assets.installation import Summarizer
from summarizer_assets.rehearsal.plan import NUMBERS
from summarizer_assets.settings import load_settings
from testing.dagster_dev import DagsterDev, dagster_dev, wait_for_quiet, wait_until

BUCKETS = 10
*LAUNCHED, CANCELLED, NEVER = bucket_keys(BUCKETS)
SHARE = 0.2
ATTEMPTS = 5

_HEALING = (1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 36, 37, 41, 42, 43, 50)
_FATAL = (38, 39, 40)
_FINAL_ALONE = {"content_filter", "context_length", "bad_request", "request_too_large", "unprocessable"}
#: What is refused for ever: the fault, and the reason under which the author must end.
POISON = {
    "content_filter": "content_filter",
    "unprocessable": "rejected",
    "bad_request": "rejected",
    "context_length": "too_large",
    "refusal": "refusal",
    "truncated_json": "bad_json",
}

Json = dict[str, Any]


def choose_poison(path: Path) -> dict[str, str]:
    """One author of the launched buckets for each poison; the author by fault."""
    ids = pl.read_parquet(path)["daisngid"].cast(pl.String)
    launched = ids.filter(buckets_of(ids, BUCKETS).is_in(LAUNCHED))
    chosen = launched.gather_every(len(launched) // len(POISON)).head(len(POISON))
    return dict(zip(POISON, chosen, strict=True))


def phases() -> list[tuple[str, float]]:
    """The faults in order, with the share of groups that each hits: the fatal ones between the others."""
    faults = [name for number in _HEALING for name in NUMBERS[number]]
    fatal = [name for number in _FATAL for name in NUMBERS[number]]
    every = len(faults) // len(fatal)
    found = []
    for place, name in enumerate(faults, start=1):
        found.append((name, SHARE))
        if place % every == 0 and fatal:
            found.append((fatal.pop(0), 1.0))
    return found + [(name, 1.0) for name in fatal]


def trouble(provider: Provider, poison: Sequence[Json], hits: int) -> None:
    """Go through all faults, each until it hit enough groups; then heal."""
    todo = phases()
    for number, (fault, share) in enumerate(todo, start=1):
        rule = {"fault": fault, "share": share, "larger_than": 1 if fault in _FINAL_ALONE else 0}
        provider.use([*poison, rule])
        before = provider.hits(fault)
        enough = 1 if share == 1.0 else hits
        wait_until(lambda: provider.hits(fault) - before >= enough, f"{fault} hits groups", patience_s=300, every_s=0.1)  # noqa: B023 - called at once
        print(f"  {number:2} of {len(todo)}: {fault}", flush=True)
    provider.use(poison)


def cancel_one(dev: DagsterDev, provider: Provider) -> None:
    """Launch a bucket while answers are slow, and cancel its run as a person would."""
    provider.use([], latency_s=2)
    backfill = dev.backfill(["author_summaries", "failed_authors"], [CANCELLED])
    wait_until(provider.record, "the run to cancel asks for authors", patience_s=300)
    (run,) = dev.runs_of(backfill)
    dev.terminate(run.run_id)
    wait_until(lambda: dev.runs_of(backfill)[0].is_finished, "the run is cancelled", patience_s=120)


def judge(summarizer: Summarizer, record: Sequence[Json], poison: Mapping[str, str]) -> Json:
    """What came of the authors and what they cost, from the tables and the provider's own record."""
    tables = summarizer.tables
    mine = pl.col("bucket").is_in(LAUNCHED)
    authors = set(tables.authors.read().filter(mine).collect()["author_id"])
    summaries = tables.summaries.read().filter(mine).collect()
    failures = tables.failures.read().filter(mine).collect()
    outcome = {
        fault: failures.filter(author_id=author).select("reason", "attempts", "retryable").to_dicts()
        for fault, author in poison.items()
    }
    # The table holds the request whose answer was accepted: nothing sent after that answer may hold its author.
    by_request = {f"req-{entry['number']}": entry for entry in record}
    accepted = {row[0]: by_request[row[1]] for row in summaries.select("author_id", "request_id").iter_rows()}
    asked_after = Counter(
        author
        for entry in record
        for author in entry["ids"]
        if author in accepted and entry["at_s"] > accepted[author]["answered_s"]
    )
    right = Counter(author for entry in record if entry["fault"] is None for author in entry["ids"])
    history = tables.summaries.open()
    assert history is not None
    operations = Counter(commit["operation"] for commit in history.history())
    held_elsewhere = set(tables.summaries.read().filter(~mine).collect()["author_id"])
    return {
        "authors": len(authors),
        "summaries": summaries.height,
        "failed": failures.height,
        "poison": outcome,
        "healable_without_summary": len(authors - set(summaries["author_id"]) - set(poison.values())),
        "in_both": len(set(summaries["author_id"]) & set(failures["author_id"])),
        "twice": summaries.height
        - summaries["author_id"].n_unique()
        + failures.height
        - failures["author_id"].n_unique(),
        "asked_after_success": asked_after.total(),
        "right_answers_not_stored": sum(number - 1 for author, number in right.items() if author not in held_elsewhere),
        "requests": len(record),
        "requests_by_fault": dict(Counter(entry["fault"] or "right" for entry in record)),
        "operations": dict(operations),
    }


def asked_buckets(record: Sequence[Json]) -> dict[str, int]:
    """Requests by bucket."""
    first = pl.Series([entry["ids"][0] for entry in record if entry["ids"]], dtype=pl.String)
    return dict(buckets_of(first, BUCKETS).value_counts().sort("bucket").iter_rows())


def broken_promises(found: Mapping[str, Any]) -> list[str]:
    retryable = {"refusal", "truncated_json"}
    promises = {
        f"{found['healable_without_summary']} healable authors have no summary": found["healable_without_summary"] == 0,
        f"{found['asked_after_success']} requests ask for an author again after success": found["asked_after_success"]
        == 0,
        "an author is stored twice or in both tables": found["twice"] == 0 and found["in_both"] == 0,
        "a summary was replaced": "MERGE" not in found["operations"],
        f"{found['failed']} failures, not just the {len(POISON)} poisoned": found["failed"] == len(POISON),
        f"the cancelled bucket was asked after it was cancelled ({found['asked_cancelled']})": found["asked_cancelled"]
        == 0,
        "the bucket that nobody materialised was asked": NEVER not in found["requests_by_bucket"],
        f"{found['runs_after_the_end']} runs after the end": found["runs_after_the_end"] == 0,
        "a tick failed": "FAILURE" not in found["ticks"],
        **{
            f"poison {fault}: {found['poison'][fault]} is not {reason} after {attempts} attempts": [
                (row["reason"], row["attempts"]) for row in found["poison"][fault]
            ]
            == [(reason, attempts)]
            for fault, reason in POISON.items()
            for attempts in [ATTEMPTS if fault in retryable else 1]
        },
        **{f"the fault {fault} never came": fault in found["requests_by_fault"] for fault, _ in phases()},
    }
    return [promise for promise, kept in promises.items() if not kept]


def report(found: Mapping[str, Any]) -> None:
    print(f"\n{found['authors']} authors in {len(LAUNCHED)} buckets launched once")
    for name in ("summaries", "failed", "healable_without_summary", "in_both", "twice", "asked_after_success"):
        print(f"  {name.replace('_', ' '):34}{found[name]:>8}")
    print(f"  {'right answers not stored':34}{found['right_answers_not_stored']:>8}  in flight when a run was stopped")
    print(f"requests {found['requests']}, by bucket {found['requests_by_bucket']}")
    for fault, number in sorted(found["requests_by_fault"].items(), key=lambda item: -item[1]):
        print(f"  {fault:34}{number:>8}")
    print("poisoned for ever")
    for fault, rows in found["poison"].items():
        print(f"  {fault:34}{rows}")
    print(
        f"runs {found['runs']}, ticks {found['ticks']}; {found['runs_after_the_end']} runs in the ticks after the end"
    )
    print(f"healed after {found['trouble_s']:.0f} s, quiet {found['healing_s']:.0f} s later")


def run(home: Path, authors: int, group_size: int, hits: int) -> Json:
    source = home / "authors.parquet"
    write_source(source, authors)
    poison = choose_poison(source)
    rules = [{"fault": fault, "authors": [author]} for fault, author in poison.items()]
    with provider_process() as provider:
        given = {
            "source": source,
            "root": home / "tables",
            "buckets": BUCKETS,
            "group_size": group_size,
            "max_in_flight": 4,
            "llm_base_url": provider.base_url,
            "llm_model": "template",
            "retry_interval_s": 5,
            "retry_after_s": 3,
            "retry_probe_s": 3,
            "max_attempts": ATTEMPTS,
        }
        environment = {f"SUMMARIZER_{name.upper()}": str(value) for name, value in given.items()}
        summarizer = Summarizer(load_settings(None, **{**given, "source": str(source), "root": str(home / "tables")}))
        with dagster_dev(home / "dagster", environment) as dev:
            dev.backfill(["authors"], bucket_keys(BUCKETS))
            wait_until(lambda: len(summarizer.tables.authors.rows_by_bucket()) == BUCKETS, "authors", patience_s=300)
            cancel_one(dev, provider)
            cancelled_at = len(provider.record())
            began = time.monotonic()
            print("the provider fails", flush=True)
            provider.use(rules)
            dev.backfill(["author_summaries", "failed_authors"], LAUNCHED)
            trouble(provider, rules, hits)
            healed = time.monotonic()
            print("the provider is healed", flush=True)
            wait_for_quiet(dev, summarizer, ticks=4)
            ended = time.monotonic()
            runs = len(dev.instance.get_runs())
            wait_for_quiet(dev, summarizer, ticks=4)
            record = provider.record()
            by_sensor = dev.instance.get_runs()
            return {
                **judge(summarizer, record, poison),
                "requests_by_bucket": asked_buckets(record),
                "asked_cancelled": asked_buckets(record[cancelled_at:]).get(CANCELLED, 0),
                "runs": {
                    "all": runs,
                    "by_the_sensor": sum("summarizer/retry" in run.tags for run in by_sensor),
                    "by_status": dict(Counter(run.status.value for run in by_sensor)),
                },
                "runs_after_the_end": len(by_sensor) - runs,
                "ticks": dict(Counter(status for _, status, _ in dev.ticks())),
                "trouble_s": healed - began,
                "healing_s": ended - healed,
            }


def main(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="healing-") as temporary:
        home = (options.keep or Path(temporary)).absolute()
        home.mkdir(parents=True, exist_ok=True)
        found = run(home, options.authors, options.group_size, options.hits)
    report(found)
    return conclude("healing", found, broken_promises(found))


if __name__ == "__main__":
    sys.exit(main(options))
