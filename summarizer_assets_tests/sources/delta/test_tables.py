"""Delta tables as Databricks writes them: read right by value, or a clear error; never nulls, never rows too few."""

import shutil
from urllib.parse import quote

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from summarizer_assets.sources.delta.by_files import BY_FILES, FilesReader
from summarizer_assets.sources.delta.files import DeltaReader
from summarizer_assets.sources.delta.reader import QueryReader, open_delta
from summarizer_assets.sources.errors import SourceError
from summarizer_assets_tests.duckdb_delta import duckdb_with_delta
from summarizer_assets_tests.sources.building import read
from summarizer_assets_tests.sources.delta.databricks_authors import NESTED, PARTITIONED, authors, expected, values
from summarizer_assets_tests.sources.delta.databricks_checkpoints import v2_checkpoint
from summarizer_assets_tests.sources.delta.databricks_tables import Writer, clustered_by, removed
from summarizer_assets_tests.sources.delta.databricks_vectors import deleted_in_file, deleted_inline
from testing.object_store import client, object_store

ALL = expected(authors(0, 20))


def without(*numbers):
    return [row for number, row in enumerate(ALL) if number not in numbers]


def in_two_files(writer: Writer) -> str:
    writer.commit(writer.file(authors(0, 10)), writer.file(authors(10, 20)))
    return str(writer.folder)


@pytest.mark.parametrize("features", [None, []], ids=["reader v2", "reader v3"])
@pytest.mark.parametrize("mapping", ["name", "id"])
def test_mapped_columns_are_read_by_value_at_every_depth(tmp_path, mapping, features):
    uri = in_two_files(Writer(tmp_path / "table", NESTED, mapping, reader_features=features))
    file = next((tmp_path / "table").glob("*.parquet"))
    assert all(name.startswith("col-") for name in pq.read_schema(file).names)
    assert values(uri) == ALL


def test_other_names_are_mapped_to_logical_ones(tmp_path):
    schema = pa.schema([("author id", pa.int64()), ('the "name"', pa.string())])
    writer = Writer(tmp_path / "table", schema, "name")
    writer.commit(writer.file([{"author id": 9007199254740993, 'the "name"': "Ada"}]))
    found, _, _ = read(str(writer.folder), {"author_id": "author id", "author_name": 'the "name"'})
    assert found.select("author_id", "author_name").rows() == [("9007199254740993", "Ada")]


def test_a_column_added_after_a_file_was_written_is_null_there_and_nowhere_else(tmp_path):
    writer = Writer(tmp_path / "table", NESTED, "name")
    old = Writer(tmp_path / "old", pa.schema(list(NESTED)[:2]), "name")
    early = old.file(authors(1, 3))
    shutil.copy(old.folder / early["add"]["path"], writer.folder)
    writer.commit(early, writer.file(authors(3, 5)))
    rows = [{**row, "papers": [], "topics": []} for row in ALL[1:3]] + ALL[3:5]
    assert values(str(writer.folder)) == rows


@pytest.mark.parametrize("mapping", ["none", "name"])
def test_rows_removed_by_deletion_vectors_in_the_log_and_in_files_are_not_read(tmp_path, mapping):
    writer = Writer(tmp_path / "table", NESTED, mapping, reader_features=["deletionVectors"])
    adds = one, two, three = [writer.file(authors(start, stop)) for start, stop in ((0, 7), (7, 14), (14, 20))]
    writer.commit(*adds)
    beside = deleted_in_file(writer.folder, [(two, [0, 6]), (three, [3])], prefix="ab")
    writer.commit(*map(removed, adds), deleted_inline(one, [1, 2]), *beside)
    assert values(str(writer.folder)) == without(1, 2, 7, 13, 17)
    assert isinstance(open_delta(str(writer.folder), {}, None), DeltaReader if mapping == "none" else QueryReader)


@pytest.mark.parametrize("place", ["part one.parquet", "d=a%3Ab/é.parquet", "中 文/#1.parquet"])
def test_removed_rows_stay_removed_where_an_address_needs_percent_signs(tmp_path, place):
    writer = Writer(tmp_path / "table", NESTED, reader_features=["deletionVectors"])
    add = writer.file(authors(0, 10))
    (writer.folder / place).parent.mkdir(exist_ok=True)
    (writer.folder / add["add"]["path"]).rename(writer.folder / place)
    add["add"]["path"] = quote(place)
    writer.commit(add, writer.file(authors(10, 20)))
    writer.commit(removed(add), deleted_inline(add, [1, 2]))
    assert values(str(writer.folder)) == without(1, 2)


def test_a_table_in_a_folder_with_a_space_is_read(tmp_path):
    assert values(in_two_files(Writer(tmp_path / "my é folder" / "table", NESTED))) == ALL


@pytest.mark.parametrize("kind", ["json", "parquet"])
@pytest.mark.parametrize("mapping", ["none", "name"])
def test_v2_checkpoints_with_sidecars_are_read(tmp_path, mapping, kind):
    features = ["v2Checkpoint", "deletionVectors"]
    writer = Writer(tmp_path / "table", NESTED, mapping, reader_features=features)
    one, two = writer.file(authors(0, 7)), writer.file(authors(7, 14))
    writer.commit(one)
    writer.commit(two)
    v2_checkpoint(writer, [[deleted_inline(one, [3])], [two]], kind)
    writer.commit(writer.file(authors(14, 20)))
    assert [path.name for path in writer.log.glob("*.json") if "checkpoint" not in path.name] == [f"{2:020d}.json"]
    assert values(str(writer.folder)) == without(3)


def test_a_liquid_clustered_table_is_read(tmp_path):
    features = ["clustering", "domainMetadata", "rowTracking"]
    for mapping in ("none", "name"):
        writer = Writer(
            tmp_path / mapping, NESTED, mapping, reader_features=["deletionVectors"], writer_features=features
        )
        add = writer.file(authors(0, 20))
        writer.commit(add, clustered_by(["daisngid"]))
        writer.commit(removed(add), deleted_inline(add, [19]))
        assert values(str(writer.folder)) == without(19)


@pytest.mark.parametrize("mapping", ["none", "name", "id"])
def test_partition_values_are_those_of_the_log_whatever_the_files_are_called(tmp_path, mapping):
    writer = Writer(tmp_path / "table", PARTITIONED, mapping, partition_by=["primary_affiliation"])
    some = writer.file(authors(0, 10), {"primary_affiliation": "Univ A/B: é=%"})
    writer.commit(some, writer.file(authors(10, 20), {"primary_affiliation": None}))
    assert all(key.startswith("col-") == (mapping != "none") for key in some["add"]["partitionValues"])
    assert values(str(writer.folder)) == expected(authors(0, 10), "Univ A/B: é=%") + expected(authors(10, 20))


def test_a_shallow_clone_is_read_from_the_files_of_its_original(tmp_path):
    original = Writer(tmp_path / "original", NESTED)
    add = original.file(authors(0, 10))
    clone = Writer(tmp_path / "clone", NESTED, reader_features=["deletionVectors"])
    add["add"]["path"] = f"file://{original.folder / add['add']['path']}"
    clone.commit(deleted_inline(add, [4]), clone.file(authors(10, 20)))
    assert values(str(clone.folder)) == without(4)


def test_these_tables_are_read_from_s3_too(tmp_path):
    writer = Writer(tmp_path / "mapped", NESTED, "id", reader_features=["deletionVectors", "v2Checkpoint"])
    one, two = writer.file(authors(0, 10)), writer.file(authors(10, 20))
    writer.commit(one, two)
    [vector] = deleted_in_file(writer.folder, [(one, [5])])
    v2_checkpoint(writer, [[vector], [two]], "json")
    plain = Writer(tmp_path / "plain", NESTED, reader_features=["deletionVectors"])
    one, two = plain.file(authors(0, 10)), plain.file(authors(10, 20))
    plain.commit(*deleted_in_file(plain.folder, [(one, [5])]), two)
    with object_store() as options:
        store = client(options)
        store.create_bucket(Bucket="tables")
        for file in filter(lambda path: path.is_file(), tmp_path.rglob("*")):
            store.upload_file(str(file), "tables", file.relative_to(tmp_path).as_posix())
        for name, reader in (("mapped", QueryReader), ("plain", DeltaReader)):
            assert values(f"s3://tables/{name}", options) == without(5)
            assert isinstance(open_delta(f"s3://tables/{name}", {}, options), reader)
        store.put_object(Bucket="tables", Key=f"plain/_delta_log/{0:020d}.json", Body=b"")
        with pytest.raises(SourceError, match=rf"{0:020d}.json: this entry is empty"):
            values("s3://tables/plain", options)


def test_the_tables_made_by_hand_mean_the_same_to_a_reader_that_is_none_of_ours(tmp_path):
    """Without a partition: DuckDB's extension (1.5) reads the values of a mapped one as nulls."""
    for mapping in ("none", "name", "id"):
        writer = Writer(tmp_path / mapping, NESTED, mapping, reader_features=["deletionVectors", "v2Checkpoint"])
        one, two = writer.file(authors(0, 10)), writer.file(authors(10, 20))
        writer.commit(one, two)
        v2_checkpoint(writer, [[deleted_inline(one, [3])], deleted_in_file(writer.folder, [(two, [0, 9])])], "parquet")
        with duckdb_with_delta() as duck:
            found = duck.sql(f"SELECT * FROM delta_scan('{writer.folder}') ORDER BY daisngid").to_arrow_table()
        assert found.to_pylist() == [row for number, row in enumerate(authors(0, 20)) if number not in {3, 10, 19}]
        assert values(str(writer.folder)) == without(3, 10, 19)


# What cannot be read right


@pytest.mark.parametrize("feature", ["catalogManaged", "geospatial", "someFutureFeature"])
def test_a_feature_that_cannot_be_read_is_named(tmp_path, feature):
    uri = in_two_files(Writer(tmp_path / "table", NESTED, reader_features=["deletionVectors", feature]))
    with pytest.raises(SourceError, match=rf"table: .*needs the reader feature {feature}.*; drop it with"):
        values(uri)


@pytest.mark.parametrize("feature", sorted(BY_FILES))
@pytest.mark.parametrize("beside", ["deletionVectors", "columnMapping"])
def test_a_feature_that_files_alone_do_not_settle_beside_another_one_is_read_or_named(tmp_path, feature, beside):
    mapping = "name" if beside == "columnMapping" else "none"
    features = [feature] if beside == "columnMapping" else [feature, beside]
    uri = in_two_files(Writer(tmp_path / "table", NESTED, mapping, reader_features=features))
    try:
        assert values(uri) == ALL
    except SourceError as error:
        assert f"needs the reader feature {feature}" in str(error)  # noqa: PT017 - either is right


WRITERS_ONLY = (
    "appendOnly", "invariants", "checkConstraints", "changeDataFeed", "generatedColumns", "identityColumns",
    "rowTracking", "domainMetadata", "clustering", "inCommitTimestamp", "allowColumnDefaults", "icebergCompatV1",
    "icebergCompatV2", "icebergCompatV3", "icebergWriterCompatV1", "checkpointProtection", "collations-preview",
    "materializePartitionColumns", "coordinatedCommits-preview", "aFeatureOfNextYear",
)  # fmt: skip


@pytest.mark.parametrize(
    "reads", [[], ["deletionVectors"], ["v2Checkpoint"], ["vacuumProtocolCheck"], ["timestampNtz"]]
)
def test_a_feature_that_asks_nothing_of_a_reader_is_no_reason_to_refuse(tmp_path, reads):
    for feature in WRITERS_ONLY:
        writer = Writer(tmp_path / feature, NESTED, reader_features=reads, writer_features=[feature])
        assert values(in_two_files(writer)) == ALL, feature


@pytest.mark.parametrize("feature", sorted(BY_FILES))
def test_a_feature_that_asks_no_more_than_to_read_each_file_as_it_is_is_read(tmp_path, feature):
    writer = Writer(tmp_path / "table", PARTITIONED, partition_by=["primary_affiliation"], reader_features=[feature])
    writer.commit(
        writer.file(authors(0, 10), {"primary_affiliation": "Univ A/B: é=%"}),
        writer.file(authors(10, 20), {"primary_affiliation": None}),
    )
    assert isinstance(open_delta(str(writer.folder), {}, None), FilesReader)
    wanted = expected(authors(0, 10), "Univ A/B: é=%") + expected(authors(10, 20))
    assert sorted(values(str(writer.folder)), key=by_id) == sorted(wanted, key=by_id)


def by_id(author: dict) -> str:
    return author["author_id"]


@pytest.mark.parametrize("feature", ["typeWidening", "typeWidening-preview"])
def test_widened_columns_are_read_by_the_types_of_their_files(tmp_path, feature):
    narrow = Writer(
        tmp_path / "narrow",
        pa.schema([("id", pa.int32()), ("name", pa.string()), ("citingsrcslocalcount", pa.int32())]),
    )
    wide = Writer(
        tmp_path / "table",
        pa.schema([("id", pa.int64()), ("name", pa.string()), ("citingsrcslocalcount", pa.int64())]),
        reader_features=[feature],
    )
    add = narrow.file([{"id": 1, "name": "Ada", "citingsrcslocalcount": 5}])
    shutil.copy(narrow.folder / add["add"]["path"], wide.folder)
    wide.commit(add, wide.file([{"id": 2**40, "name": "Bo", "citingsrcslocalcount": 2**40}]))
    found, _, _ = read(str(wide.folder))
    papers = found["papers"].list.first().struct.field("citingsrcslocalcount")
    assert dict(zip(found["author_id"], papers, strict=True)) == {"1": 5, str(2**40): 2**40}


def test_a_table_read_by_files_lacks_none_of_them_and_no_column(tmp_path):
    writer = Writer(tmp_path / "table", NESTED, reader_features=["vacuumProtocolCheck"])
    old = Writer(tmp_path / "old", pa.schema(list(NESTED)[:2]))
    early = old.file(authors(1, 3))
    shutil.copy(old.folder / early["add"]["path"], writer.folder)
    late = writer.file(authors(3, 5))
    writer.commit(early, late)
    rows = [{**row, "papers": [], "topics": []} for row in ALL[1:3]] + ALL[3:5]
    assert sorted(values(str(writer.folder)), key=by_id) == rows
    (writer.folder / late["add"]["path"]).unlink()
    with pytest.raises(SourceError, match=r"a file that its newest version 0 consists of is not there"):
        values(str(writer.folder))


def test_a_type_that_the_engine_does_not_know_is_named(tmp_path):
    writer = Writer(tmp_path / "table", NESTED)
    uri = in_two_files(writer)
    entry = writer.entry(0)
    entry.write_text(entry.read_text().replace('\\"type\\": \\"string\\"', '\\"type\\": \\"geometry(OGC:CRS84)\\"', 1))
    with pytest.raises(
        SourceError, match=r"a column of the type 'geometry\(OGC:CRS84\)', which delta-rs does not know"
    ):
        values(uri)


def test_files_whose_names_differ_from_the_logs_are_refused_where_the_engine_would_read_nulls(tmp_path):
    writer = Writer(tmp_path / "table", NESTED, "id", names_in_files=False)
    uri = in_two_files(writer)
    batch = QueryBuilder().register("source", DeltaTable(uri)).execute("SELECT * FROM source").read_all()
    assert pl.DataFrame(batch).null_count().row(0) == (20, 20, 20, 20)  # the guard is needed
    with pytest.raises(
        SourceError, match=r"parquet: column 'daisngid' has the name 'other_1' in the file, and 'col-.*id'"
    ):
        values(uri)


def renamed(folder, change) -> None:
    """Rewrite the first data file's schema: each top field through `change`."""
    file = min(folder.glob("*.parquet"))
    table = pq.read_table(file)
    fields = [change(field) for field in table.schema]
    columns = [column.combine_chunks().view(field.type) for column, field in zip(table.columns, fields, strict=True)]
    pq.write_table(pa.Table.from_arrays(columns, schema=pa.schema(fields)), file)


def fields_of_papers_renamed(field: pa.Field) -> pa.Field:
    if not pa.types.is_list(field.type) or not pa.types.is_struct(field.type.value_type):
        return pa.field(field.name, field.type)
    inner = pa.struct([pa.field(f"x{number}", part.type) for number, part in enumerate(field.type.value_type)])
    return pa.field(field.name, pa.list_(pa.field("element", inner)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda field: pa.field(f"x-{field.name}", field.type), "none of the columns of the table is in the file"),
        (fields_of_papers_renamed, "none of the columns of papers is in the file, which holds 'x0', 'x1'"),
    ],
    ids=["top", "nested"],
)
def test_names_that_are_not_in_a_file_at_all_are_noticed_without_field_ids(tmp_path, change, message):
    writer = Writer(tmp_path / "table", NESTED, "name")
    one, two = writer.file(authors(0, 10)), writer.file(authors(10, 20))
    renamed(writer.folder, change)
    one["add"]["size"] = (writer.folder / one["add"]["path"]).stat().st_size
    writer.commit(one, two)
    with pytest.raises(SourceError, match=message):
        values(str(writer.folder))


def test_files_that_lack_the_id_are_noticed_where_nothing_tells_of_a_mapping(tmp_path):
    writer = Writer(tmp_path / "table", NESTED)
    add = writer.file(authors(0, 10))
    renamed(writer.folder, lambda field: pa.field(f"col-{field.name}", field.type))
    add["add"]["size"] = (writer.folder / add["add"]["path"]).stat().st_size
    writer.commit(add)
    with pytest.raises(SourceError, match="column 'daisngid' is null in all 10 rows: the files may name it otherwise"):
        read(str(writer.folder))


def test_a_mapping_that_the_protocol_does_not_know_is_refused(tmp_path):
    uri = in_two_files(Writer(tmp_path / "table", NESTED, configuration={"delta.columnMapping.mode": "name"}))
    with pytest.raises(SourceError, match="mode is 'name', which the table's protocol"):
        values(uri)


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_damaged_deletion_vector_is_an_error_and_brings_nobody_back(tmp_path, damage):
    writer = Writer(tmp_path / "table", NESTED, reader_features=["deletionVectors"])
    writer.commit(*deleted_in_file(writer.folder, [(writer.file(authors(0, 20)), [1, 2])]))
    [file] = writer.folder.glob("*.bin")
    content = bytearray(file.read_bytes())
    content[-6] ^= 3
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(content if damage == "flipped" else content[:-10])
    with pytest.raises(SourceError, match="table: the Delta table cannot be read"):
        values(str(writer.folder))


def test_a_missing_data_file_is_a_clear_error(tmp_path):
    write_deltalake(str(tmp_path / "table"), pl.DataFrame({"id": [1], "name": ["N"]}))
    for file in (tmp_path / "table").glob("*.parquet"):
        file.unlink()
    with pytest.raises(SourceError, match=r"a file that its newest version 0 consists of is not there.*FSCK REPAIR"):
        read(str(tmp_path / "table"))
