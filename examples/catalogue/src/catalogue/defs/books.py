"""The project's own definitions: among them an asset `authors`, a resource `summarizer` and an IO manager `delta`."""

from pathlib import Path

import dagster as dg
import polars as pl

DATA = Path(__file__).parents[3] / "data"


class Shortener(dg.ConfigurableResource):
    """Cuts titles for shelf labels."""

    letters: int = 12

    def short(self, title: str) -> str:
        return title[: self.letters]


@dg.asset(io_manager_key="delta", group_name="books")
def authors() -> list[str]:
    """Who wrote the books on the shelves."""
    return ["Murasaki Shikibu", "Miguel de Cervantes", "Mary Shelley"]


@dg.asset(io_manager_key="delta", group_name="books")
def shelf_labels(authors: list[str], summarizer: Shortener) -> list[str]:
    return [summarizer.short(author) for author in authors]


@dg.asset(group_name="research")
def researchers() -> dg.MaterializeResult:
    """People and their papers, one row per paper; the metadata says where the table is."""
    table = DATA / "researchers.parquet"
    table.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "author_id": str(number),
            "author_name": f"Researcher {number}",
            "primary_affiliation": f"Institute {number % 5}",
            "title": f"On {topic}",
        }
        for number in range(1, 31)
        for topic in ("tides", "glass", "maps")[: 1 + number % 3]
    ]
    pl.DataFrame(rows).write_parquet(table)
    return dg.MaterializeResult(metadata={"dagster/uri": str(table), "dagster/row_count": len(rows)})


@dg.definitions
def books() -> dg.Definitions:
    return dg.Definitions(
        assets=[authors, shelf_labels, researchers],
        resources={"summarizer": Shortener(), "delta": dg.FilesystemIOManager(base_dir=str(DATA / "books"))},
    )
