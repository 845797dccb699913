"""The asset `authors`: the source in our schema, ingested in one pass for all selected buckets."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import dagster as dg
from pydantic import Field

from summarizer_assets.assets.root_tag import at_root
from summarizer_assets.assets.table_metadata import table_metadata
from summarizer_assets.assets.upstream import place_of
from summarizer_assets.core import column_meanings
from summarizer_assets.core.ingest_loss import Loss, is_code
from summarizer_assets.core.progress import IngestProgress
from summarizer_assets.core.records import AUTHORS
from summarizer_assets.core.run_records import REFUSED
from summarizer_assets.ingest.guard import LossRefused
from summarizer_assets.names import Names
from summarizer_assets.plain_failures import fails_plainly
from summarizer_assets.quality.names import AUTHORS as AUTHORS_ASSET
from summarizer_assets.storage.delta.changes import Change
from summarizer_assets.storage.delta.stream import TableStream
from summarizer_assets.storage.state_db.state import StateStore


class AuthorsConfig(dg.Config):
    """What a person may choose in the launchpad."""

    read_whole_source: bool = Field(
        default=False,
        description="Read all of a Delta source, also where only its newer versions would have to be read.",
    )
    accept_loss: str = Field(
        default="",
        description="The code that a refused ingest printed: says yes to just what that one would have taken.",
    )


def build_authors(
    partitions: dg.PartitionsDefinition[str], names: Names, source: dg.AssetDep, *, told: bool
) -> dg.AssetsDefinition:
    """`source`: the asset that is ingested; `told`: its materialisations tell where it lies, not the settings."""
    key = names.asset(AUTHORS_ASSET)

    @dg.asset(
        key=key,
        deps=[source],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        io_manager_key=names.io_manager,
        required_resource_keys={names.summarizer},
        kinds={"deltalake", "polars"},
        metadata=table_metadata(AUTHORS, column_meanings.AUTHORS),
        code_version="1",
        description="Every author of the source, one row each: de-duplicated, typed, in buckets by a hash of the id. "
        "Only buckets whose authors changed are rewritten; rows that can be no author are in `rejected_source_rows`. "
        "Of a Delta source that was read before, only what its newer versions changed is read.",
    )
    @fails_plainly
    def authors(context: dg.AssetExecutionContext, config: AuthorsConfig) -> TableStream:
        summarizer = names.summarizer_of(context)

        def report(progress: IngestProgress) -> None:
            context.log.info(progress.line)
            picture = dg.MetadataValue.md(progress.markdown)
            context.log_event(dg.AssetObservation(key, metadata={"progress": picture, "source_rows": progress.rows}))

        at_root(context, summarizer)
        if config.accept_loss and not is_code(config.accept_loss):
            raise dg.Failure(
                f"accept_loss: {config.accept_loss!r} is no code; give the one that the refused ingest printed, as in "
                "`40-lost-0-rejected-1f0c2a9e`",
                allow_retries=False,
            )
        keys = sorted(context.partition_keys)
        stream = summarizer.ingest(
            keys,
            log=context.log.info,
            describe=lambda bucket, facts: context.add_asset_metadata(dict(facts), partition_key=bucket),
            report=report,
            whole=config.read_whole_source,
            accepted=config.accept_loss,
            run_id=context.run.run_id,
            source=place_of(context, source) if told else None,
        )
        running = beating(stream, summarizer.state, context.run.run_id)
        return refusing(running, context.instance, context.run, lambda code: _yes(code, keys, names))

    return authors


def beating(stream: TableStream, state: StateStore, run_id: str) -> TableStream:
    """The same stream, with a heartbeat in the state store while it is consumed: an ingest claims no bucket."""

    def changes() -> Iterator[Change]:
        with state.heartbeat(run_id):
            yield from stream.changes

    return replace(stream, changes=changes())


def refusing(
    stream: TableStream, instance: dg.DagsterInstance, run: dg.DagsterRun, way: Callable[[str], str]
) -> TableStream:
    """The same stream; a refused loss fails the run with the `way` to accept it, and tags the run for the sensor."""

    def changes() -> Iterator[Change]:
        try:
            yield from stream.changes
        except LossRefused as error:
            instance.add_run_tags(run.run_id, {REFUSED: run.run_id})
            raise dg.Failure(
                f"{error}. If it is right as it is, say yes to just this: {way(error.loss.code)}",
                metadata=_numbers(error.loss),
                allow_retries=False,
            ) from error

    return replace(stream, changes=changes())


def _yes(code: str, keys: Sequence[str], names: Names) -> str:
    asset = names.asset(AUTHORS_ASSET).to_user_string()
    partitions = f"--partition {keys[0]}" if len(keys) == 1 else f"--partition-range {keys[0]}...{keys[-1]}"
    config = json.dumps({"ops": {names.op(AUTHORS_ASSET): {"config": {"accept_loss": code}}}})
    command = "" if names.prefix else f"`summarizer run --accept-loss {code}`, "
    return (
        f"{command}`accept_loss: {code}` in the launchpad of `{asset}`, or "
        f"dg launch --assets {asset} {partitions} --config-json '{config}'"
    )


def _numbers(loss: Loss) -> dict[str, int | str]:
    return {
        "accept_loss": loss.code,
        "authors_held": loss.held,
        "authors_removed": loss.removed,
        "authors_left_without_matter": loss.hollowed,
        "buckets_emptied": len(loss.emptied),
        "source_rows": loss.source_rows,
        "rejected_rows": loss.rejected_rows,
        "some_who_would_go": ", ".join(loss.gone),
        "some_who_would_come": ", ".join(loss.new),
    }
