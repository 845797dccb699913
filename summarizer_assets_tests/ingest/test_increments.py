"""Reading only what changed in a Delta source leaves the very tables that reading all of it leaves."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from summarizer_assets.core.buckets import bucket_keys, bucket_of
from summarizer_assets.core.ingest_loss import Shares
from summarizer_assets.core.records import AUTHORS, REJECTED
from summarizer_assets.ingest.guard import Permission
from summarizer_assets.ingest.stream import Around, Listener, ingest_stream
from summarizer_assets.sources.source import open_source
from summarizer_assets.storage.delta.changes import Overwrite
from summarizer_assets.storage.delta.stream import persist
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.source_marks import IngestMarks

BUCKETS = 3
KEYS = bucket_keys(BUCKETS)
FEED = {"delta.enableChangeDataFeed": "true"}


class Place:
    """A Delta source, and the tables that are made of it."""

    def __init__(self, folder: Path, feed: bool = False) -> None:
        self.source = folder / "source"
        self.table = BucketedTable(str(folder / "authors"), AUTHORS, BUCKETS)
        self.rejected = BucketedTable(str(folder / "rejected"), REJECTED, None)
        self.marks = IngestMarks(Database(str(folder / "state.sqlite")), lambda: "root")
        self.spill = folder / "spill"
        self.configuration = FEED if feed else {}

    def add(self, rows: pl.DataFrame, mode: Any = "append") -> None:
        write_deltalake(str(self.source), rows, mode=mode, configuration=self.configuration)

    def change(self, what: Callable[[DeltaTable], object]) -> None:
        what(DeltaTable(str(self.source)))

    def ingest(
        self, selected: list[str] = KEYS, *, whole: bool = False, meanwhile: Callable[[], object] = lambda: None
    ) -> dict[str, Any]:
        """Whatever it takes is accepted."""
        stream = ingest_stream(
            open_source(str(self.source), {}),
            table=self.table,
            rejected=self.rejected,
            marks=self.marks,
            selected=selected,
            spill=self.spill,
            listener=Listener(lambda _: None, lambda *_: None, lambda _: None),
            whole=whole,
            around=Around(Permission(Shares(1, 1))),
        )
        meanwhile()
        persist(self.table, stream)
        return dict(stream.metadata())

    def content(self) -> tuple[list[Any], list[Any]]:
        return (
            self.table.read().collect().sort("author_id").rows(),
            self.rejected.read().collect().sort(pl.all()).rows(),
        )


def people(ids: Any, title: str = "T") -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"author_id": one, "author_name": f"N{one}", "papers": [{"ut": f"{one}-{title}", "title": title}]}
            for one in ids
        ],
        schema={
            "author_id": pl.Int64,
            "author_name": pl.String,
            "papers": pl.List(pl.Struct({"ut": pl.String, "title": pl.String})),
        },
    )


@pytest.fixture(params=[True, False], ids=["with a change feed", "without one"])
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    made = Place(tmp_path, feed=request.param)
    made.add(people(range(100)))
    made.ingest()
    return made


def test_nothing_is_read_of_a_source_without_a_new_version(place: Place) -> None:
    version = place.table.open()
    told = place.ingest()
    assert (told["source_rows"], told["authors"], told["unchanged"], told["buckets_rewritten"]) == (0, 100, 100, 0)
    assert "still at version" in told["read"]
    now = place.table.open()
    assert version is not None
    assert now is not None
    assert now.version() == version.version()


def test_only_the_authors_concerned_are_read_and_only_their_buckets_rewritten(place: Place) -> None:
    place.add(people([7, 200], "new"))
    told = place.ingest()
    assert told["source_rows"] == 3  # both rows of author 7, and the new one
    assert (told["added"], told["changed"], told["unchanged"], told["authors"]) == (1, 1, 99, 101)
    assert told["buckets_rewritten"] == len({bucket_of("7", BUCKETS), bucket_of("200", BUCKETS)})
    rows = dict(place.table.read().select("author_id", pl.col("papers").list.len()).collect().iter_rows())
    assert (rows["7"], rows["8"], rows["200"]) == (2, 1, 1)


def test_an_author_whose_rows_were_deleted_goes(place: Place) -> None:
    place.change(lambda table: table.delete("author_id = 5"))
    told = place.ingest()
    assert (told["removed"], told["authors"]) == (1, 99)
    assert "5" not in place.table.read().collect()["author_id"].to_list()


def test_rows_that_can_be_no_author_are_kept_and_go_when_they_are_gone(place: Place) -> None:
    place.add(people([None]))
    place.ingest()
    place.add(people([300]))
    place.ingest()
    assert place.rejected.read().collect()["reason"].to_list() == ["null_id"]
    place.change(lambda table: table.delete("author_id IS NULL"))
    place.ingest()
    assert place.rejected.read().collect().is_empty()


def test_when_the_last_author_concerned_is_gone_rows_without_an_id_are_no_damage(place: Place) -> None:
    place.add(people([None]))
    place.add(people([200]))
    place.ingest()
    place.change(lambda table: table.delete("author_id = 200"))
    told = place.ingest()
    assert "1 authors" in told["read"]
    assert (told["removed"], told["rejected_rows"]) == (1, {"null_id": 1})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda place: place.table.writer("0001", place.table.fence("0001", place.table.open())).apply(
            Overwrite("0001", place.table.read(["0001"]).collect().head(2))
        ),
        lambda place: place.table.open().restore(0),
    ],
    ids=["overwritten", "restored"],
)
def test_a_bucket_that_somebody_changed_is_read_whole_again(place: Place, spoil: Callable[[Place], object]) -> None:
    before = place.content()
    spoil(place)
    assert place.content() != before
    told = place.ingest()
    assert "not all of these buckets" in told["read"]
    assert place.content() == before


def test_a_table_that_is_restored_during_an_ingest_is_not_taken_for_read(place: Place) -> None:
    before = place.content()
    place.ingest(meanwhile=lambda: DeltaTable(place.table.uri).restore(0))
    assert place.content() != before
    told = place.ingest()
    assert "not all of these buckets" in told["read"]
    assert place.content() == before


def test_a_table_made_anew_under_the_same_name_is_read_whole(place: Place, tmp_path: Path) -> None:
    place.source.rename(tmp_path / "old")
    place.add(people(range(97)))
    told = place.ingest()
    assert "not all of these buckets" in told["read"]
    assert told["authors"] == 97


def test_when_much_changed_all_is_read(place: Place) -> None:
    place.change(lambda table: table.update(updates={"author_name": "'Somebody'"}, predicate="author_id < 50"))
    told = place.ingest()
    assert "more than 20%" in told["read"]
    assert (told["changed"], told["unchanged"]) == (50, 50)


def test_versions_that_were_cleaned_away_are_no_reason_to_guess(place: Place) -> None:
    place.add(people([1], "once more"))
    for entry in sorted((place.source / "_delta_log").glob("*.json"))[:1]:
        place.change(lambda table: table.create_checkpoint())
        entry.unlink()
    for file in place.source.glob("*.parquet"):
        place.change(lambda table: table.optimize.compact())
        file.unlink()
        place.change(lambda table: table.create_checkpoint())
    told = place.ingest()
    assert told["read"].startswith("the whole source")
    assert told["authors"] == 100


def test_a_person_can_have_all_of_it_read(place: Place) -> None:
    told = place.ingest(whole=True)
    assert (told["read"], told["source_rows"]) == ("the whole source, as asked for", 100)


def test_buckets_of_different_versions_are_brought_to_the_same_one(place: Place) -> None:
    place.add(people([*range(3)], "second"))
    place.ingest(KEYS[:1])
    place.add(people([*range(2, 6)], "third"))
    told = place.ingest()
    assert "versions 0 and 2" in told["read"]
    expected = place.content()
    place.ingest(whole=True)
    assert place.content() == expected


def test_that_another_bucket_is_known_to_be_empty_says_nothing_of_this_one(tmp_path: Path) -> None:
    place = Place(tmp_path)
    empty, full, *_ = KEYS
    place.add(people(one for one in range(30) if bucket_of(str(one), BUCKETS) == full))
    place.ingest([empty])
    told = place.ingest([full])
    assert "not all of these buckets" in told["read"]
    assert set(place.table.rows_by_bucket()) == {full}


def test_a_bucket_of_tables_with_fewer_buckets_is_another_one(tmp_path: Path) -> None:
    place = Place(tmp_path)
    key = KEYS[-1]
    place.table = BucketedTable(str(tmp_path / "many"), AUTHORS, 64)
    ids = [one for one in range(300) if bucket_of(str(one), 64) != key and bucket_of(str(one), BUCKETS) == key]
    place.add(people(ids))
    place.ingest([key])
    place.table = BucketedTable(str(tmp_path / "few"), AUTHORS, BUCKETS)
    place.ingest([key])
    assert place.table.rows_by_bucket() == {key: len(ids)}


ACTIONS = st.one_of(
    st.tuples(st.just("add"), st.lists(st.integers(0, 30) | st.none(), min_size=1, max_size=4), st.sampled_from("AB")),
    st.tuples(st.just("delete"), st.integers(0, 30)),
    st.tuples(st.just("rename"), st.integers(0, 30), st.sampled_from("XY")),
    st.tuples(st.just("compact")),
    st.tuples(st.just("ingest"), st.lists(st.sampled_from(KEYS), min_size=1, unique=True)),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=st.lists(ACTIONS, max_size=6), feed=st.booleans())
def test_whatever_happens_to_a_source_the_increments_sum_up_to_the_whole(
    actions: list[tuple[Any, ...]], feed: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), feed)
        place.add(people(range(30)))
        place.ingest()
        for kind, *details in actions:
            match kind:
                case "add":
                    place.add(people(*details))
                case "delete":
                    place.change(lambda table, one=details[0]: table.delete(f"author_id = {one}"))
                case "rename":
                    one, name = details
                    place.change(
                        lambda table, one=one, name=name: table.update(
                            updates={"author_name": f"'{name}'"}, predicate=f"author_id = {one}"
                        )
                    )
                case "compact":
                    place.change(lambda table: table.optimize.compact())
                case _:
                    place.ingest(details[0])
        place.ingest()
        expected = place.content()
        place.ingest(whole=True)
        assert place.content() == expected
