"""A root made by the pipeline over loopback, whose provider says of some authors what their records do not."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.installation import Summarizer
from summarizer_assets.llm.embedded.app import answer
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.sample import sample_path
from summarizer_assets.storage.delta.stream import persist
from testing.installation import Installation
from testing.provider import serving

BUCKETS = 3
PEOPLE = 48

#: What is said after the right text, by the flag that it raises; in the order of the report.
SAID: Mapping[str, str] = {
    "grave_claim": " One of the papers was later retracted.",
    "claim_about_person": "",  # by the faulty provider: " The author won the Nobel Prize."
    "unknown_institution": " Parts of it were done at the Lugano Institute of Technology.",
    "unknown_place": " The author has also worked in Belgium.",
    "unknown_number": " The samples came from 312 sites.",
    "unknown_name": " The approach goes back to Wegener.",
}


@dataclass(frozen=True)
class Planted:
    """`authors`: of whom it is said, by the flag."""

    summarizer: Summarizer
    authors: Mapping[str, str]


@contextmanager
def planted(folder: Path) -> Iterator[Planted]:
    """The root, after one run of each bucket."""
    source = folder / "authors.parquet"
    plain = pl.col("author_name").str.contains(r"^[\p{Latin} .,-]+$")
    people = pl.read_parquet(sample_path()).filter(plain & (pl.col("papers").list.len() > 2)).head(PEOPLE)
    people.write_parquet(source)
    ids = people["daisngid"].cast(pl.String)
    authors = dict(zip(SAID, ids.gather_every(6), strict=False))
    said = {author: SAID[flag] for flag, author in authors.items()}
    plan = Plan(rules=(Rule("invented_award", authors=(authors["claim_about_person"],)),))
    with serving(FaultyProvider(lambda body: _with_more(answer(body), said), plan)) as url:
        made = Installation(folder / "root", source, buckets=BUCKETS, llm_base_url=url, llm_model="template")
        summarizer = made.summarizer
        _ingest(summarizer)
        for bucket in bucket_keys(BUCKETS):
            run = summarizer.bucket_run(bucket, f"run of {bucket}", log=lambda _: None)
            with run:
                persist(summarizer.tables.summaries, run.summaries)
                persist(summarizer.tables.failures, run.failures)
                run.finish()
        yield Planted(summarizer, authors)


def change_record(root: Planted, author_id: str) -> None:
    """Another affiliation of an author in the source, ingested."""
    source = Path(root.summarizer.settings.source)
    mine = pl.col("daisngid").cast(pl.String) == author_id
    moved = pl.when(mine).then(pl.lit("Institute of Moves")).otherwise(pl.col("primary_affiliation"))
    pl.read_parquet(source).with_columns(primary_affiliation=moved).write_parquet(source)
    _ingest(root.summarizer)


def _ingest(summarizer: Summarizer) -> None:
    keys = bucket_keys(BUCKETS)
    persist(summarizer.tables.authors, summarizer.ingest(keys, log=lambda _: None, describe=lambda *_: None))


def _with_more(body: bytes, said: Mapping[str, str]) -> bytes:
    completion = json.loads(body)
    message = completion["choices"][0]["message"]
    rows = json.loads(message["content"])["summaries"]
    for row in rows:
        row["summary"] += said.get(row["author_id"], "")
    message["content"] = json.dumps({"summaries": rows})
    return json.dumps(completion).encode()
