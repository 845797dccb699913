"""An installation whose papers have further fields, by their descriptions alone.

A process of its own: what follows from the descriptions is made when a module is imported. It prints, after each step,
the values of the first of these fields.

    python -m summarizer_assets_tests.ninth_field unrendered SETTINGS ingest summarize
"""

import json
import sys
from datetime import UTC, datetime

from summarizer_assets.core import paper_fields
from summarizer_assets.core.paper_fields import Kind, PaperField, Place

FURTHER = {
    "unrendered": (PaperField("abstract_language", Kind.TEXT, "the abstract's language", aliases=("language",)),),
    "rendered": (
        PaperField("abstract_language", Kind.TEXT, "the abstract's language", Place.FACT, "in", aliases=("language",)),
        PaperField("references", Kind.COUNT, "references", Place.FACT, "refers to"),
        PaperField("open_access", Kind.FLAG, "open access", Place.FACT, "open access"),
    ),
}


def main(which: str, settings: str, *steps: str) -> None:
    paper_fields.PAPER_FIELDS += FURTHER[which]
    from summarizer_assets.quality.tables import check_tables  # noqa: PLC0415 - after the fields are there
    from testing.installation import Installation  # noqa: PLC0415

    house = Installation(**json.loads(settings))
    for step in steps:
        runs = [house.ingest()] if step == "ingest" else house.summarize()
        assert all(run.success for run in runs)
        papers = house.frame("authors")["papers"].explode()
        sys.stdout.write(json.dumps(papers.struct.field("abstract_language").unique().to_list()) + "\n")
    verdicts = check_tables(house.summarizer, datetime.now(UTC), ()).verdicts
    assert all(verdict.holds for verdict in verdicts.values()), verdicts


if __name__ == "__main__":
    main(*sys.argv[1:])
