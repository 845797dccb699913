"""A cluster of Celery workers with the faulty provider beside it: what its benchmarks and its test share.

Each scenario has a cluster of its own. What looks at it from within is a process on the head's network, for nothing
outside of that reaches its servers.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import polars as pl

from benchmarks.provider import Provider
from deploy.celery.cluster import Cluster
from deploy.celery.layout import Layout, saved
from summarizer_assets.core.buckets import bucket_keys, buckets_of
from summarizer_assets.definitions import build_defs
from summarizer_assets.installation import Summarizer
from summarizer_assets.jobs import INGEST
from summarizer_assets.sensors.facts import retry_facts
from summarizer_assets.settings import load_settings
from summarizer_assets.storage.errors import StorageError
from testing.dagster_dev import DagsterDev, wait_until

Json = dict[str, Any]
_PROVIDER_PORT = 18080
_QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}


def settings_of(source: Path, layout: Layout, **more: object) -> dict[str, str]:
    """Those of a cluster whose provider is the faulty one on its head."""
    given = {
        "source": source,
        "llm_base_url": f"http://{layout.address}:{_PROVIDER_PORT}/v1",
        "llm_model": "template",
        **more,
    }
    return {f"SUMMARIZER_{name.upper()}": str(value) for name, value in given.items()}


@contextmanager
def running(layout: Layout, own: Mapping[str, str], tell: Callable[[str], None]) -> Iterator[Cluster]:
    cluster = Cluster(layout, own)
    cluster.start(tell)
    try:
        yield cluster
    finally:
        cluster.stop()


def within(cluster: Cluster, module: str, *arguments: str) -> Json:
    """What a benchmark prints as JSON on its last line when its module runs on the head, as `--within HOME …`."""
    command = [sys.executable, "-m", module, "--within", str(cluster.layout.home), *arguments]
    line = [*cluster.on_head, *command]
    with subprocess.Popen(line, env=cluster.environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = ""
        for last in process.stdout:
            if not last.startswith("{"):
                print(last, end="", flush=True)
    if process.returncode:
        raise SystemExit(f"{module} ended with {process.returncode}; see {cluster.layout.logs}")
    found: Json = json.loads(last)
    return found


class World:
    """A cluster as seen from its head: the tables, Dagster, and the provider, which it serves."""

    def __init__(self, home: Path) -> None:
        self.layout = saved(home)
        self.cluster = Cluster(self.layout)
        self.summarizer = Summarizer(load_settings(None))
        self.keys = bucket_keys(self.summarizer.buckets)
        self.provider = Provider(self.summarizer.settings.llm_base_url)
        self.instance = dg.DagsterInstance.get()
        self.dev = DagsterDev(self.instance, f"http://127.0.0.1:{self.layout.ports.webserver}")

    @contextmanager
    def providing(self, plan: Json) -> Iterator[None]:
        listen = ["--host", self.layout.address, "--port", str(_PROVIDER_PORT)]
        command = [sys.executable, "-m", "summarizer_assets", "serve-faults", *listen]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            self.provider.plan(plan)
            try:
                yield
            finally:
                process.terminate()

    def ingest(self) -> None:
        """All authors, by a run here: what is measured and broken comes after it."""
        tags = {"dagster/asset_partition_range_start": self.keys[0], "dagster/asset_partition_range_end": self.keys[-1]}
        with dg.DagsterInstance.ephemeral() as instance:
            job = build_defs(self.summarizer.settings).resolve_job_def(INGEST)
            job.execute_in_process(instance=instance, tags=tags, run_config=_QUIET)

    def summarize(self) -> str:
        return self.dev.backfill(["author_summaries", "failed_authors"], self.keys)

    def ended(self, backfill: str) -> bool:
        """Whether all its runs were launched and none is under way."""
        runs = self.dev.runs_of(backfill)
        return len(runs) >= len(self.keys) and all(run.is_finished for run in runs)

    def runs_done(self, backfill: str) -> int:
        return sum(run.is_finished for run in self.dev.runs_of(backfill))

    def processes(self, worker: str) -> list[int]:
        """All of a worker's."""
        name = self.layout.namespace(worker)
        told = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=True).stdout
        return [int(pid) for pid in told.split()]

    def claimed(self) -> dict[str, str]:
        """The run of each bucket that is at work."""
        return self.summarizer.state.holders()

    def answered_share(self, bucket: str) -> float:
        """Of the bucket's authors, those whom the provider answered."""
        ids = {one for entry in self.provider.record() if entry["answered_s"] is not None for one in entry["ids"]}
        mine = buckets_of(pl.Series("author_id", sorted(ids), dtype=pl.String), len(self.keys)).to_list().count(bucket)
        return mine / max(1, self.summarizer.tables.authors.rows_by_bucket().get(bucket, 0))

    def done(self, buckets: set[str] | None = None) -> bool:
        """Whether each author of these buckets has a row, and nobody works on them; of all, without `buckets`."""
        try:
            facts = retry_facts(self.summarizer)
        except StorageError as error:  # the very thing that is tried: then it is not done, and is asked again
            print(f"  not known: {str(error)[:100]}", flush=True)
            return False
        chosen = set(self.keys) if buckets is None else buckets
        whole = all(
            facts.authors.get(key, 0) == facts.summaries.get(key, 0) + facts.failed.get(key, 0) for key in chosen
        )
        due = facts.next_due_at.keys() & chosen
        return whole and not due and not facts.claimed & chosen

    def wait_for_the_end(self, patience_s: float = 1200.0) -> None:
        """Until all is done and no run is under way."""
        wait_until(self.done, "every author has a row", patience_s=patience_s, every_s=1)
        wait_until(
            lambda: all(run.is_finished for run in self.instance.get_runs()),
            "no run is under way",
            patience_s=patience_s,
            every_s=1,
        )

    def judge(self) -> Json:
        """What the tables hold against what there is, what was paid twice, and how the runs ended."""
        tables = self.summarizer.tables
        summaries = tables.summaries.read().select("author_id").collect()["author_id"]
        failed = tables.failures.read().select("author_id").collect()["author_id"]
        authors = set(tables.authors.read().select("author_id").collect()["author_id"])
        right = Counter(one for entry in self.provider.record() if entry["fault"] is None for one in entry["ids"])
        return {
            "authors": len(authors),
            "lost": len(authors - set(summaries) - set(failed)),
            "failed": len(failed),
            "twice": len(summaries) - summaries.n_unique(),
            "paid_twice": sum(times - 1 for times in right.values()),
            "runs": dict(Counter(run.status.value for run in self.instance.get_runs())),
        }

    def answers(self, program: str) -> bool:
        """Whether a program that was killed is back: it runs, and answers where it has a page."""
        if not self.cluster.pid(program):
            return False
        if program != "webserver":
            return True
        try:
            url = f"http://127.0.0.1:{self.layout.ports.webserver}/server_info"
            return httpx.get(url, timeout=5).is_success
        except httpx.TransportError:
            return False  # not yet: it is asked again


def wait(condition: Callable[[], bool], what: str, since: float, patience_s: float = 900.0) -> float:
    """Seconds from `since` until the condition holds."""
    wait_until(condition, what, patience_s=patience_s, every_s=0.3)
    return time.monotonic() - since
