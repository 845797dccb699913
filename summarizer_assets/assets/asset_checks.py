"""Conversion of quality verdicts to Dagster asset checks.

The checks of a bucket are made inside the asset's step, each with its partition. Why (observed on Dagster 1.13.27): a
backfill's run has a range of one key, for which an `AssetCheckResult`, and any check in a step of its own, is recorded
without a partition, so that the page shows the check as "skipped"; and a separate step does not run at all if the
asset's step failed, as that of a stopped run does.
"""

from collections.abc import Iterable, Iterator

import dagster as dg

from summarizer_assets.core.quality.verdict import Verdict
from summarizer_assets.io_manager import last_written
from summarizer_assets.names import Names
from summarizer_assets.quality.names import BLOCKING, MEANINGS, OF_BUCKET


def bucket_specs(partitions: dg.PartitionsDefinition[str], names: Names) -> list[dg.AssetCheckSpec]:
    """The specs of the checks that a run of `author_summaries` makes of its bucket."""
    return [
        dg.AssetCheckSpec(
            name,
            asset=names.asset(asset),
            description=MEANINGS[name],
            blocking=name in BLOCKING,
            partitions_def=partitions,
        )
        for asset, name in OF_BUCKET
    ]


def evaluated(
    instance: dg.DagsterInstance,
    bucket: str,
    verdicts: Iterable[tuple[str, str, Verdict]],
    *,
    names: Names,
    ours: bool,
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield evaluations of the verdicts on a bucket whose tables are written.

    `ours`: no other run could change the bucket meanwhile. Otherwise another run may be between its two commits, and a
    failed check is a warning and not an error.
    """
    tables = {asset for asset, _ in OF_BUCKET}
    written = {asset: last_written(instance, names.asset(asset), bucket) for asset in tables}
    for asset, name, verdict in verdicts:
        yield dg.AssetCheckEvaluation(
            asset_key=names.asset(asset),
            check_name=name,
            passed=verdict.holds,
            severity=severity(verdict) if ours else dg.AssetCheckSeverity.WARN,
            description=verdict.text,
            metadata=dict(verdict.facts),
            blocking=ours and name in BLOCKING,
            partition=bucket,
            target_materialization_data=written[asset],
        )


def result(asset: dg.AssetKey, name: str, verdict: Verdict) -> dg.AssetCheckResult:
    """The result of a check without partitions."""
    return dg.AssetCheckResult(
        passed=verdict.holds,
        asset_key=asset,
        check_name=name,
        severity=severity(verdict),
        description=verdict.text,
        metadata=dict(verdict.facts),
    )


def severity(verdict: Verdict) -> dg.AssetCheckSeverity:
    """ERROR if rows are wrong; WARN if a run repairs it, or a person has to look."""
    return dg.AssetCheckSeverity.ERROR if verdict.wrong else dg.AssetCheckSeverity.WARN
