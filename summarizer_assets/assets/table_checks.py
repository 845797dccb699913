"""The asset `table_checks`: the quality checks of whole tables.

As checks of the tables' own assets they would run with every bucket. As a separate asset they run on request or by the
schedule, and their numbers have a history.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from summarizer_assets.assets.asset_checks import result
from summarizer_assets.assets.root_tag import at_root
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.installation import Summarizer
from summarizer_assets.names import Names
from summarizer_assets.plain_failures import fails_plainly
from summarizer_assets.quality.names import AUTHORS, FAILURES, MEANINGS, SUMMARIES, WHOLE
from summarizer_assets.quality.tables import Checked, check_tables

TABLE_CHECKS = "table_checks"


class TableChecksConfig(dg.Config):
    """What a person may choose in the launchpad."""

    buckets: list[str] = Field(default=[], description='Only these buckets, as in ["0003"]. None given: all.')


def build_table_checks(names: Names) -> dg.AssetsDefinition:
    key = names.asset(TABLE_CHECKS)

    @dg.asset(
        key=key,
        deps=[names.asset(name) for name in (AUTHORS, SUMMARIES, FAILURES)],
        required_resource_keys={names.summarizer},
        check_specs=[dg.AssetCheckSpec(name, asset=key, description=MEANINGS[name]) for name in WHOLE],
        kinds={"deltalake"},
        code_version="1",
        description="Checks all buckets of all tables, one after another. It reads, calls nobody and changes nothing; "
        "buckets that a run works on are left out.",
    )
    @fails_plainly
    def table_checks(context: dg.AssetExecutionContext, config: TableChecksConfig) -> dg.MaterializeResult:  # type: ignore[type-arg] # dagster knows only the bare name beside checks
        summarizer = names.summarizer_of(context)
        rooted = at_root(context, summarizer)
        _refuse_unknown(config.buckets, summarizer)
        checked = check_tables(summarizer, datetime.now(UTC), config.buckets)
        for name, verdict in checked.verdicts.items():
            tell = context.log.info if verdict.holds else context.log.warning
            tell("%s: %s", name, verdict.text)
        return dg.MaterializeResult(
            metadata={**rooted, **dict(_metadata(checked))},
            check_results=[result(key, name, verdict) for name, verdict in checked.verdicts.items()],
        )

    return table_checks


def _refuse_unknown(buckets: list[str], summarizer: Summarizer) -> None:
    unknown = sorted(set(buckets) - set(bucket_keys(summarizer.buckets)))
    if unknown:
        raise dg.Failure(
            f"buckets: {', '.join(unknown)} are none of the {summarizer.buckets} buckets; give their keys, as "
            'in ["0003"]',
            allow_retries=False,
        )


def _metadata(checked: Checked) -> Iterator[tuple[str, float | int | str]]:
    yield "buckets_checked", checked.buckets
    if checked.skipped:
        yield "buckets_at_work", ", ".join(checked.skipped)
    for verdict in checked.verdicts.values():
        yield from verdict.facts.items()
