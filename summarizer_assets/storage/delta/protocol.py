"""Delta protocol checks: which table features, set by other tools, our tables can be read and written with.

Why (measured with deltalake 1.6 and polars 2.1): polars refuses a table with an unknown feature even if it does not
affect our columns; delta-rs reports that it cannot write only at the commit, after everything was paid for; a table
that delta-rs opens is read with its deletion vectors.
"""

from collections.abc import Iterator
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from summarizer_assets.core.delta_log import MAPPING_MODE, OF_PLAIN_FILES, VECTORS
from summarizer_assets.storage.errors import ProtocolUnfit

_APPEND_ONLY = "delta.appendOnly"
_FEATURES_VERSION = 7
#: Features with which polars reads a table itself.
_BY_POLARS = frozenset({VECTORS, "timestampNtz", "variantType", "variantType-preview"})
#: Features with which our files can be read one by one. None of them affects a column of ours.
_BY_FILES = OF_PLAIN_FILES | {"columnMapping", "v2Checkpoint"}  # the former only if no names are mapped
#: Features with which delta-rs commits.
_WRITABLE = frozenset(
    {
        *_BY_POLARS,
        "appendOnly",
        "changeDataFeed",
        "checkConstraints",
        "columnMapping",
        "generatedColumns",
        "invariants",
        "v2Checkpoint",
    }
)
#: Unwritable features implied by protocol versions that predate table features.
_LEGACY = {6: ("identityColumns",)}


def remedy(features: str) -> str:
    return (
        f"take it off again (in Spark or Databricks: ALTER TABLE … DROP FEATURE {features}, or ALTER TABLE … SET "
        "TBLPROPERTIES), or carry the rows into a new root with tools/rebucket.py"
    )


def require_readable(uri: str, table: DeltaTable) -> None:
    """Check that all rows and columns of the table can be read correctly.

    Raises:
        ProtocolUnfit: the table has an unknown feature, or maps its column names.
    """
    mode = table.metadata().configuration.get(MAPPING_MODE, "none")
    if mode != "none":
        raise ProtocolUnfit(
            f"{uri}: something else mapped the names of the table's columns ({MAPPING_MODE} is {mode!r}): its files "
            f"cannot be read by them; nothing is done with the table. Remedy: {remedy('columnMapping')}"
        )
    unknown = sorted(set(table.protocol().reader_features or []) - _BY_POLARS - _BY_FILES)
    if unknown:
        raise unknown_feature(uri, ", ".join(unknown))


def unknown_feature(uri: str, features: str) -> ProtocolUnfit:
    return ProtocolUnfit(
        f"{uri}: something else put the feature {features} on the table, with which it cannot be read; nothing is done "
        f"with the table. Remedy: {remedy(features)}"
    )


def require_writable(uri: str, table: DeltaTable) -> None:
    """Check that we can commit to the table, before money is spent and before a long ingest.

    Raises:
        ProtocolUnfit: the table has a feature, property or column with which we cannot commit.
    """
    why = next(_hindrances(table), None)
    if why is not None:
        what, off = why
        raise ProtocolUnfit(
            f"{uri}: something else changed the table so that it cannot be written any more: {what}; nobody was asked "
            f"and nothing was written. Remedy: {off}"
        )


def _hindrances(table: DeltaTable) -> Iterator[tuple[str, str]]:
    protocol, metadata = table.protocol(), table.metadata()
    version = protocol.min_writer_version
    features = set(protocol.writer_features or []) if version >= _FEATURES_VERSION else set(_LEGACY.get(version, ()))
    unknown = ", ".join(sorted(features - _WRITABLE))
    if unknown:
        yield f"it has the feature {unknown}", remedy(unknown)
    if metadata.configuration.get(_APPEND_ONLY, "false").lower() == "true":
        yield (
            f"it only takes appends ({_APPEND_ONLY})",
            f"ALTER TABLE … SET TBLPROPERTIES ('{_APPEND_ONLY}' = 'false')",
        )
    made = [field.name for field in table.schema().fields if "delta.generationExpression" in field.metadata]
    if made:
        yield f"its columns {', '.join(made)} are generated from others", remedy("generatedColumns")


def read_by_files(table: DeltaTable) -> bool:
    """Whether polars would refuse the table although its files can be read one by one."""
    protocol = table.protocol()
    if protocol.min_reader_version == 2:  # noqa: PLR2004 - the version that stands for column mapping
        return True
    return not set(protocol.reader_features or []) <= _BY_POLARS


def removed_rows(table: DeltaTable) -> dict[str, list[int]]:
    """Indexes of the rows removed by deletion vectors, by file name; files without one are left out."""
    if VECTORS not in (table.protocol().reader_features or []):
        return {}
    found = {}
    for batch in table.deletion_vectors():
        for path, kept in pl.DataFrame(batch).iter_rows():
            found[unquote(path).rpartition("/")[2]] = [row for row, keep in enumerate(kept) if not keep]
    return found


def constraints(table: DeltaTable) -> str:
    """The table's constraints on rows, set by others, described for a person."""
    prefix = "delta.constraints."
    put = table.metadata().configuration.items()
    own = [f"{key.removeprefix(prefix)}: {text}" for key, text in put if key.startswith(prefix)]
    columns = [field.name for field in table.schema().fields if "delta.invariants" in field.metadata]
    return "; ".join([*own, *(f"an invariant of {name}" for name in columns)]) or "one that the log does not name"
