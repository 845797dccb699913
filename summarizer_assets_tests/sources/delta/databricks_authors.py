"""The same authors for all hand-made tables, and a reading of a source that compares each value."""

from typing import Any

import pyarrow as pa

from summarizer_assets_tests.sources.building import read

PAPER = pa.struct(
    [("ut", pa.string()), ("title", pa.string()), ("hot_paper", pa.bool_()), ("citingsrcslocalcount", pa.int64())]
)
NESTED = pa.schema(
    [
        ("daisngid", pa.int64()),
        ("author_name", pa.string()),
        ("papers", pa.list_(PAPER)),
        ("topics", pa.list_(pa.string())),
    ]
)
PARTITIONED = NESTED.append(pa.field("primary_affiliation", pa.string()))


def authors(start: int, stop: int) -> list[dict[str, Any]]:
    """With nulls at every depth: no name, no papers, an empty list, papers without a title."""
    return [
        {
            "daisngid": 9007199254740993 + number,
            "author_name": None if number % 7 == 0 else f"Näme {number}",
            "topics": [f"topic {number}", "shared"],
            "papers": None if number % 5 == 0 else [_paper(number, index) for index in range(number % 3)],
        }
        for number in range(start, stop)
    ]


def _paper(number: int, index: int) -> dict[str, Any]:
    title = None if index else f"Title {number}"
    return {
        "ut": f"A:{number}:{index}",
        "title": title,
        "hot_paper": bool(index),
        "citingsrcslocalcount": number + index,
    }


def expected(rows: list[dict[str, Any]], affiliation: str | None = None) -> list[dict[str, Any]]:
    """What a source of `rows` must yield, by id."""
    empty = dict.fromkeys(("prefinstitution", "highly_cited_paper", "woscategory", "journal"))
    return [
        {
            "author_id": str(row["daisngid"]),
            "author_name": row["author_name"],
            "primary_affiliation": affiliation,
            "topics": row["topics"],
            "papers": [{**empty, **paper} for paper in row["papers"] or []],
        }
        for row in rows
    ]


def values(uri: str, options: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Every row of a source by id, through the one entry; in chunks of four rows."""
    found, rejected, _ = read(uri, rows=4, options=options)
    assert rejected.is_empty()
    return found.sort("author_id").to_dicts()
