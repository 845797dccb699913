"""Jobs: what a person or a sensor launches beside materialising assets by hand."""

import dagster as dg

from summarizer_assets.assets.summaries import FAILURES, SUMMARIES


def summarize_job(partitions: dg.PartitionsDefinition[str]) -> dg.UnresolvedAssetJobDefinition:
    """One bucket's summaries and failures."""
    return dg.define_asset_job(
        "summarize_bucket",
        selection=dg.AssetSelection.assets(SUMMARIES, FAILURES),
        partitions_def=partitions,
        description="Asks the authors of one bucket that are pending, or failed and due.",
    )
