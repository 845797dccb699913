"""What others may have put on our tables: with which features of Delta's protocol they are read, and written.

Facts this rests on (measured with deltalake 1.6 and polars 2.1): polars refuses a table for a feature that it does not
know, though the feature asks nothing of who reads our columns; delta-rs says that it cannot write only when it commits,
after everything was asked and paid for; where it opens a table, it also reads deletion vectors.
"""

from collections.abc import Iterator
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from summarizer_assets.storage.errors import ProtocolUnfit

VECTORS = "deletionVectors"
_MAPPING, _APPEND_ONLY = "delta.columnMapping.mode", "delta.appendOnly"
_FEATURES_VERSION = 7
#: With which polars reads a table itself.
_BY_POLARS = frozenset({VECTORS, "timestampNtz", "variantType", "variantType-preview"})
#: With which each file of ours is read as it is. None of them touches a column of ours.
_BY_FILES = frozenset(
    {
        "columnMapping",  # which is refused where names are mapped
        "typeWidening",
        "typeWidening-preview",
        "v2Checkpoint",
        "vacuumProtocolCheck",
        "variantShredding",
        "variantShredding-preview",
    }
)
#: With which delta-rs commits.
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
#: What the versions before features stand for, beyond what is writable.
_LEGACY = {6: ("identityColumns",)}


def remedy(features: str) -> str:
    return (
        f"take it off again (in Spark or Databricks: ALTER TABLE … DROP FEATURE {features}, or ALTER TABLE … SET "
        "TBLPROPERTIES), or carry the rows into a new root with tools/rebucket.py"
    )


def require_readable(uri: str, table: DeltaTable) -> None:
    """Raise unless each row and each column of the table can be read right.

    Raises:
        ProtocolUnfit: it has a feature that we do not know, or maps its columns' names.
    """
    mode = table.metadata().configuration.get(_MAPPING, "none")
    if mode != "none":
        raise ProtocolUnfit(
            f"{uri}: something else mapped the names of the table's columns ({_MAPPING} is {mode!r}): its files cannot "
            f"be read by them; nothing is done with the table. Remedy: {remedy('columnMapping')}"
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
    """Raise unless we can commit to the table: asked before money is spent, and before a long ingest.

    Raises:
        ProtocolUnfit: it has a feature, a property or a column with which we cannot.
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
    """Whether polars would refuse the table as one, though its files can be read."""
    protocol = table.protocol()
    if protocol.min_reader_version == 2:  # noqa: PLR2004 - the version that stands for column mapping
        return True
    return not set(protocol.reader_features or []) <= _BY_POLARS


def removed_rows(table: DeltaTable) -> dict[str, list[int]]:
    """Of each data file, by its name, which rows deletion vectors remove; files without one are left out."""
    if VECTORS not in (table.protocol().reader_features or []):
        return {}
    found = {}
    for batch in table.deletion_vectors():
        for path, kept in pl.DataFrame(batch).iter_rows():
            found[unquote(path).rpartition("/")[2]] = [row for row, keep in enumerate(kept) if not keep]
    return found


def constraints(table: DeltaTable) -> str:
    """The conditions that others put on rows, for a person."""
    prefix = "delta.constraints."
    put = table.metadata().configuration.items()
    own = [f"{key.removeprefix(prefix)}: {text}" for key, text in put if key.startswith(prefix)]
    columns = [field.name for field in table.schema().fields if "delta.invariants" in field.metadata]
    return "; ".join([*own, *(f"an invariant of {name}" for name in columns)]) or "one that the log does not name"
