"""Verdicts as Dagster's asset checks.

Facts this rests on (run on 1.13.27): a run of a backfill carries a range of one key, for which an `AssetCheckResult`
and any check in a step of its own are recorded without a partition, and the check stays "skipped" on the page; a step
of its own is not run at all when the asset's step ended as failed, as a stopped run does. So the checks of a bucket are
made inside the asset's step, each with its partition.
"""

from collections.abc import Iterable, Iterator

import dagster as dg

from summarizer_assets.core.quality.verdict import Verdict
from summarizer_assets.io_manager import last_written
from summarizer_assets.quality.names import BLOCKING, MEANINGS, OF_BUCKET


def bucket_specs(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetCheckSpec]:
    """The checks that a run of `author_summaries` makes of its bucket."""
    return [
        dg.AssetCheckSpec(
            name,
            asset=asset,
            description=MEANINGS[name],
            blocking=name in BLOCKING,
            partitions_def=partitions,
        )
        for asset, name in OF_BUCKET
    ]


def evaluated(
    instance: dg.DagsterInstance, bucket: str, verdicts: Iterable[tuple[str, str, Verdict]], *, ours: bool
) -> Iterator[dg.AssetCheckEvaluation]:
    """The verdicts on a bucket whose tables are written.

    `ours`: nobody else could change the bucket meanwhile. Else another run may stand between its two commits, and what
    is seen is worth a look, and no reason to fail.
    """
    written = {asset: last_written(instance, asset, bucket) for asset, _ in OF_BUCKET}
    for asset, name, verdict in verdicts:
        yield dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(asset),
            check_name=name,
            passed=verdict.holds,
            severity=severity(verdict) if ours else dg.AssetCheckSeverity.WARN,
            description=verdict.text,
            metadata=dict(verdict.facts),
            blocking=ours and name in BLOCKING,
            partition=bucket,
            target_materialization_data=written[asset],
        )


def result(asset: str, name: str, verdict: Verdict) -> dg.AssetCheckResult:
    """Of a check without partitions."""
    return dg.AssetCheckResult(
        passed=verdict.holds,
        asset_key=asset,
        check_name=name,
        severity=severity(verdict),
        description=verdict.text,
        metadata=dict(verdict.facts),
    )


def severity(verdict: Verdict) -> dg.AssetCheckSeverity:
    """ERROR where rows are wrong; WARN where a run mends it, or a person has to look."""
    return dg.AssetCheckSeverity.ERROR if verdict.wrong else dg.AssetCheckSeverity.WARN
