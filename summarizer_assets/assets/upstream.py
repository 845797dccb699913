"""Where the table of an upstream asset lies: for a source that is named as an asset instead of an address."""

from collections.abc import Iterator

import dagster as dg

from summarizer_assets.core.display_text import listed
from summarizer_assets.sources.errors import SourceError

#: Metadata of a materialisation that says where its table lies; the first that there is.
_PLACES = ("dagster/uri", "path")
_SHOWN = 3


def place_of(context: dg.AssetExecutionContext, upstream: dg.AssetDep) -> str:
    """The address of the upstream asset's table, as its last materialisation told it.

    Of a partitioned asset, the partitions are those that the partition mapping names.

    Raises:
        SourceError: none of them was materialised, one tells no address, or they tell several.
    """
    key = upstream.asset_key
    name = key.to_user_string()
    told = [_told(name, found) for found in _materialisations(context, key)]
    places = sorted(set(told))
    if not places:
        raise SourceError(
            f"the upstream asset {name} was not materialised yet, or none of the partitions that its mapping names: "
            "materialise it first"
        )
    if len(places) > 1:
        raise SourceError(
            f"the partitions of the upstream asset {name} lie in {len(places)} places "
            f"({listed(places, _SHOWN)}), and a source is one: set `source` to the folder or glob that holds them all, "
            "or give a partition mapping that names one, such as the last"
        )
    return places[0]


def _materialisations(context: dg.AssetExecutionContext, key: dg.AssetKey) -> Iterator[dg.AssetMaterialization]:
    layer = context.job_def.asset_layer
    if not layer.has(key) or layer.get(key).partitions_def is None:
        event = context.instance.get_latest_materialization_event(key)
        if event is not None and event.asset_materialization is not None:
            yield event.asset_materialization
        return
    [name] = [name for name, found in context.assets_def.keys_by_input_name.items() if found == key]
    for partition in context.asset_partition_keys_for_input(name):
        of_partition = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition])
        for record in context.instance.fetch_materializations(of_partition, limit=1).records:
            if record.asset_materialization is not None:
                yield record.asset_materialization


def _told(name: str, materialisation: dg.AssetMaterialization) -> str:
    for place in _PLACES:
        if place in materialisation.metadata:
            return str(materialisation.metadata[place].value)
    raise SourceError(
        f"the upstream asset {name} does not tell where its table lies: have it report the metadata `dagster/uri` (a "
        "path or an s3:// address) with each materialisation, or set `source` to that address"
    )
