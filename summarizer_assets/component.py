"""The Dagster component `summarizer_assets.SummariesComponent`: one instance of the definitions by a `defs.yaml`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import dagster as dg
from dagster.components.component_scaffolding import scaffold_component
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import BaseModel, Field

from summarizer_assets.definitions import build_defs
from summarizer_assets.sensors.build import SENSORS
from summarizer_assets.settings import Settings, load_settings
from summarizer_assets.settings.errors import SettingsError

_ROOT = "{{ context.project_root }}/data"


class ScaffoldParams(BaseModel):
    """What `dg scaffold defs` may be told."""

    source: str | None = Field(
        default=None,
        description="The input: a Delta table, or Parquet, CSV, JSONL as file, folder or glob, local or `s3://`. Not "
        "given: the bundled sample of synthetic authors.",
    )


class SummariesScaffolder(dg.Scaffolder[ScaffoldParams]):
    """Writes a `defs.yaml` whose prefix, and the folder of whose tables, have the name of its own folder."""

    @classmethod
    def get_scaffold_params(cls) -> type[ScaffoldParams]:
        return ScaffoldParams

    def scaffold(self, request: dg.ScaffoldRequest[ScaffoldParams]) -> None:
        name = re.sub(r"\W", "_", request.target_path.name)
        source = request.params.source
        settings = {**({"source": source} if source else {}), "root": f"{_ROOT}/{name}"}
        scaffold_component(request, {"prefix": name, "settings": settings})


def _no_mapping(_: dg.ResolutionContext, given: str) -> dg.PartitionMapping:
    """Called for a text that is no template variable; a variable's value is taken as it is."""
    raise SettingsError(
        f"partition_mapping: {given!r} is no partition mapping; give a template variable that is one, as in "
        '"{{ last_partition }}" or "{{ all_partitions }}"'
    )


@dataclass
class Upstream(dg.Resolvable):
    """An asset of the project whose table is the source.

    Its materialisations tell where it lies, by the metadata `dagster/uri` or `path`, unless the settings name a source.
    `partition_mapping`: which of its partitions are the source, if it has any; all of them by default.
    """

    key: dg.ResolvedAssetKey
    partition_mapping: (
        Annotated[
            dg.PartitionMapping,
            dg.Resolver(_no_mapping, model_field_type=str),
        ]
        | None
    ) = None

    @property
    def dep(self) -> dg.AssetDep:
        return dg.AssetDep(self.key, partition_mapping=self.partition_mapping)


@dg.scaffold_with(SummariesScaffolder)
@dataclass
class SummariesComponent(dg.Component, dg.Resolvable):
    """An LLM-written summary of every author of a table, with what failed, what it cost and a report.

    Several instances stand side by side in one project: each has a prefix, and a folder for its tables.
    """

    prefix: Annotated[
        str,
        dg.Resolver.default(
            description="Stands before the name of each asset, job, sensor, schedule, resource and group.",
            examples=["people"],
        ),
    ]
    settings: Annotated[
        Mapping[str, Any],
        dg.Resolver.default(
            description="Settings, in small letters and without SUMMARIZER_. What is not here comes from the variable "
            "SUMMARIZER_… of the environment, else it has its default.",
            json_schema_extra={
                "properties": {
                    name: {"description": setting.description} for name, setting in Settings.model_fields.items()
                }
            },
        ),
    ] = field(default_factory=dict)
    upstream: Upstream | None = None
    sensors: Annotated[
        Sequence[str],
        dg.Resolver.default(
            description=f"Which of the sensors there are: {', '.join(SENSORS)}. Default: all.", examples=[[SENSORS[0]]]
        ),
    ] = SENSORS
    translation: (
        Annotated[
            TranslationFn[str],
            TranslationFnResolver[str](template_vars_for_translation_fn=lambda name: {"name": name}),
        ]
        | None
    ) = None

    @staticmethod
    @dg.template_var
    def last_partition() -> dg.PartitionMapping:
        return dg.LastPartitionMapping()

    @staticmethod
    @dg.template_var
    def all_partitions() -> dg.PartitionMapping:
        return dg.AllPartitionMapping()

    def get_asset_spec(self, spec: dg.AssetSpec) -> dg.AssetSpec:
        """The spec of an asset, as `translation` changes it; a subclass may change it otherwise."""
        return self.translation(spec, spec.key.path[-1]) if self.translation else spec

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:  # noqa: ARG002 - the base's signature
        return build_defs(
            load_settings(None, **self.settings),
            prefix=self.prefix,
            upstream=None if self.upstream is None else self.upstream.dep,
            get_asset_spec=self.get_asset_spec,
            sensors=self.sensors,
        )
