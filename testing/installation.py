"""A small installation for tests: authors, settings, and what the tables hold afterwards."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from summarizer_assets.assets.run_metadata import told
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.records import PAPER
from summarizer_assets.definitions import build_defs
from summarizer_assets.installation import Summarizer
from summarizer_assets.jobs import INGEST, SUMMARIZE
from summarizer_assets.partitions import bucket_partitions
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.settings import PREFIX, Settings, load_settings
from testing.provider import serving

_TOPICS = ("tides", "glass", "maps", "seeds", "grammar", "iron", "bees", "salt")


def write_authors(path: Path, count: int) -> Path:
    """A nested source of `count` plain authors with one or two papers each."""
    papers = [
        [
            {"ut": f"P{number}-{paper}", "title": f"On {_TOPICS[(number + paper) % 8]} and {_TOPICS[number % 7]}"}
            for paper in range(1 + number % 2)
        ]
        for number in range(count)
    ]
    frame = pl.DataFrame(
        {
            "daisngid": range(1, count + 1),
            "author_name": [f"{chr(65 + number % 26)}{number}, Somebody" for number in range(count)],
            "primary_affiliation": [f"Institute {number % 9}" for number in range(count)],
        }
    )
    schema = pl.List(pl.Struct({field.name: field.dtype for field in PAPER.fields if field.name in {"ut", "title"}}))
    frame.with_columns(pl.Series("papers", papers, dtype=schema)).write_parquet(path)
    return path


#: By the id of a run; gone with the installation.
_instances: weakref.WeakValueDictionary[str, dg.DagsterInstance] = weakref.WeakValueDictionary()


class Installation:
    """Settings over a folder, with the two jobs as methods; each run is a real Dagster run."""

    def __init__(self, root: Path | str, source: Path | str, **settings: Any) -> None:
        self.given: dict[str, Any] = {"root": str(root), "source": str(source), "buckets": 1, **settings}
        self.settings: Settings = load_settings(None, **self.given)
        self.summarizer = Summarizer(self.settings)

    @cached_property
    def _instance(self) -> dg.DagsterInstance:
        """Made by the first run: its connection to SQLite belongs to a thread, and must not outlive it unclosed."""
        # Without a folder of ours it makes one that only warns when it is forgotten.
        kept = tempfile.mkdtemp(prefix="dagster-")
        weakref.finalize(self, shutil.rmtree, kept, ignore_errors=True)
        return dg.DagsterInstance.ephemeral(kept)

    def _ran(self, result: dg.ExecuteInProcessResult) -> dg.ExecuteInProcessResult:
        _instances[result.run_id] = self._instance
        return result

    def environment(self) -> dict[str, str]:
        """The same settings as variables, for a process of its own."""
        return {PREFIX + name.upper(): str(value) for name, value in self.given.items()}

    @property
    def keys(self) -> list[str]:
        return bucket_keys(self.summarizer.buckets)

    def ingest(self, *keys: str, raise_on_error: bool = True, **options: Any) -> dg.ExecuteInProcessResult:
        """Of a range of buckets (its first and last key), or of all."""
        first, last = (keys or (self.keys[0], self.keys[-1]))[0], (keys or self.keys)[-1]
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        job = build_defs(self.settings).resolve_job_def(INGEST)
        return self._ran(
            job.execute_in_process(
                instance=self._instance,
                tags=tags,
                raise_on_error=raise_on_error,
                run_config={"ops": {"authors": {"config": options}}} if options else {},
            )
        )

    def ingest_accepting_all(self) -> dg.ExecuteInProcessResult:
        """With a yes to whatever it takes."""
        try:
            return self.ingest()
        except dg.Failure as refused:
            return self.ingest(accept_loss=refused.metadata["accept_loss"].value)

    def summarize(self, *keys: str, **options: Any) -> list[dg.ExecuteInProcessResult]:
        job = build_defs(self.settings).resolve_job_def(SUMMARIZE)
        return [
            self._ran(
                job.execute_in_process(
                    instance=self._instance, partition_key=key, raise_on_error=False, run_config=_config(options)
                )
            )
            for key in keys or self.keys
        ]

    def logs(self, run_id: str) -> list[dg.EventLogEntry]:
        """All that a run of this installation logged, its events included."""
        return list(self._instance.all_logs(run_id))

    def frame(self, name: str) -> pl.DataFrame:
        tables = self.summarizer.tables
        table = {"authors": tables.authors, "summaries": tables.summaries, "failures": tables.failures}[name]
        return table.read().collect()

    def versions(self) -> dict[str, int | None]:
        """The version of each table; None: not made."""
        tables = self.summarizer.tables
        named = {"authors": tables.authors, "summaries": tables.summaries, "failures": tables.failures}
        handles = {name: table.open() for name, table in named.items()}
        return {name: None if handle is None else handle.version() for name, handle in handles.items()}

    def assert_each_author_in_one_place(self) -> None:
        authors = set(self.frame("authors")["author_id"])
        summaries, failures = self.frame("summaries")["author_id"], self.frame("failures")["author_id"]
        assert summaries.is_unique().all()
        assert failures.is_unique().all()
        assert not set(summaries) & set(failures)
        assert set(summaries) | set(failures) == authors


def _config(options: Mapping[str, Any]) -> dict[str, Any]:
    return {"ops": {"author_summaries": {"config": dict(options)}}} if options else {}


def metadata_of(result: dg.ExecuteInProcessResult, asset: str = "author_summaries") -> dict[str, Any]:
    """What a run said of one of its assets."""
    return told(_instances[result.run_id], result.run_id, asset)


def statuses(house: Installation, asset: str = "author_summaries") -> dict[str, str]:
    """As Dagster shows the partitions. What is no longer or not yet there is "MISSING"."""
    partitions = bucket_partitions(house.summarizer.buckets)
    found = house._instance.get_status_by_partition(dg.AssetKey(asset), house.keys, partitions)
    return {key: "MISSING" if status is None else status.value for key, status in (found or {}).items()}


@contextmanager
def ingested(provider: FaultyProvider, folder: Path, authors: int, **settings: Any) -> Iterator[Installation]:
    """An installation in `folder` over the served provider, with its authors in the table."""
    with serving(provider) as url:
        source = write_authors(folder / "authors.parquet", authors)
        house = Installation(folder / "root", source, llm_base_url=url, llm_model="test-model", **settings)
        house.ingest()
        yield house
