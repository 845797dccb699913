"""The source as an external asset, upstream of `authors`: nothing of ours writes it."""

import dagster as dg

from summarizer_assets.assets.table_metadata import TABLES
from summarizer_assets.installation import Summarizer

SOURCE = "source"


def build_source(summarizer: Summarizer) -> dg.AssetSpec:
    uri = summarizer.source
    return dg.AssetSpec(
        SOURCE,
        group_name=TABLES,
        kinds={"source"},
        metadata={"dagster/uri": uri},
        description=f"The authors as they come: `{uri}`, from SUMMARIZER_SOURCE. It is only read. The sensor "
        "`reingest_changed_source`, once it is turned on, ingests it when it changed.",
    )
