"""Ingest: one pass, then only the buckets that differ."""

import tempfile
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.buckets import bucket_keys, bucket_of
from summarizer_assets.core.records import AUTHORS, REJECTED
from summarizer_assets.ingest.ingest import Sizes, ingest
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.source import open_source
from summarizer_assets_tests.sources.building import write

BUCKETS = 4
KEYS = bucket_keys(BUCKETS)


class Table:
    """What a table would hold after each ingest: bucket to frame."""

    def __init__(self):
        self.buckets = {}

    def current(self, bucket):
        return self.buckets.get(bucket, AUTHORS.to_frame()).lazy()

    def ingest(self, uri, folder, selected=KEYS, buckets=BUCKETS, chunk_rows=100_000, part_bytes=2**27, **options):
        run = ingest(
            open_source(str(uri), {}),
            buckets=buckets,
            selected=selected,
            spill_dir=Path(folder) / "spill",
            current=self.current,
            sizes=Sizes(chunk_rows, part_bytes),
            **options,
        )
        self.changes = list(run)
        for change in self.changes:
            assert change.frame.schema == AUTHORS
            self.buckets[change.bucket] = change.frame
        return run

    def rows(self):
        frames = [self.buckets[bucket] for bucket in sorted(self.buckets)]
        return pl.concat([AUTHORS.to_frame(), *frames]).to_dicts()


def flat_csv(folder, rows, name="source.csv"):
    lines = ["author_id,author_name,ut,title", *(",".join(map(str, row)) for row in rows)]
    return write(Path(folder) / name, "\n".join(lines) + "\n")


def people(count, papers=2):
    return [(author, f"N{author}", f"{author}-{paper}", "T") for author in range(count) for paper in range(papers)]


def test_every_author_is_in_its_bucket_once_and_counted(tmp_path):
    table = Table()
    counts = table.ingest(flat_csv(tmp_path, people(100)), tmp_path).counts
    rows = table.rows()
    assert {row["author_id"] for row in rows} == {str(number) for number in range(100)}
    assert len(rows) == counts.authors == counts.added == sum(counts.bucket_rows.values()) == 100
    assert all(row["bucket"] == bucket_of(row["author_id"], BUCKETS) for row in rows)
    assert all([paper["ut"] for paper in row["papers"]] == [f"{row['author_id']}-{n}" for n in (0, 1)] for row in rows)
    assert (counts.source_rows, counts.duplicate_authors, counts.duplicate_papers) == (200, 0, 0)
    assert [change.bucket for change in table.changes] == KEYS


def test_an_unchanged_source_changes_nothing_whatever_its_order(tmp_path):
    table = Table()
    rows = people(50)
    table.ingest(flat_csv(tmp_path, rows), tmp_path)
    run = table.ingest(flat_csv(tmp_path, rows[::-1]), tmp_path)
    assert table.changes == []
    assert (run.counts.unchanged, run.counts.added, run.counts.changed, run.counts.removed) == (50, 0, 0, 0)


def test_only_buckets_with_a_change_come_and_say_what_changed(tmp_path):
    table = Table()
    rows = people(50)
    table.ingest(flat_csv(tmp_path, rows), tmp_path)
    changed = [*rows[2:], ("new", "N", "u", "T")]  # author 0 is gone
    changed[0] = ("1", "N1", "1-0", "Another title")
    table.ingest(flat_csv(tmp_path, changed), tmp_path)
    found = Counter()
    for change in table.changes:
        was = change.difference
        found.update(added=was.added, changed=was.changed, removed=was.removed)
    assert found == Counter(added=1, changed=1, removed=1)
    assert {change.bucket for change in table.changes} == {bucket_of(a, BUCKETS) for a in ("0", "1", "new")}
    assert {row["author_id"] for row in table.rows()} == {*(str(n) for n in range(1, 50)), "new"}


def test_a_bucket_whose_authors_all_vanished_comes_empty(tmp_path):
    table = Table()
    table.ingest(flat_csv(tmp_path, people(40)), tmp_path)
    gone = [row for row in people(40) if bucket_of(str(row[0]), BUCKETS) != "0002"]
    table.ingest(flat_csv(tmp_path, gone), tmp_path)
    [change] = table.changes
    assert (change.bucket, change.frame.height) == ("0002", 0)
    assert change.difference.removed == 40 - len(gone) // 2


def test_authors_of_buckets_that_are_not_selected_are_left_alone(tmp_path):
    table = Table()
    run = table.ingest(flat_csv(tmp_path, people(40)), tmp_path, selected=["0001"])
    assert [change.bucket for change in table.changes] == ["0001"]
    assert set(run.counts.bucket_rows) == {"0001"}
    assert {row["bucket"] for row in table.rows()} == {"0001"}


ROWS = st.lists(
    st.tuples(
        st.integers(0, 6), st.sampled_from(["", "N", "M"]), st.sampled_from(["", "1", "2"]), st.sampled_from("AB")
    ),
    min_size=1,
    max_size=25,
)


@settings(deadline=None, max_examples=20)  # writes files
@given(rows=ROWS, chunk_rows=st.integers(1, 8), part_bytes=st.sampled_from([200, 800, 10**9]))
def test_neither_chunks_nor_parts_show_in_the_result(rows, chunk_rows, part_bytes):
    with tempfile.TemporaryDirectory() as folder:
        uri = flat_csv(folder, rows)
        one, other = Table(), Table()
        counts = one.ingest(uri, folder).counts
        again = other.ingest(uri, folder, chunk_rows=chunk_rows, part_bytes=part_bytes).counts
    assert one.rows() == other.rows()
    assert counts.authors == again.authors == len({row[0] for row in rows})
    assert counts.duplicate_papers == again.duplicate_papers


def test_all_authors_in_one_bucket_are_merged_in_parts(tmp_path):
    rows = [(f"{number:05d}", "N", "u", "T") for number in range(3000)]
    table = Table()
    uri = flat_csv(tmp_path, rows * 2)
    table.ingest(uri, tmp_path, buckets=1, selected=["0000"], part_bytes=20_000, chunk_rows=500)
    [change] = table.changes
    assert change.frame["author_id"].to_list() == [row[0] for row in rows]
    assert (change.difference.added, change.frame["record_hash"].n_unique()) == (3000, 3000)


def test_duplicate_authors_and_papers_are_united_and_counted(tmp_path):
    lines = [
        '{"daisngid": 1, "author_name": null, "papers": [{"ut": "a", "title": "T"}, {"ut": "a", "title": "T"}]}',
        '{"daisngid": 2, "author_name": "B", "papers": []}',
        '{"daisngid": "1", "author_name": "A", "papers": [{"ut": "b"}, {"ut": "a", "journal": "J"}, {}]}',
    ]
    table = Table()
    counts = table.ingest(write(tmp_path / "a.jsonl", "\n".join(lines)), tmp_path).counts
    assert (counts.source_rows, counts.authors, counts.duplicate_authors, counts.duplicate_papers) == (3, 2, 1, 2)
    [one] = [row for row in table.rows() if row["author_id"] == "1"]
    assert one["author_name"] == "A"
    assert [(p["ut"], p["title"], p["journal"]) for p in one["papers"]] == [("a", "T", "J"), ("b", None, None)]


def test_every_source_row_is_an_author_or_rejected_with_its_reason(tmp_path):
    text = "id,name,citingsrcslocalcount,title\n1,A,5,T\n,B,1,T\n,B,1,T\n" + "x" * 600 + ",C,1,T\n2,D,many,T\n"
    run = Table().ingest(write(tmp_path / "a.csv", text), tmp_path, chunk_rows=1)
    assert run.counts.rejected == Counter(null_id=2, id_too_long=1)
    assert run.counts.unparsable == Counter(citingsrcslocalcount=1)
    assert run.counts.source_rows == run.counts.authors + run.counts.rejected.total()
    assert run.rejected.schema == REJECTED
    assert run.rejected.select("reason", "count").rows() == [("id_too_long", 1), ("null_id", 1), ("null_id", 1)]


def test_a_wholly_unusable_source_is_counted_whole_and_kept_in_part(tmp_path):
    text = "id,name\n" + "".join(f",N{number}\n" for number in range(21_000))
    run = Table().ingest(write(tmp_path / "a.csv", text), tmp_path)
    assert run.counts.rejected == Counter(null_id=21_000)
    assert run.rejected.height == 20_001
    assert run.rejected["count"].sum() == 21_000


def test_a_changed_author_id_type_in_the_source_changes_nothing(tmp_path):
    table = Table()
    pl.DataFrame({"id": [1, 2], "name": ["A", "B"]}).write_parquet(tmp_path / "a.parquet")
    table.ingest(tmp_path / "a.parquet", tmp_path)
    pl.DataFrame({"id": [1.0, 2.0], "name": ["A", "B"]}).write_parquet(tmp_path / "a.parquet")
    table.ingest(tmp_path / "a.parquet", tmp_path)
    assert table.changes == []


def test_what_was_put_aside_is_removed_at_the_end_and_after_an_error(tmp_path):
    table = Table()
    table.ingest(flat_csv(tmp_path, people(10)), tmp_path)
    assert list((tmp_path / "spill").iterdir()) == []
    write(tmp_path / "bad" / "a.csv", "id,name\n1,A\n")
    write(tmp_path / "bad" / "b.csv", "id,name\n1,Zoë\n".encode() + "2,Chloë\n".encode("latin-1"))
    with pytest.raises(SourceError):
        table.ingest(tmp_path / "bad", tmp_path)
    assert list((tmp_path / "spill").iterdir()) == []


def test_what_was_put_aside_is_removed_when_the_run_is_left_half_way(tmp_path):
    source = open_source(flat_csv(tmp_path, people(40)), {})
    spill = tmp_path / "spill"
    changes = iter(
        ingest(source, buckets=BUCKETS, selected=KEYS, spill_dir=spill, current=lambda _: AUTHORS.to_frame().lazy())
    )
    next(changes)
    assert len(list(spill.iterdir())) == 1
    changes.close()
    assert list(spill.iterdir()) == []


def test_a_run_is_iterated_once_and_has_no_rejected_rows_before(tmp_path):
    source = open_source(flat_csv(tmp_path, people(4)), {})
    run = ingest(
        source, buckets=1, selected=["0000"], spill_dir=tmp_path / "s", current=lambda _: AUTHORS.to_frame().lazy()
    )
    with pytest.raises(RuntimeError, match="not been read"):
        run.rejected  # noqa: B018 - the property itself raises
    list(run)
    with pytest.raises(RuntimeError, match="once"):
        iter(run)


def test_progress_tells_rows_and_buckets_at_the_end_of_each_phase(tmp_path):
    told = []
    Table().ingest(flat_csv(tmp_path, people(30)), tmp_path, progress=lambda *step: told.append(step))
    assert ("reading", 60, 0) in told
    assert told[-1] == ("writing", 60, BUCKETS)
