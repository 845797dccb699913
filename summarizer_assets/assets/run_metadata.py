"""Access to the metadata that a run reported about an asset, with its materialisation or an observation."""

from typing import Any

import dagster as dg

from summarizer_assets.fact_metadata import from_metadata

_TELLING = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION}


def told(instance: dg.DagsterInstance, run_id: str, asset: str) -> dict[str, Any]:
    """The run's last metadata of the asset, as `from_metadata` reads it; empty if it reported none."""
    found: dict[str, Any] = {}
    for entry in instance.all_logs(run_id, of_type=_TELLING):
        event = entry.dagster_event
        if event is None or event.asset_key != dg.AssetKey(asset):
            continue
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            metadata = event.step_materialization_data.materialization.metadata
        else:
            metadata = event.asset_observation_data.asset_observation.metadata
        found = from_metadata(metadata)
    return found
