"""Rehearsal: the whole job on the first authors of a source, against a provider that fails on purpose.

Executes the ingest, every bucket, and the retry sensor until it requests nothing more, as real Dagster runs with the
configured settings, except for the provider, its limits and prices, and the retry waits, which are short. The provider
is a separate process on loopback; no other one is called. Tables, journal, state and Dagster's records go to a folder
of their own.

By batch jobs it does what the daemon would do in days: when all runs wait for a job, the provider's clock is put
forward, the sensor on batch jobs looks, and buckets whose jobs only a run can move on are run again.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import dagster as dg
import msgspec
import polars as pl

from summarizer_assets.assets.run_metadata import told
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.definitions import build_defs
from summarizer_assets.installation import Summarizer
from summarizer_assets.jobs import ERRORS_ONLY, INGEST, SUMMARIZE
from summarizer_assets.quality.names import SUMMARIES
from summarizer_assets.rehearsal.audit import paid_twice
from summarizer_assets.rehearsal.batch_bill import by_batch
from summarizer_assets.rehearsal.mixture import something_of_everything
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.process import ProviderProcess, running
from summarizer_assets.sensors.facts import retry_facts
from summarizer_assets.sensors.runs import RANGE_END, RANGE_START
from summarizer_assets.settings import Settings, load_settings
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.settings.second import SECOND_SETTINGS
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.source import open_source

_BUCKETS: Final = 4
_ROWS: Final = 2000  # rows read at a time
_PATIENCE_S: Final = 60.0  # longest wait for a requested run
_TICK_S: Final = 0.5
_STEP_S: Final = 3_600.0  # of the provider's clock
_LONGEST_S: Final = 30 * 86_400.0  # by the provider's clock
_BATCH_FACTOR: Final = 0.5
_PRICE_INPUT_USD, _PRICE_OUTPUT_USD = 0.15, 0.60  # of a million tokens
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}  # stopped runs are expected in a rehearsal
#: What the client counts, by its name in a run's metadata.
OF_THE_CLIENT = ("calls", "retries", "throttles", "groups_split", "authors_asked_again")


@dataclass
class Told:
    """Totals of the runs' metadata."""

    runs: int = 0
    waited: int = 0  # ended while a batch job is under way
    stopped: Counter[str] = field(default_factory=Counter)
    client: Counter[str] = field(default_factory=Counter)

    def add(self, found: Mapping[str, Any]) -> None:
        """Add a run's metadata of `author_summaries`."""
        self.runs += 1
        self.client.update({name: found[name] for name in OF_THE_CLIENT if name in found})
        self.waited += "waits_for" in found
        if "stopped" in found:
            self.stopped[str(found["stopped"]).partition(":")[0]] += 1


class Job:
    """The job with the given settings in a Dagster instance of its own.

    `waited_s`: how far the provider's clock was put forward. `wait`: puts it forward.

    Raises:
        SettingsError: the settings do not fit the rehearsal.
    """

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, wait: Callable[[float], None]) -> None:
        self.summarizer = Summarizer(settings)
        self.told = Told()
        self.waited_s = 0.0
        self._wait = wait
        self._used: set[str | None] = set()
        self._instance = instance
        self._keys = bucket_keys(self.summarizer.buckets)
        self._defs = build_defs(settings)
        self._sensors = [self._defs.resolve_sensor_def(name) for name in ("collect_batches", "retry_failed_authors")]

    def ingest(self) -> bool:
        ends = {
            RANGE_START: self._keys[0],
            RANGE_END: self._keys[-1],
        }
        job = self._defs.resolve_job_def(INGEST)
        run = job.execute_in_process(run_config=ERRORS_ONLY, instance=self._instance, tags=ends, raise_on_error=False)
        return run.success

    def summarize(self) -> Iterator[str]:
        """Run every bucket, then what the sensors request until they request nothing; yield a line per run."""
        for key in self._keys:
            yield self._run(key, {})
        waited_since = time.monotonic()
        while True:
            requests = next(filter(None, map(self._asked_by, self._sensors)), [])
            for request in requests:
                yield self._run(str(request.partition_key), dict(request.tags))
                waited_since = time.monotonic()
            if requests:
                continue
            waiting = self.summarizer.jobs.waiting()
            if waiting and self.waited_s < _LONGEST_S:
                self.waited_s += _STEP_S
                self._wait(_STEP_S)
                for key, of_bucket in sorted(waiting.items()):
                    if of_bucket.can_go_on:  # the sensor would have it run after a quarter of an hour
                        yield self._run(key, {})
                waited_since = time.monotonic()
            elif waiting or self._done() or time.monotonic() - waited_since > _PATIENCE_S:
                return
            else:
                time.sleep(_TICK_S)

    def _run(self, key: str, tags: dict[str, str]) -> str:
        job = self._defs.resolve_job_def(SUMMARIZE)
        before = self._unfinished()
        run = job.execute_in_process(
            run_config=_QUIET, instance=self._instance, partition_key=key, tags=tags, raise_on_error=False
        )
        found = told(self._instance, run.run_id, SUMMARIES)
        self.told.add(found)
        how = "waits for a batch job" if "waits_for" in found else "done" if run.success else "stopped"
        return f"  bucket {key}  {before:>7,} -> {self._unfinished():>7,} authors without a summary, {how}"

    def _asked_by(self, sensor: dg.SensorDefinition) -> list[dg.RunRequest]:
        with dg.build_sensor_context(
            instance=self._instance, definitions=self._defs, resources={"summarizer": self.summarizer}
        ) as context:
            context.log.setLevel(logging.ERROR)
            found: Any = sensor(context)
        requests = list(found.run_requests or []) if isinstance(found, dg.SensorResult) else []
        new = [request for request in requests if request.run_key not in self._used]
        self._used.update(request.run_key for request in new)  # the daemon takes a run key only once, too
        return new

    def _unfinished(self) -> int:
        tables = self.summarizer.tables
        return sum(tables.authors.rows_by_bucket().values()) - sum(tables.summaries.rows_by_bucket().values())

    def _done(self) -> bool:
        facts = retry_facts(self.summarizer)
        settled = sum(facts.summaries.values()) + sum(facts.failed.values())
        return settled == sum(facts.authors.values()) and not facts.next_due_at


def first_authors(settings: Settings, count: int, file: Path) -> list[str]:
    """Write the first authors of the configured source to a Parquet file; return their ids.

    Raises:
        SourceError: the source cannot be read, or has no author.
    """
    summarizer = Summarizer(settings)
    uri = summarizer.source
    chunks: list[pl.DataFrame] = []
    ids: dict[str, None] = {}
    for chunk in open_source(uri, settings.columns, summarizer.options_for(uri)).chunks(_ROWS):
        chunks.append(chunk.authors)
        ids |= dict.fromkeys(chunk.authors["author_id"].to_list())
        if len(ids) >= count:
            break
    chosen = list(ids)[:count]
    if not chosen:
        raise SourceError(f"{uri}: holds no author to rehearse with")
    pl.concat(chunks).filter(pl.col("author_id").is_in(chosen)).write_parquet(file)
    return chosen


def rehearsal_settings(source: Path, root: Path, base_url: str, protocol: str, route: str) -> Settings:
    """The configured settings with source, root, provider, prices and waits replaced; `protocol`: as configured.

    Online, what a broken connection cost is never known, so nothing is counted; by batch jobs everything is.
    """
    prices: dict[str, Any] = {"price_input_usd": _PRICE_INPUT_USD, "price_output_usd": _PRICE_OUTPUT_USD}
    return load_settings(
        route=route,
        batch_factor=_BATCH_FACTOR,
        batch_enqueued_tokens=None,
        **({} if route == "online" else prices),
        source=str(source),
        columns={},
        root=str(root),
        state=None,
        journal_dir=None,
        buckets=_BUCKETS,
        limit=None,
        llm_base_url=base_url,
        llm_protocol=protocol,
        llm_model="rehearsal",
        llm_api_key="rehearsal",  # a key's header tells the server whose form a call is of
        llm_ca_file=None,
        rpm=None,
        tpm=None,
        budget_usd=None,
        **dict.fromkeys(SECOND_SETTINGS),  # no other provider is called
        request_timeout_s=5.0,
        retry_after_s=1.0,
        retry_probe_s=1.0,
    )


def rehearse(
    given: Settings,
    root: Path,
    authors: int,
    plan: Plan | None,
    *,
    route: str | None = None,
    log: Callable[[str], None],
) -> dict[str, Any]:
    """Run the rehearsal in the folder `root`; return its results as JSON-compatible values.

    Args:
        given: the configured settings.
        root: a new folder, or an empty one.
        authors: the first so many of the source.
        plan: what goes wrong; None for something of everything.
        route: as SUMMARIZER_ROUTE; None: the configured one.
        log: gets a line before the first run and after each.

    Raises:
        SettingsError, SourceError: raised before any request.
    """
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        raise SettingsError(f"{root} is not empty; a rehearsal starts in a new folder")
    source = root / "source.parquet"
    chosen = first_authors(given, authors, source)
    plan = something_of_everything(chosen) if plan is None else plan
    plan = msgspec.structs.replace(plan, keep_entries=max(plan.keep_entries, 100 * len(chosen)))
    overrides = {"telemetry": {"enabled": False}, "python_logs": {"python_log_level": "ERROR"}}
    home = root / "dagster"
    home.mkdir()
    with running(plan) as provider, dg.DagsterInstance.local_temp(str(home), overrides) as instance:
        settings = rehearsal_settings(
            source, root / "tables", provider.base_url, given.protocol.name, route or given.route
        )
        job = Job(settings, instance, provider.wait)
        log(f"{len(chosen):,} authors of {Summarizer(given).source}, in {root}")
        began = time.monotonic()
        if not job.ingest():
            raise SourceError("the ingest failed; the lines above say why")
        for line in job.summarize():
            log(line)
        return _found(job, provider, time.monotonic() - began)


def _found(job: Job, provider: ProviderProcess, seconds: float) -> dict[str, Any]:
    tables = job.summarizer.tables
    authors = set(tables.authors.read().select("author_id").collect()["author_id"])
    summaries = tables.summaries.read().select("author_id").collect()["author_id"]
    failures = tables.failures.read().select("author_id", "reason").collect()
    stored = [*summaries, *failures["author_id"]]
    stats, batches = provider.stats(), provider.batches()
    lines = batches["stats"]
    return {
        "authors": len(authors),
        "summaries": len(summaries),
        "failed": dict(Counter(failures["reason"]).most_common()),
        "pending": len(authors - set(stored)),
        "stored_twice": len(stored) - len(set(stored)),
        "paid_twice": paid_twice([*provider.record(), *batches["record"]]),
        "runs": job.told.runs,
        "stopped": dict(job.told.stopped),
        "seconds": seconds,
        "requests": stats["requests"],
        "answers": dict((Counter(stats["by_fault"]) + Counter(lines["by_fault"])).most_common()),
        "asked_for_models": stats["models_asked"],
        **{name: job.told.client[name] for name in OF_THE_CLIENT},
        "billed_tokens": _tokens(stats) + _tokens(lines),
        "wasted_tokens": _tokens(stats, "wasted_") + _tokens(lines, "wasted_"),
        "batch": by_batch(job.summarizer, batches, job.waited_s, job.told.waited) if batches["jobs"] else None,
    }


def _tokens(stats: Mapping[str, int], kind: str = "") -> int:
    return stats[f"{kind}prompt_tokens"] + stats[f"{kind}completion_tokens"]
