"""The asset `table_maintenance`: compaction, checkpoints and vacuum of the tables, with a history in the graph."""

import dagster as dg

from summarizer_assets.assets.root_tag import at_root
from summarizer_assets.core.markdown import table
from summarizer_assets.names import Names
from summarizer_assets.plain_failures import fails_plainly
from summarizer_assets.quality.names import AUTHORS, FAILURES, SUMMARIES
from summarizer_assets.storage.delta.maintenance import Maintained

MAINTENANCE = "table_maintenance"
_COLUMNS = ("table", "files", "bytes", "versions", "log entries removed", "unused files removed", "seconds")


def build_maintenance(names: Names) -> dg.AssetsDefinition:
    @dg.asset(
        key=names.asset(MAINTENANCE),
        deps=[names.asset(name) for name in (AUTHORS, SUMMARIES, FAILURES)],
        required_resource_keys={names.summarizer},
        kinds={"deltalake"},
        code_version="1",
        description="Joins small files, writes checkpoints, and removes what the tables' time travel of 7 days no "
        "longer needs. Safe beside running summaries: it gives way to a busy writer, and says so.",
    )
    @fails_plainly
    def table_maintenance(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        summarizer = names.summarizer_of(context)
        rooted = at_root(context, summarizer)
        done = summarizer.maintain()
        left = [f"{name}: {word}" for name, one in done.items() for word in one.left]
        for word in left:
            context.log.warning(word)
        return dg.MaterializeResult(
            metadata={
                **rooted,
                "tables": dg.MetadataValue.md(table(_COLUMNS, [_row(name, one) for name, one in done.items()])),
                "files": sum(one.files_after for one in done.values()),
                "bytes": sum(one.bytes_after for one in done.values()),
                "buckets_compacted": sum(one.buckets_compacted for one in done.values()),
                "files_vacuumed": sum(one.files_vacuumed for one in done.values()),
                "gave_way": len(left),
            }
        )

    return table_maintenance


def _row(name: str, done: Maintained) -> tuple[str, ...]:
    return (
        f"`{name}`",
        f"{done.files_before:,} → {done.files_after:,}",
        f"{done.bytes_before:,} → {done.bytes_after:,}",
        f"{done.version_before:,} → {done.version_after:,}",
        f"{done.log_entries_removed:,}",
        f"{done.files_vacuumed:,}",
        f"{done.seconds:.1f}",
    )
