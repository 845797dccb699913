"""Summaries of the members, by Python instead of YAML."""

from pathlib import Path

import dagster as dg

from summarizer_assets import Settings, build_defs

PROJECT = Path(__file__).parents[3]


def ours(spec: dg.AssetSpec) -> dg.AssetSpec:
    return spec.replace_attributes(owners=["team:catalogue"], group_name="members")


@dg.definitions
def members() -> dg.Definitions:
    settings = Settings(
        source=str(PROJECT / "members.csv"),
        columns={  # our name: the name in the file
            "author_id": "number",
            "author_name": "full_name",
            "primary_affiliation": "workplace",
            "title": "work",
            "citingsrcslocalcount": "cited",  # citations of the paper
        },
        root=str(PROJECT / "data" / "members"),
        buckets=1,
        words=30,
    )
    return build_defs(settings, prefix="members", get_asset_spec=ours)
