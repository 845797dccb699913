"""The checks of `authors`: what a paid step relies on, looked at as soon as the table is written.

They see the whole table, whichever buckets were written: ids only, so that 20 million cost seconds beside the minutes
of their ingest. In one run with `author_summaries` they stop it. They do not stop the runs of a backfill: Dagster looks
only at whether the partition of `authors` was materialised. There, and in any other run, the run itself refuses a
bucket whose authors are doubled, before it asks anybody (`bucket_run.admission`).
"""

from collections.abc import Iterator

import dagster as dg

from summarizer_assets.assets.asset_checks import result
from summarizer_assets.installation import Summarizer
from summarizer_assets.quality.names import AUTHORS, BLOCKING, MEANINGS, OF_AUTHORS
from summarizer_assets.quality.tables import check_authors
from summarizer_assets.user_errors import fails_plainly


def build_author_checks() -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(
        name="check_authors",
        specs=[
            dg.AssetCheckSpec(name, asset=AUTHORS, description=MEANINGS[name], blocking=name in BLOCKING)
            for name in OF_AUTHORS
        ],
    )
    @fails_plainly
    def check(summarizer: dg.ResourceParam[Summarizer]) -> Iterator[dg.AssetCheckResult]:
        for name, verdict in zip(OF_AUTHORS, check_authors(summarizer), strict=True):
            yield result(AUTHORS, name, verdict)

    return check
