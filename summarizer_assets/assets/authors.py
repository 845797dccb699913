"""`authors`: the source table in our shape, one pass over the source for all selected buckets."""

import dagster as dg
from pydantic import Field

from summarizer_assets.assets.shown import GROUP, OWNERS, table_metadata
from summarizer_assets.core.progress import IngestProgress
from summarizer_assets.core.records import AUTHORS
from summarizer_assets.resources import Summarizer
from summarizer_assets.storage.heartbeat import beating
from summarizer_assets.storage.stream import TableStream


class AuthorsConfig(dg.Config):
    """What a person may choose in the launchpad."""

    read_whole_source: bool = Field(
        default=False,
        description="Read all of a Delta source, also where only its newer versions would have to be read.",
    )


def build_authors(partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.asset(
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        io_manager_key="delta",
        kinds={"deltalake", "polars"},
        group_name=GROUP,
        owners=OWNERS,
        metadata=table_metadata(AUTHORS),
        code_version="1",
        description="Every author of the source, one row each: de-duplicated, typed, in buckets by a hash of the id. "
        "Only buckets whose authors changed are rewritten; rows that can be no author are in `rejected_source_rows`. "
        "Of a Delta source that was read before, only what its newer versions changed is read.",
    )
    def authors(
        context: dg.AssetExecutionContext, config: AuthorsConfig, summarizer: dg.ResourceParam[Summarizer]
    ) -> TableStream:
        def report(progress: IngestProgress) -> None:
            context.log.info(progress.line)
            picture = dg.MetadataValue.md(progress.markdown)
            context.log_event(
                dg.AssetObservation("authors", metadata={"progress": picture, "source_rows": progress.rows})
            )

        stream = summarizer.ingest(
            list(context.partition_keys),
            log=context.log.info,
            describe=lambda bucket, facts: context.add_asset_metadata(dict(facts), partition_key=bucket),
            report=report,
            whole=config.read_whole_source,
        )
        return beating(stream, summarizer.state, context.run.run_id)

    return authors
