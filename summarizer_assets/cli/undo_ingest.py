"""`summarizer undo-ingest`: brings back what an ingest took."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from summarizer_assets.cli.answer import Answer
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.undo_ingest import Ingest, Undone, chosen, ingests, undo

_SHOWN_ID = 8


@as_command
@click.argument("ingest", required=False)
def command(*, ingest: str | None) -> Answer:
    """List the ingests that removed authors, or undo the one whose id begins with INGEST.

    This restores the authors that the ingest removed, removes those that it added, and restores the records that it
    changed. Authors changed since stay as they are. Summaries and failures are restored too, without any request. It
    can be repeated, and reaches back 7 days. First correct the source, or switch off `reingest_changed_source`:
    otherwise the next ingest removes the same authors again.

    \b
    Example: summarizer undo-ingest 1f0c2a9e
    Status 2 also if a bucket has an active run: earlier buckets are restored; repeat the command later.
    """
    summarizer = opened()
    found = ingests(summarizer)
    if ingest is None:
        took = [one for one in found if one.lost]
        listed = [{"id": one.id, "began": one.at.isoformat(), "authors_removed": one.lost} for one in took]
        return Answer(data={"ingests": listed}, text="\n".join(_listed(found, took)))
    done = undo(summarizer, chosen(found, ingest))
    return Answer(data=asdict(done), text="\n".join(_told(done)))


def _listed(found: Sequence[Ingest], took: Sequence[Ingest]) -> Iterator[str]:
    if not took:
        yield f"None of the {len(found):,} ingests that the log tells of took an author."
        return
    yield "ingest    began (UTC)          authors taken"
    for ingest in took:
        yield f"{ingest.id[:_SHOWN_ID]:<8}  {ingest.at:%Y-%m-%d %H:%M:%S}  {ingest.lost:>13,}"
    yield f"To bring back what one took:  summarizer undo-ingest {took[-1].id[:_SHOWN_ID]}"


def _told(done: Undone) -> Iterator[str]:
    yield f"{done.back:,} authors are back, with {done.summaries:,} summaries and {done.failures:,} failures."
    if done.out:
        yield f"{done.out:,} authors whom it had added are gone; the next run of their bucket removes what they have."
    if done.reset:
        yield f"{done.reset:,} authors have the record of before."
    yield "Nobody was asked. See that the source is right before you materialise `authors` again."
