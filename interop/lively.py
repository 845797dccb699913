"""A root that has been lived in: each kind of change that we make to a table, by real Dagster runs; all versions kept.

Bad rows, failures by rule and by the provider, a changed source, authors who leave, summaries made anew, a list of
people never to be sent, compaction and a checkpoint, and life after that.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from summarizer_assets.core.records import PAPER
from summarizer_assets.definitions import build_defs
from summarizer_assets.jobs import MAINTAIN
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from testing.installation import Installation
from testing.provider import answer, serving

AUTHORS, BUCKETS = 60, 3
TABLES = ("authors", "author_summaries", "failed_authors", "rejected_source_rows")
#: A version of the summaries with rows, between the first and the last.
SHOWN_VERSION = 4
_BAD, _LEFT = 3, ("7", "23", "41")
_TEXTS = ("plain", "", "Ünïcode “quotes” 中文 \U0001f52c", "tab\there", 'it\'s 100 % \\ "done"', "e\u0301\u200b", None)
_COUNTS = (None, 0, 1, 17, 2**31, 2**53 + 1)
_FLAGS = (None, True, False)


def authors(count: int = AUTHORS) -> pl.DataFrame:
    """Nested authors with every kind of value that a column may hold, nulls and empty lists among them."""
    rows = [
        {
            "author_id": str(number),
            "author_name": f"{chr(65 + number % 26)}{number}, Somebody",
            "primary_affiliation": _TEXTS[number % len(_TEXTS)],
            "topics": [f"topic {index}" for index in range(number % 3)],
            "papers": [_paper(number, index) for index in range(0 if number == 5 else 1 + number % 4)],
        }
        for number in range(1, count + 1)
    ]
    lists = {"topics": pl.List(pl.String), "papers": pl.List(PAPER)}
    return pl.DataFrame(rows, schema_overrides=lists).with_columns(
        pl.when(pl.col("author_id") == "5").then(pl.lit([], dtype=lists["topics"])).otherwise("topics").alias("topics")
    )


def _paper(number: int, index: int) -> dict[str, Any]:
    turn = number + index
    return {
        "ut": f"P{number}-{index}",
        "prefinstitution": _TEXTS[(turn + 1) % len(_TEXTS)],
        "hot_paper": _FLAGS[turn % 3],
        "highly_cited_paper": _FLAGS[number % 3],
        "citingsrcslocalcount": _COUNTS[turn % len(_COUNTS)],
        "title": f"On lighthouses {number}.{index}" if turn % 3 else rf"Of $\alpha$ and \beta_{number}.{index}",
        "woscategory": _TEXTS[(turn + 3) % len(_TEXTS)],
        "journal": None if turn % 5 == 0 else f"Journal {turn % 4}",
    }


def live(folder: Path) -> Path:
    """Make the root under `folder`; every step is a real run."""
    source, root = folder / "authors.parquet", folder / "data"
    everybody = authors()
    nameless = everybody.head(_BAD).with_columns(author_id=pl.lit(None, dtype=pl.String))
    pl.concat([everybody.head(AUTHORS - 6), nameless]).write_parquet(source)
    provider = FaultyProvider(answer)
    with serving(provider) as url:
        given: dict[str, Any] = {
            "buckets": BUCKETS, "llm_base_url": url, "llm_model": "test-model", "group_size": 4, "commit_rows": 8,
            "max_in_flight": 2, "price_input_usd": 0.4, "price_output_usd": 1.6,
        }  # fmt: skip
        house = Installation(root, source, **given)
        provider.use(Plan(rules=(Rule("refusal", authors=("11", "12", "30")), Rule("swapped", authors=("31",)))))
        house.ingest()
        _all_went_well(house.summarize())
        # The source changes: new authors, other titles, three who left, other rejected rows.
        changed = everybody.filter(~pl.col("author_id").is_in(_LEFT)).with_columns(_other_titles("3", "12", "44"))
        pl.concat([changed, nameless.head(1)]).write_parquet(source)
        house.ingest()
        provider.use(Plan(rules=(Rule("refusal", authors=("12",)),)))
        _all_went_well(house.summarize(retry_all=True))
        # Another prompt, and some summaries are made anew with it.
        house = Installation(root, source, **given, words=60)
        again = {"resummarize": {"authors": [str(number) for number in range(1, 40)]}, "spend": True}
        _all_went_well(house.summarize(**again))
        excluded = folder / "excluded.txt"
        excluded.write_text("17\n18\n", encoding="utf-8")
        house = Installation(root, source, **given, words=60, exclude=excluded)
        _all_went_well(house.summarize())
        _maintain(house)
        # Life goes on after the checkpoint, and the source holds no bad row any more.
        changed.with_columns(_other_titles("50", "51")).write_parquet(source)
        house.ingest()
        _all_went_well(house.summarize())
        _maintain(house)
    return root


def _other_titles(*ids: str) -> pl.Expr:
    titled = pl.col("papers").list.eval(pl.element().struct.with_fields(title=pl.lit("On other things")))
    return pl.when(pl.col("author_id").is_in(ids)).then(titled).otherwise("papers").alias("papers")


def _all_went_well(results: list[dg.ExecuteInProcessResult]) -> None:
    assert all(result.success for result in results)


def _maintain(house: Installation) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert build_defs(house.settings).resolve_job_def(MAINTAIN).execute_in_process(instance=instance).success


def versions(root: Path) -> Mapping[str, range]:
    """Of each table, its versions; all can be read, since nothing is older than a day."""
    from deltalake import DeltaTable

    return {name: range(DeltaTable(root / name).version() + 1) for name in TABLES}
