"""Whatever sources come one after the other, and for whichever buckets: nobody is lost without a yes."""

import re
import tempfile
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from summarizer_assets.core.buckets import bucket_keys, bucket_of
from summarizer_assets.core.ingest_loss import Loss, Shares, likely_cause, objections
from summarizer_assets.core.records import AUTHORS, PAPER, REJECTED
from summarizer_assets.ingest.compare import Compared, Difference
from summarizer_assets.ingest.guard import LossRefused, Permission
from summarizer_assets.ingest.losses import Losses
from summarizer_assets.ingest.stream import Around, Listener, ingest_stream
from summarizer_assets.sources.source import open_source
from summarizer_assets.storage.delta.stream import persist
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.source_marks import IngestMarks

BUCKETS, MOST = 3, 40
KEYS = bucket_keys(BUCKETS)
SHARE = 0.1


class Place:
    """A source in a file or a Delta table, and the tables that are made of it."""

    def __init__(self, folder: Path, *, delta: bool) -> None:
        self.delta = delta
        self.source = folder / ("source" if delta else "source.parquet")
        self.table = BucketedTable(str(folder / "root" / "authors"), AUTHORS, BUCKETS)
        self.rejected = BucketedTable(str(folder / "root" / "rejected_source_rows"), REJECTED, None)
        self.marks = IngestMarks(Database(str(folder / "state.sqlite")), lambda: "root")
        self.spill = folder / "spill"

    def write(self, rows: pl.DataFrame) -> None:
        if self.delta:
            rows.write_delta(str(self.source), mode="overwrite")
        else:
            rows.write_parquet(self.source)

    def ingest(self, selected: list[str], accepted: str = "") -> bool:
        """Whether it was let through."""
        stream = ingest_stream(
            open_source(str(self.source), {}),
            table=self.table,
            rejected=self.rejected,
            marks=self.marks,
            selected=selected,
            spill=self.spill,
            listener=Listener(lambda _: None, lambda *_: None, lambda _: None),
            around=Around(Permission(Shares(SHARE, SHARE), accepted)),
        )
        try:
            persist(self.table, stream)
        except LossRefused:
            return False
        return True

    def with_matter(self) -> dict[str, set[str]]:
        """Who has something to summarise, by bucket."""
        rows = self.table.read().filter(pl.col("papers").list.len() > 0).select("bucket", "author_id").collect()
        return {key: set(rows.filter(bucket=key)["author_id"]) for key in KEYS}

    def versions(self) -> list[int]:
        return [DeltaTable(table.uri).version() for table in (self.table, self.rejected) if table.open() is not None]


AUTHOR_IDS = st.sampled_from([f"{number}" for number in range(MOST)])
SOURCES = st.fixed_dictionaries(
    {
        "gone": st.sets(AUTHOR_IDS, max_size=3) | st.sets(AUTHOR_IDS, max_size=MOST),
        "hollow": st.just(set()) | st.sets(AUTHOR_IDS, max_size=4),
        "renamed": st.just(set()) | st.sets(AUTHOR_IDS, max_size=6),
        "nameless": st.integers(0, 8),
        "title": st.sampled_from(["T", "U"]),
        "selected": st.just(KEYS) | st.lists(st.sampled_from(KEYS), min_size=1, unique=True).map(sorted),
    }
)


def rows_of(given_: dict[str, object]) -> pl.DataFrame:
    gone, hollow, renamed = given_["gone"], given_["hollow"], given_["renamed"]
    assert isinstance(gone, set)
    assert isinstance(hollow, set)
    assert isinstance(renamed, set)
    made = [
        {
            "author_id": f"{one}.x" if one in renamed else one,
            "author_name": f"N{one}",
            "papers": [] if one in hollow else [{"ut": one, "title": given_["title"]}],
        }
        for one in (f"{number}" for number in range(MOST))
        if one not in gone
    ]
    made += [{"author_id": None, "author_name": "N", "papers": []}] * int(str(given_["nameless"]))
    return pl.DataFrame(made, schema={"author_id": pl.String, "author_name": pl.String, "papers": pl.List(PAPER)})


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sources=st.lists(SOURCES, min_size=1, max_size=5), delta=st.booleans())
def test_nobody_is_lost_without_a_yes(sources: list[dict[str, object]], delta: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), delta=delta)
        place.write(rows_of({"gone": set(), "hollow": set(), "renamed": set(), "nameless": 0, "title": "T"}))
        assert place.ingest(KEYS)
        for source in sources:
            before, versions = place.with_matter(), place.versions()
            hollow = place.table.read().filter(pl.col("papers").list.len() == 0).collect().height
            place.write(rows_of(source))
            selected = source["selected"]
            assert isinstance(selected, list)
            let = place.ingest(selected)
            after = place.with_matter()
            if not let:
                assert place.versions() == versions
                assert after == before
                continue
            lost = {key: before[key] - after[key] for key in KEYS}
            assert not [key for key in KEYS if key not in selected and lost[key]]
            held = sum(len(before[key]) for key in selected)
            assert sum(map(len, lost.values())) <= SHARE * (held + hollow)
            assert all(after[key] or not before[key] for key in selected)


def loss(**given_: object) -> Loss:
    plain: dict[str, object] = {
        "held": 100, "removed": 0, "hollowed": 0, "emptied": (), "source_rows": 100, "rejected": {},
        "source_authors": 100, "gone": (), "new": (), "digest": "0" * 8,
    }  # fmt: skip
    return Loss(**{**plain, **given_})  # type: ignore[arg-type] # of whatever a case gives


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        (loss(), 0),
        (loss(removed=10), 0),
        (loss(removed=11), 1),
        (loss(removed=6, hollowed=5), 1),
        (loss(held=30, removed=3), 0),
        (loss(held=7, removed=1), 1),
        (loss(removed=1, emptied=("0003",)), 1),
        (loss(removed=100, emptied=("0003",)), 1),
        (loss(rejected={"no_id": 10}), 0),
        (loss(rejected={"no_id": 9, "other": 2}), 1),
        (loss(source_rows=0), 1),
        (loss(source_rows=0, removed=100), 2),
        (loss(held=0, source_rows=0), 1),
        (loss(held=0, rejected={"no_id": 100}), 1),
        (loss(removed=50, rejected={"no_id": 50}), 2),
    ],
)
def test_what_is_refused(found: Loss, refused: int) -> None:
    assert len(objections(found, Shares(SHARE, SHARE))) == refused
    assert objections(found, Shares(1.0, 1.0)) == [] or not found.source_rows


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (loss(source_rows=0), "came out empty"),
        (loss(rejected={"null_id": 90}), "SUMMARIZER_COLUMNS maps another"),
        (loss(rejected={"unreadable_papers": 90}, removed=90), r"unreadable_papers\): another format"),
        (loss(hollowed=90), "column of papers has another name"),
        (loss(removed=90, gone=("12",), new=("12.0",)), "'12', the source has '12.0' in its column 'pid'"),
        (loss(removed=90, gone=("7", "12"), new=("A7",)), "written in another way"),
        (loss(removed=90, gone=("7",), new=("8",)), "another table, or another column"),
        (loss(removed=90, gone=("7",), source_authors=10), "the source has 10 authors here"),
    ],
)
def test_the_likely_cause_is_told_by_what_is_seen(found: Loss, cause: str) -> None:
    assert re.search(cause, likely_cause(found, "pid"))


@given(one=st.sets(AUTHOR_IDS), other=st.sets(AUTHOR_IDS))
def test_a_code_is_of_one_loss(one: set[str], other: set[str]) -> None:
    def code(gone: set[str]) -> str:
        losses, nobody = Losses(), pl.Series("author_id", [], dtype=pl.String)
        for key in KEYS:
            held = pl.Series("author_id", [str(n) for n in range(MOST) if bucket_of(str(n), BUCKETS) == key])
            here = held.filter(held.is_in(sorted(gone)))
            found = Compared(Difference(0, 0, here.len(), held.len() - here.len()), here.sort(), nobody)
            losses.add(key, held, 0, nobody, held.filter(~held.is_in(sorted(gone))), found)
        return losses.loss(MOST, {}, MOST - len(gone)).code

    assert (code(one) == code(other)) == (one == other)
