"""The provider goes out in the middle of a job, for everybody, and comes back: what is sent meanwhile, who mends it.

    python -m benchmarks.outage [--authors 2000] [--outage-s 90] [--no-progress-s 20]

Four buckets of synthetic authors are launched once, as a backfill, under a real `dagster dev`. When a fifth of the
requests is answered, everything gets a 503 for so long. A run parks its work and probes until its no-progress deadline;
then the sensor probes with one run at a time. Nobody does anything by hand.

Prints requests before, during and after, and what came of authors and runs; the same as JSON on the last line; a broken
promise ends the script with status 1.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__)
    parser.add_argument("--authors", type=int, default=2000)
    parser.add_argument("--outage-s", type=float, default=90.0)
    parser.add_argument("--no-progress-s", type=float, default=20.0)
    options = parser.parse_args()

from benchmarks.dagster_dev import dagster_dev, wait_for_quiet, wait_until
from benchmarks.promises import conclude
from benchmarks.provider import provider_process, write_source
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.resources import Summarizer
from summarizer_assets.settings import load_settings

BUCKETS, GROUP, IN_FLIGHT, RUNS_AT_ONCE = 4, 5, 4, 2
_LATENCY_S = 0.3
#: Of one run until its breaker opens: the failed tries that open it, and what was in flight beside.
_UNTIL_OPEN = 10 + IN_FLIGHT


def run(home: Path, authors: int, outage_s: float, no_progress_s: float) -> dict[str, Any]:
    source = home / "authors.parquet"
    write_source(source, authors)
    with provider_process() as provider:
        given = {
            "source": str(source),
            "root": str(home / "tables"),
            "buckets": BUCKETS,
            "group_size": GROUP,
            "max_in_flight": IN_FLIGHT,
            "llm_base_url": provider.base_url,
            "llm_model": "template",
            "no_progress_s": no_progress_s,
            "retry_interval_s": 5,
            "retry_probe_s": 10,
        }
        environment = {f"SUMMARIZER_{name.upper()}": str(value) for name, value in given.items()}
        summarizer = Summarizer(load_settings(None, **given))
        provider.use([], _LATENCY_S)
        with dagster_dev(home / "dagster", environment) as dev:
            dev.backfill(["authors"], bucket_keys(BUCKETS))
            wait_until(lambda: len(summarizer.tables.authors.rows_by_bucket()) == BUCKETS, "authors", patience_s=300)
            dev.backfill(["author_summaries", "failed_authors"], bucket_keys(BUCKETS))
            enough = authors // GROUP // 5
            wait_until(lambda: len(provider.record()) >= enough, "a fifth is asked", patience_s=300, every_s=0.1)
            before = len(provider.record())
            provider.use([{"fault": "unavailable", "share": 1.0}], _LATENCY_S)
            time.sleep(outage_s)
            runs_meanwhile = len(dev.instance.get_runs())
            during = len(provider.record()) - before
            back_at = provider.record()[-1]["at_s"]
            provider.use([], _LATENCY_S)
            healed = time.monotonic()
            wait_until(
                lambda: any(entry["fault"] is None for entry in provider.record()[before + during :]),
                "somebody is answered again",
                patience_s=300,
                every_s=0.1,
            )
            back_s = time.monotonic() - healed
            wait_for_quiet(dev, summarizer, ticks=4)
            record = provider.record()
            runs = dev.instance.get_runs()
            states = Counter(run.status.value for run in runs)
    tables = summarizer.tables
    found = {row["author_id"] for row in tables.summaries.read().select("author_id").collect().to_dicts()}
    right = Counter(author for entry in record if entry["fault"] is None for author in entry["ids"])
    return {
        "authors": sum(tables.authors.rows_by_bucket().values()),
        "summaries": sum(tables.summaries.rows_by_bucket().values()),
        "without_summary": len(set(tables.authors.read().select("author_id").collect()["author_id"]) - found),
        "failed": sum(tables.failures.rows_by_bucket().values()),
        "requests": {"before": before, "during": during, "after": len(record) - before - during},
        "requests_during_by_10_s": _by_ten_seconds(record[before : before + during], back_at - outage_s),
        "outage_s": outage_s,
        "first_answer_after_s": round(back_s, 1),
        "all_done_after_s": round(time.monotonic() - healed, 1),
        "answered_twice": sum(times - 1 for times in right.values()),
        "runs": dict(states),
        "runs_during": runs_meanwhile,
        "launched_by_the_sensor": sum("summarizer/retry" in run.tags for run in runs),
    }


def _by_ten_seconds(entries: list[dict[str, Any]], since: float) -> list[int]:
    counts = Counter(int(max(0.0, entry["at_s"] - since) // 10) for entry in entries)
    return [counts[number] for number in range(max(counts, default=0) + 1)]


def broken_promises(found: dict[str, Any]) -> list[str]:
    # Each run until its breaker opens, then probes: at first by the second, in the end every half minute.
    runs = RUNS_AT_ONCE + found["launched_by_the_sensor"]
    bound = runs * (_UNTIL_OPEN + 8) + found["outage_s"] / 7.5
    during = found["requests"]["during"]
    promises = {
        f"{found['without_summary']} authors without a summary": found["without_summary"] == 0,
        f"{found['failed']} authors charged with a failure": found["failed"] == 0,
        f"{found['answered_twice']} answers paid twice": found["answered_twice"] == 0,
        f"{during} requests during the outage, more than {bound:.0f}": during <= bound,
    }
    return [promise for promise, kept in promises.items() if not kept]


def main(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="outage-") as temporary:
        found = run(Path(temporary), options.authors, options.outage_s, options.no_progress_s)
    for name, value in found.items():
        print(f"{name.replace('_', ' '):28}{value}")
    return conclude("outage", found, broken_promises(found))


if __name__ == "__main__":
    sys.exit(main(options))
