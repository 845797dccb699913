"""Delta tables as other writers make them: read right by value, or a clear error."""

import json

import polars as pl
import pytest
from deltalake import write_deltalake

from summarizer_assets.sources.delta import QueryReader, open_delta
from summarizer_assets.sources.errors import SourceError
from summarizer_assets_tests.sources.building import read, write


def column_mapped_table(folder) -> str:
    """A table whose files hold physical names, as the protocol's column mapping by name has it."""
    data = pl.DataFrame({"col-a": [9007199254740993, 2], "col-b": ["Ada", "Bo"]})
    folder.mkdir()
    data.write_parquet(folder / "part-0.parquet")

    def field(name, physical, dtype, number):
        metadata = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": physical}
        return {"name": name, "type": dtype, "nullable": True, "metadata": metadata}

    schema = {"type": "struct", "fields": [field("author id", "col-a", "long", 1), field("name", "col-b", "string", 2)]}
    configuration = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "2"}
    actions = [
        {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}},
        {
            "metaData": {
                "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps(schema),
                "partitionColumns": [],
                "configuration": configuration,
                "createdTime": 0,
            }
        },
        {
            "add": {
                "path": "part-0.parquet",
                "partitionValues": {},
                "size": (folder / "part-0.parquet").stat().st_size,
                "modificationTime": 0,
                "dataChange": True,
            }
        },
    ]
    log = "\n".join(json.dumps(action) for action in actions)
    write(folder / "_delta_log" / "00000000000000000000.json", log)
    return str(folder)


def test_a_column_mapped_table_is_read_by_value_through_the_query_engine(tmp_path):
    uri = column_mapped_table(tmp_path / "mapped")
    mapping = {"author_id": "author id"}
    assert isinstance(open_delta(uri, mapping, None), QueryReader)
    authors, _, _ = read(uri, mapping)
    assert authors.select("author_id", "author_name").rows() == [("9007199254740993", "Ada"), ("2", "Bo")]


def test_an_unreadable_feature_is_named(tmp_path):
    table = tmp_path / "table"
    write_deltalake(str(table), pl.DataFrame({"id": [1], "name": ["N"]}))
    log = table / "_delta_log" / "00000000000000000000.json"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    protocol = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["someFutureFeature"],
        "writerFeatures": ["someFutureFeature"],
    }
    lines = [{"protocol": protocol} if "protocol" in line else line for line in lines]
    log.write_text("\n".join(json.dumps(line) for line in lines))
    with pytest.raises(SourceError, match="someFutureFeature"):
        read(str(table))


def test_a_damaged_log_is_a_clear_error(tmp_path):
    write(tmp_path / "table" / "_delta_log" / "00000000000000000000.json", "{broken")
    with pytest.raises(SourceError, match="table: the Delta table cannot be opened"):
        read(str(tmp_path / "table"))


def test_a_missing_data_file_is_a_clear_error(tmp_path):
    write_deltalake(str(tmp_path / "table"), pl.DataFrame({"id": [1], "name": ["N"]}))
    for file in (tmp_path / "table").glob("*.parquet"):
        file.unlink()
    with pytest.raises(SourceError, match="table: the Delta table cannot be read"):
        read(str(tmp_path / "table"))
