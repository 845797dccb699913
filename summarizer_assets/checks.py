"""Asset checks of `authors`, on which a paid step relies, made as soon as the table is written.

They read the ids of the whole table, whichever buckets were written: 20 million take seconds, compared with minutes for
their ingest. In a run together with `author_summaries` they block it. They do not block the runs of a backfill, because
Dagster only checks whether the partition of `authors` was materialised. There, and in any other run, the run itself
refuses a bucket with duplicate authors before it makes a request (`bucket_run.admission`).
"""

from collections.abc import Iterator

import dagster as dg

from summarizer_assets.assets.asset_checks import result
from summarizer_assets.names import Names
from summarizer_assets.plain_failures import fails_plainly
from summarizer_assets.quality.names import AUTHORS, BLOCKING, MEANINGS, OF_AUTHORS
from summarizer_assets.quality.tables import check_authors


def build_author_checks(names: Names) -> dg.AssetChecksDefinition:
    key = names.asset(AUTHORS)

    @dg.multi_asset_check(
        name=names.of("check_authors"),
        specs=[
            dg.AssetCheckSpec(name, asset=key, description=MEANINGS[name], blocking=name in BLOCKING)
            for name in OF_AUTHORS
        ],
        required_resource_keys={names.summarizer},
    )
    @fails_plainly
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for name, verdict in zip(OF_AUTHORS, check_authors(names.summarizer_of(context)), strict=True):
            yield result(key, name, verdict)

    return check
