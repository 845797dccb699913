"""Spark's own CSV, JSON and Parquet: folders of part files beside `_SUCCESS`, with partitions as folders where told."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from interop.cases import Case, Write

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def _files(kind: str, view: str = "flat", *, folders: str = "", parts: int = 3, **options: str) -> Write:
    def write(frames: "Mapping[str, DataFrame]", path: str) -> None:
        writer = frames[view].repartition(parts).write.options(**options)
        if folders:
            writer = writer.partitionBy(*folders.split())
        writer.format(kind).save(path)

    return write


def _papers_as_json(**options: str) -> Write:
    """Nested authors in a form that has no lists."""

    def write(frames: "Mapping[str, DataFrame]", path: str) -> None:
        from pyspark.sql import functions

        frame = (
            frames["nested"]
            .withColumn("papers", functions.to_json("papers"))
            .withColumn("topics", functions.array_join("topics", "; "))
        )
        frame.write.options(**options).csv(path)

    return write


def _two_runs(frames: "Mapping[str, DataFrame]", path: str) -> None:
    """The second brings columns that the first did not have."""
    early = "author_id % 2 = 0"
    frames["nested"].where(early).write.parquet(path)
    frames["nested"].where(f"NOT {early}").selectExpr("1 AS more", "*").write.mode("append").parquet(path)


def _with_variant(frames: "Mapping[str, DataFrame]", path: str) -> None:
    frames["nested"].selectExpr("*", "parse_json('[1]') AS more").write.parquet(path)


_HEADER = {"header": "true"}
FILES = (
    Case("csv", _files("csv", **_HEADER), form="flat"),
    Case("csv_narrow", _files("csv", "narrow", **_HEADER), form="narrow"),
    Case("csv_papers_as_json", _papers_as_json(**_HEADER)),
    Case("csv_tabs", _files("csv", sep="\t", **_HEADER), form="flat"),
    Case("csv_semicolons", _files("csv", sep=";", **_HEADER), form="flat"),
    Case("csv_quotes_doubled", _files("csv", escape='"', **_HEADER), form="flat"),
    Case("csv_all_quoted", _files("csv", quoteAll="true", **_HEADER), form="flat"),
    Case("csv_null_words", _files("csv", nullValue="NULL", **_HEADER), form="flat"),
    Case("csv_gzip", _files("csv", compression="gzip", **_HEADER), form="flat"),
    Case("csv_folders", _files("csv", folders="journal", **_HEADER), form="flat"),
    Case("csv_line_breaks", _files("csv", lineSep="\r\n", **_HEADER), form="flat"),
    Case("csv_utf_16", _files("csv", encoding="UTF-16", **_HEADER), form="flat"),
    Case(
        "csv_spaces_kept",
        _files("csv", ignoreLeadingWhiteSpace="false", ignoreTrailingWhiteSpace="false", **_HEADER),
        form="flat",
    ),
    Case("csv_in_two_folders", _files("csv", folders="highly_cited_paper hot_paper", **_HEADER), form="flat"),
    Case("csv_without_header", _files("csv"), form="flat", refused="header|no column for author_id"),
    Case("json", _files("json", "nested")),
    Case("json_flat", _files("json"), form="flat"),
    Case("json_nulls_written", _files("json", "nested", ignoreNullFields="false")),
    Case("json_gzip", _files("json", "nested", compression="gzip")),
    Case("json_folders", _files("json", folders="journal"), form="flat"),
    Case("parquet", _files("parquet", "nested")),
    Case("parquet_flat", _files("parquet"), form="flat"),
    Case("parquet_gzip", _files("parquet", "nested", compression="gzip")),
    Case("parquet_zstd", _files("parquet", "nested", compression="zstd")),
    Case("parquet_folders", _files("parquet", folders="journal"), form="flat"),
    Case("parquet_folders_of_affiliations", _files("parquet", "nested", folders="primary_affiliation")),
    Case("parquet_in_two_folders", _files("parquet", folders="highly_cited_paper citingsrcslocalcount"), form="flat"),
    Case(
        "parquet_folders_of_ids",  # a folder an author: Spark would write millions
        _files("parquet", "nested", folders="author_id"),
        refused="no column for author_id",
    ),
    Case("parquet_of_two_runs", _two_runs),
    Case("parquet_variant", _with_variant),
    Case("parquet_lists_of_old", _files("parquet", "nested"), settings={"spark.sql.parquet.writeLegacyFormat": "true"}),
    Case("orc", _files("orc", "nested"), refused="orc"),
    Case("xml", _files("xml", "nested", rowTag="author"), refused="xml"),
    Case("csv_bzip2", _files("csv", compression="bzip2", **_HEADER), form="flat", refused="bz2"),
)
