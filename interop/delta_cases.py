"""Delta tables as Spark writes them, each with one of the features that it knows, or with several."""

from collections.abc import Mapping

from interop.cases import Case, Change

_PAPER = (
    "ut: STRING, prefinstitution: STRING, hot_paper: BOOLEAN, highly_cited_paper: BOOLEAN, "
    "citingsrcslocalcount: BIGINT, title: STRING, woscategory: STRING, journal: STRING"
)
_NAMES = "author_id, author_name, primary_affiliation, topics, papers"
_COLUMNS = (
    "author_id STRING, author_name STRING, primary_affiliation STRING, topics ARRAY<STRING>, "
    f"papers ARRAY<STRUCT<{_PAPER}>>"
)
_GONE = ("3", "14", "15")
_DELETE = "DELETE FROM {t} WHERE author_id IN ('3', '14', '15')"
_TOUCH = "UPDATE {t} SET author_name = author_name WHERE author_id IN ('20', '21', '22')"
_MERGE = (
    f"MERGE INTO {{t}} AS t USING (SELECT {_NAMES} FROM nested WHERE author_id IN ('30', '31')) AS s "
    "ON t.author_id = s.author_id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
)
_OPTIMIZE = "OPTIMIZE {t}"

_BY_NAME, _BY_ID = "delta.columnMapping.mode = 'name'", "delta.columnMapping.mode = 'id'"
_VECTORS, _TRACKING = "delta.enableDeletionVectors = true", "delta.enableRowTracking = true"
_FEED, _WIDENING = "delta.enableChangeDataFeed = true", "delta.enableTypeWidening = true"
_V2, _OFTEN = "delta.checkpointPolicy = 'v2'", "delta.checkpointInterval = 2"
_DEFAULTS, _TIMES = "delta.feature.allowColumnDefaults = 'supported'", "delta.enableInCommitTimestamps = true"
_CLUSTERED, _FOLDERS = "CLUSTER BY (author_id)", "PARTITIONED BY (primary_affiliation)"
_LOG_OF_TODAY = "delta.logRetentionDuration = 'interval 0 days'"
_FILES_OF_TODAY = "delta.deletedFileRetentionDuration = 'interval 0 days'"
_EVERYTHING = (_BY_NAME, _VECTORS, _TRACKING, _FEED, _V2, _OFTEN, _TIMES)
_ANY_NAME = "spark.databricks.delta.properties.defaults.columnMapping.mode"
_LAYOUT_OF_V2 = "spark.databricks.delta.checkpointV2.topLevelFileFormat"


def _made(*properties: str, columns: str = _COLUMNS, layout: str = "") -> str:
    return f"CREATE TABLE {{t}} ({columns}) USING delta {layout}" + _with(*properties)


def _with(*properties: str) -> str:
    return f" TBLPROPERTIES ({', '.join(properties)})" if properties else ""


def _insert(more: str = "", names: str = _NAMES) -> tuple[str, str]:
    """All authors in two commits, so that there are several files."""
    each = f"INSERT INTO {{t}} ({names}{', more' if more else ''}) SELECT {_NAMES}{more and ', ' + more} FROM nested"
    return f"{each} WHERE author_id % 2 = 0", f"{each} WHERE author_id % 2 = 1"


def _filled(*properties: str, layout: str = "") -> tuple[str, ...]:
    return _made(*properties, layout=layout), *_insert()


def _one_more(column: str, value: str = "", *properties: str, layout: str = "") -> tuple[str, ...]:
    """A table with one column that is not ours; with a `value`, that is what it holds."""
    return _made(*properties, columns=f"{_COLUMNS}, more {column}", layout=layout), *_insert(value)


def _retyped(column: str, old: str, new: str) -> str:
    return _COLUMNS.replace(f"{column} {old}", f"{column} {new}")


DELTA = (
    Case("plain", ("CREATE TABLE {t} USING delta AS SELECT * FROM nested",)),
    Case("flat", ("CREATE TABLE {t} USING delta AS SELECT * FROM flat",), form="flat"),
    Case("narrow", ("CREATE TABLE {t} USING delta AS SELECT * FROM narrow",), form="narrow"),
    # Column mapping.
    Case("mapping_name", _filled(_BY_NAME)),
    Case("mapping_id", _filled(_BY_ID)),
    Case(
        "mapping_renamed",
        (
            *_filled(_BY_NAME),
            "ALTER TABLE {t} RENAME COLUMN primary_affiliation TO affiliation",
            'ALTER TABLE {t} RENAME COLUMN author_name TO `the "name", in full`',
            "ALTER TABLE {t} RENAME COLUMN papers.element.title TO `paper title`",
        ),
        columns={"author_name": 'the "name", in full', "title": "paper title"},
    ),
    Case(
        "mapping_turned_on_later",
        (
            *_filled(),
            "ALTER TABLE {t} SET" + _with(_BY_NAME),
            "ALTER TABLE {t} RENAME COLUMN author_id TO daisngid",
            "ALTER TABLE {t} ADD COLUMN (later INT)",
            "ALTER TABLE {t} DROP COLUMN later",
        ),
    ),
    # Deletion vectors.
    Case("vectors", (*_filled(_VECTORS), _DELETE, _TOUCH, _MERGE), gone=_GONE),
    Case("vectors_purged", (*_filled(_VECTORS), _DELETE, "REORG TABLE {t} APPLY (PURGE)"), gone=_GONE),
    Case("vectors_mapped_by_name", (*_filled(_VECTORS, _BY_NAME), _DELETE, _TOUCH), gone=_GONE),
    Case("vectors_mapped_by_id", (*_filled(_VECTORS, _BY_ID), _DELETE, _MERGE), gone=_GONE),
    Case("vectors_in_checkpoint", (*_filled(_VECTORS, _OFTEN), _DELETE, _TOUCH, _MERGE), gone=_GONE),
    Case("vectors_dropped", (*_filled(_VECTORS), _DELETE, "ALTER TABLE {t} DROP FEATURE deletionVectors"), gone=_GONE),
    # Layout.
    Case("clustered", (*_filled(layout=_CLUSTERED), _OPTIMIZE)),
    Case(
        "clustered_mapped", (*_filled(_BY_NAME, _VECTORS, layout=_CLUSTERED), _DELETE, "OPTIMIZE {t} FULL"), gone=_GONE
    ),
    Case("clustered_later", (*_filled(), "ALTER TABLE {t} CLUSTER BY (author_name)", _OPTIMIZE)),
    Case("z_ordered", (*_filled(), "OPTIMIZE {t} ZORDER BY (author_name)")),
    Case("folders", _filled(layout=_FOLDERS)),
    Case("folders_mapped", _filled(_BY_NAME, layout=_FOLDERS)),
    Case("folders_at_random", _filled("delta.randomizeFilePrefixes = true", layout=_FOLDERS)),
    Case("folders_of_ids", _filled(layout="PARTITIONED BY (author_id)")),
    Case(
        "folders_with_their_values_in_files",
        _filled("delta.feature.materializePartitionColumns = 'supported'", layout=_FOLDERS),
    ),
    # Checkpoints.
    Case("v2_checkpoints_in_json", (*_filled(_V2, _OFTEN), _TOUCH, _MERGE, _TOUCH), settings={_LAYOUT_OF_V2: "json"}),
    Case(
        "v2_checkpoints_in_parquet",
        (*_filled(_V2, _OFTEN), _TOUCH, _MERGE, _TOUCH),
        settings={_LAYOUT_OF_V2: "parquet"},
    ),
    Case("v2_checkpoints_with_vectors", (*_filled(_V2, _OFTEN, _VECTORS), _TOUCH, _DELETE, _TOUCH), gone=_GONE),
    Case(
        "checkpoints_in_parts",
        (*_filled(_OFTEN), _TOUCH, _MERGE, _TOUCH),
        settings={"spark.databricks.delta.checkpoint.partSize": "1"},
    ),
    # Columns that the table fills.
    Case("generated", _one_more("STRING GENERATED ALWAYS AS (substring(author_name, 1, 1))")),
    Case(
        "generated_folders",
        _one_more("STRING GENERATED ALWAYS AS (substring(author_name, 1, 1))", layout="PARTITIONED BY (more)"),
    ),
    Case("identity", _one_more("BIGINT GENERATED ALWAYS AS IDENTITY")),
    Case("default", _one_more("STRING DEFAULT 'person'", "", _DEFAULTS)),
    Case(
        "default_of_ours",
        (_made(_DEFAULTS, columns=_retyped("primary_affiliation", "STRING", "STRING DEFAULT 'none'")), *_insert()),
    ),
    # Types.
    Case("widening_possible", _filled(_WIDENING)),
    Case(
        "widened_id",
        (
            _made(_WIDENING, columns=_retyped("author_id", "STRING", "INT")),
            _insert()[0],
            "ALTER TABLE {t} ALTER COLUMN author_id TYPE BIGINT",
            _insert()[1],
        ),
    ),
    Case(
        "widened_count",
        (
            _made(_WIDENING, columns=_COLUMNS.replace("count: BIGINT", "count: INT")),
            "INSERT INTO {t} SELECT * FROM nested WHERE author_id = '5'",
            "ALTER TABLE {t} ALTER COLUMN papers.element.citingsrcslocalcount TYPE BIGINT",
            "INSERT INTO {t} SELECT * FROM nested WHERE author_id <> '5'",
        ),
    ),
    Case(
        "widened_other_column",
        (*_one_more("SMALLINT", "1S", _WIDENING), "ALTER TABLE {t} ALTER COLUMN more TYPE BIGINT"),
    ),
    Case("time_without_zone", _one_more("TIMESTAMP_NTZ", "TIMESTAMP_NTZ '2026-01-02 03:04:05.678901'")),
    Case("variant", _one_more("VARIANT", """parse_json('{"a": [1, "b"]}')""")),
    Case(
        "variant_shredded",
        _one_more("VARIANT", """parse_json('{"a": [1, "b"]}')""", "delta.enableVariantShredding = true"),
    ),
    Case(
        "ids_long",
        ("CREATE TABLE {t} USING delta AS SELECT CAST(author_id AS BIGINT), * EXCEPT (author_id) FROM nested",),
    ),
    Case(
        "ids_decimal",
        ("CREATE TABLE {t} USING delta AS SELECT CAST(author_id AS DECIMAL(20, 0)), * EXCEPT (author_id) FROM nested",),
    ),
    Case(
        "other_columns",
        (
            (
                "CREATE TABLE {t} USING delta AS SELECT *, map('a', 1) AS m, named_struct('x', 1, 'y', array(1.5)) AS s"
                ", CAST(1.25 AS DECIMAL(38, 9)) AS d, DATE '0001-01-01' AS day, X'00ff' AS b, CAST('NaN' AS FLOAT) AS f"
                ", TIMESTAMP '9999-12-31 23:59:59.999999' AS at, 1Y AS tiny FROM nested"
            ),
        ),
    ),
    Case(
        "columns_added_later",
        (
            _made(columns="author_id STRING, author_name STRING, papers ARRAY<STRUCT<ut: STRING, title: STRING>>"),
            "INSERT INTO {t} SELECT author_id, 'somebody else', array() FROM nested WHERE author_id IN ('3', '14')",
            "ALTER TABLE {t} ADD COLUMNS (primary_affiliation STRING, topics ARRAY<STRING>, "
            + ", ".join(
                f"papers.element.{field.replace(':', '')}"
                for field in _PAPER.split(", ")
                if not field.startswith(("ut", "title"))
            )
            + ")",
            _DELETE,
            "INSERT INTO {t} BY NAME SELECT * FROM nested",
        ),
    ),
    # History and the rest.
    Case("row_tracking_with_vectors", (*_filled(_TRACKING, _VECTORS), _TOUCH, _MERGE, _DELETE, _OPTIMIZE), gone=_GONE),
    Case("change_feed_with_vectors", (*_filled(_FEED, _VECTORS), _TOUCH, _MERGE, _DELETE), gone=_GONE),
    Case("times_in_commits", (*_filled(_TIMES), _TOUCH)),
    Case(
        "constraints",
        (
            _made(
                "delta.constraints.named = 'author_id IS NOT NULL'",
                columns=_retyped("author_id", "STRING", "STRING NOT NULL"),
            ),
            *_insert(),
            "ALTER TABLE {t} ADD CONSTRAINT positive CHECK (author_id > 0)",
            _TOUCH,
        ),
    ),
    Case("append_only", _filled("delta.appendOnly = true")),
    Case("vacuum_checked", _filled("delta.feature.vacuumProtocolCheck = 'supported'")),
    Case("checkpoints_protected", _filled("delta.feature.checkpointProtection = 'supported'")),
    Case("iceberg_compatible", _filled("delta.enableIcebergCompatV2 = true", _BY_NAME)),
    Case("restored", (*_filled(), _DELETE, "RESTORE TABLE {t} TO VERSION AS OF 2")),
    Case(
        "vacuumed",
        (*_filled(), _DELETE, "VACUUM {t} RETAIN 0 HOURS"),
        gone=_GONE,
        settings={"spark.databricks.delta.retentionDurationCheck.enabled": "false"},
    ),
    Case("cloned", ("CREATE TABLE {t} SHALLOW CLONE {plain}",)),
    Case("cloned_and_changed", ("CREATE TABLE {t} SHALLOW CLONE {plain}", _DELETE, _TOUCH), gone=_GONE),
    Case(
        "converted_from_parquet",
        (
            "CREATE TABLE converted USING parquet LOCATION '{path}' AS SELECT * FROM nested",
            "CONVERT TO DELTA parquet.`{path}`",
        ),
    ),
    Case("lists_of_old", _filled(), settings={"spark.sql.parquet.writeLegacyFormat": "true"}),
    Case(
        "replaced",
        (
            "CREATE TABLE {t} USING delta AS SELECT 1 AS other",
            "CREATE OR REPLACE TABLE {t} USING delta AS SELECT * FROM nested",
        ),
    ),
    Case(
        "replaced_in_part",
        (*_filled(), "INSERT INTO {t} REPLACE WHERE author_id > '3' SELECT * FROM nested WHERE author_id > '3'"),
    ),
    Case("without_statistics", (*_filled("delta.dataSkippingNumIndexedCols = 0", _VECTORS), _DELETE), gone=_GONE),
    Case(
        "statistics_as_structs",
        (
            *_filled("delta.checkpoint.writeStatsAsStruct = true", "delta.checkpoint.writeStatsAsJson = false", _OFTEN),
            _TOUCH,
        ),
    ),
    Case("short_log", (*_filled(_OFTEN, _LOG_OF_TODAY, _FILES_OF_TODAY), _TOUCH, _MERGE, _TOUCH)),
    Case("in a folder of 100 % 'ü' & +", (*_filled(_BY_NAME, _VECTORS, layout=_FOLDERS), _DELETE), gone=_GONE),
    Case("cloned_mapped_with_vectors", ("CREATE TABLE {t} SHALLOW CLONE {mapped}", _TOUCH), gone=_GONE),
    Case(
        "upper_case_names",
        (
            (
                "CREATE TABLE {t} USING delta AS SELECT author_id AS `Author_ID`, author_name AS `AUTHOR_NAME`, "
                "* EXCEPT (author_id, author_name), 1 AS `a.b c` FROM nested"
            ),
        ),
        settings={_ANY_NAME: "name"},
    ),
    Case("bounded_texts", (_made(columns=_retyped("author_name", "STRING", "VARCHAR(200)")), *_insert())),
    Case(
        "times_of_96_bits",
        _one_more("TIMESTAMP", "TIMESTAMP '9999-12-31 23:59:59.999999'"),
        settings={"spark.sql.parquet.outputTimestampType": "INT96"},
    ),
    Case(
        "everything",
        (*_filled(*_EVERYTHING, layout=_CLUSTERED), _TOUCH, _MERGE, _DELETE, _TOUCH, _OPTIMIZE, _TOUCH),
        gone=_GONE,
    ),
    Case(
        "everything_in_folders", (*_filled(*_EVERYTHING, layout=_FOLDERS), _TOUCH, _MERGE, _DELETE, _TOUCH), gone=_GONE
    ),
)

_CHANGES = (
    "UPDATE {t} SET author_name = 'Renamed, Somebody' WHERE author_id IN ('20', '21')",
    "DELETE FROM {t} WHERE author_id IN ('3', '14')",
    "INSERT INTO {t} (author_id, author_name, topics) VALUES ('61', 'New, Somebody', array('tides'))",
)
_CHANGED = "5 authors of whom rows changed"
CHANGES: Mapping[str, Change] = {
    "change_feed": Change(_filled(_FEED), _CHANGES, _CHANGED),
    "change_feed_as_our_page_says": Change(
        ("CREATE TABLE authors USING delta LOCATION '{path}' AS SELECT * FROM nested", "{page}"), _CHANGES, _CHANGED
    ),
    "change_feed_with_vectors": Change(_filled(_FEED, _VECTORS), _CHANGES, _CHANGED),
    "change_feed_and_everything": Change(_filled(*_EVERYTHING, layout=_CLUSTERED), _CHANGES, "the whole source"),
    "no_change_feed": Change(_filled(), _CHANGES, "the whole source: more than"),
    "vectors_without_change_feed": Change(_filled(_VECTORS), _CHANGES, "the whole source"),
}
