"""The source as an external asset, upstream of `authors`: nothing of ours writes it."""

import dagster as dg

from summarizer_assets.assets.table_metadata import TABLES
from summarizer_assets.installation import Summarizer
from summarizer_assets.names import Names

SOURCE = "source"


def build_source(summarizer: Summarizer, names: Names) -> dg.AssetSpec:
    uri = summarizer.source
    return dg.AssetSpec(
        names.asset(SOURCE),
        group_name=names.of(TABLES),
        kinds={"source"},
        metadata={"dagster/uri": uri},
        description=f"The authors as they come: `{uri}`, from SUMMARIZER_SOURCE. It is only read. The sensor "
        f"`{names.of('reingest_changed_source')}`, once it is turned on, ingests it when it changed.",
    )
