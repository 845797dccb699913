"""What Dagster's pages tell of an asset beside its own metadata: group, place, lineage of columns, freshness, code."""

import inspect
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

import dagster as dg

from summarizer_assets.assets.calibration import CALIBRATE
from summarizer_assets.assets.estimate import ESTIMATE
from summarizer_assets.assets.failure_redrive import FAILURE_REDRIVE
from summarizer_assets.assets.report import REPORT
from summarizer_assets.assets.table_metadata import PLANNING, TABLES, UPKEEP, lineage_metadata, place_metadata
from summarizer_assets.core import column_meanings
from summarizer_assets.installation import Summarizer
from summarizer_assets.names import Names
from summarizer_assets.quality.names import AUTHORS, FAILURES, SUMMARIES

_GROUPS: Final = {
    **dict.fromkeys((AUTHORS, SUMMARIES, FAILURES), TABLES),
    **dict.fromkeys((ESTIMATE, CALIBRATE, FAILURE_REDRIVE), PLANNING),
}
#: A month without an ingest or a report is a job that nobody looks at; a week of it is told.
_FRESH: Final = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=31), warn_window=timedelta(days=8))


def described(assets: Iterable[dg.AssetsDefinition], summarizer: Summarizer, names: Names) -> list[dg.AssetsDefinition]:
    """The same assets, with all that their pages show beside their own metadata."""
    tables, columns = summarizer.tables, summarizer.settings.columns
    of_source = {
        name: [columns.get(column, column) for column in made_of]
        for name, made_of in column_meanings.AUTHORS_FROM.items()
    }
    stored = {
        AUTHORS: (tables.authors, of_source),
        SUMMARIES: (tables.summaries, column_meanings.SUMMARIES_FROM),
        FAILURES: (tables.failures, column_meanings.FAILURES_FROM),
    }

    def one(spec: dg.AssetSpec, code: Mapping[str, Any]) -> dg.AssetSpec:
        name = names.plain(spec.key)
        more: dict[str, Any] = dict(code)
        if name in stored:
            table, made_of = stored[name]
            upstream = [dep.asset_key for dep in spec.deps]
            more |= place_metadata(table) | (lineage_metadata(made_of, upstream[0]) if upstream else {})
        return spec.replace_attributes(
            metadata={**spec.metadata, **more},
            group_name=names.of(_GROUPS.get(name, UPKEEP)),
            freshness_policy=_FRESH if name in (AUTHORS, REPORT) else None,
        )

    return [made.map_asset_specs(partial(one, code=_code(made))) for made in assets]


def _code(made: dg.AssetsDefinition) -> dict[str, Any]:
    """The place of the asset's function. Dagster's own helper sees the decorator `fails_plainly` instead."""
    function: Any = made.op.compute_fn
    code = inspect.unwrap(function.decorated_fn).__code__
    reference = dg.LocalFileCodeReference(file_path=code.co_filename, line_number=code.co_firstlineno)
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}
