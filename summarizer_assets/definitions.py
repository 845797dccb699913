"""The Dagster definitions: assets, jobs, sensors, schedules and resources. Tests override resources here."""

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import dagster as dg

from summarizer_assets.assets.authors import build_authors
from summarizer_assets.assets.calibration import build_calibration
from summarizer_assets.assets.described import described
from summarizer_assets.assets.estimate import build_estimate
from summarizer_assets.assets.failure_redrive import build_failure_redrive
from summarizer_assets.assets.maintenance import build_maintenance
from summarizer_assets.assets.report import build_report
from summarizer_assets.assets.source import build_source
from summarizer_assets.assets.summaries import build_summaries
from summarizer_assets.assets.table_checks import build_table_checks
from summarizer_assets.checks import build_author_checks
from summarizer_assets.installation import Summarizer
from summarizer_assets.io_manager import build_io_manager
from summarizer_assets.jobs import INGEST, SUMMARIZE, build_jobs
from summarizer_assets.names import Names
from summarizer_assets.partitions import bucket_partitions
from summarizer_assets.quality.names import AUTHORS, FAILURES, SUMMARIES
from summarizer_assets.run_history import build_prune_schedule, prune_job
from summarizer_assets.schedules import build_schedules
from summarizer_assets.sensors.build import SENSORS, build_sensors
from summarizer_assets.sensors.source import SOURCE_SENSOR
from summarizer_assets.settings import Settings, load_settings
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.settings_page import shown_resource

#: Changes the spec of an asset: its key, group, owners, tags, deps, automation condition.
Translation = Callable[[dg.AssetSpec], dg.AssetSpec]
Asset = dg.AssetsDefinition | dg.AssetSpec


def build_defs(
    settings: Settings | None = None,
    *,
    prefix: str = "",
    upstream: dg.AssetDep | None = None,
    get_asset_spec: Translation | None = None,
    sensors: Collection[str] = SENSORS,
    overrides: Mapping[str, Any] | None = None,
) -> dg.Definitions:
    """The definitions of one instance, for a Dagster project of any kind: they bring no executor and no logger.

    Args:
        settings: None reads them from the environment.
        prefix: stands before the name of each asset, job, sensor, schedule, resource and group, as in
            `people/authors` and `people_summarize_bucket`, and names the pool of the runs that ask the provider.
            Without it the names are plain, and there is no pool.
        upstream: the asset whose table is the source. Where `settings.source` is set, that address is read; else the
            one that the asset's last materialisation tells, by its metadata `dagster/uri` or `path`, and Dagster's
            automation conditions take the place of the sensor `reingest_changed_source`.
        get_asset_spec: changes each asset's spec.
        sensors: plain names of the sensors that are built.
        overrides: replace the resources `summarizer` and `delta`, by these plain names.

    Raises:
        SettingsError: a setting, the prefix or the name of a sensor is invalid.
    """
    settings = settings or load_settings()
    summarizer = Summarizer(settings)
    told = upstream is not None and settings.source is None
    if told and settings.buckets is None:
        raise SettingsError(
            "SUMMARIZER_BUCKETS: the source is an asset, whose size nobody knows before it is materialised: set it, as "
            "in `buckets: 1` for up to 20,000 authors, 256 for 20 million"
        )
    names, assets = _assets(summarizer, Names(prefix), upstream, get_asset_spec)
    resources = {"summarizer": shown_resource(summarizer), "delta": io_manager(summarizer, names), **(overrides or {})}
    return dg.Definitions(
        assets=assets,
        asset_checks=[build_author_checks(names)],
        jobs=build_jobs(names),
        schedules=build_schedules(names),
        sensors=build_sensors(
            summarizer,
            names,
            ingest=INGEST,
            summarize=SUMMARIZE,
            wanted=[name for name in sensors if not (told and name == SOURCE_SENSOR)],
        ),
        resources={names.of(key): resource for key, resource in resources.items()},
    )


def standalone(settings: Settings | None = None) -> dg.Definitions:
    """The definitions of a Dagster instance of its own: with what concerns the whole instance."""
    whole = dg.Definitions(
        jobs=[prune_job()],
        schedules=[build_prune_schedule()],
        # One process per run: a separate process for the only step costs 3 CPU seconds more.
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(build_defs(settings), whole)


def _assets(
    summarizer: Summarizer, plain: Names, upstream: dg.AssetDep | None, get_asset_spec: Translation | None
) -> tuple[Names, Sequence[Asset]]:
    """The assets, and the names with the keys that `get_asset_spec` chose.

    Checks, jobs, sensors and the IO manager need these keys, too, and a built asset cannot change its own: so the
    assets are built once to be asked for them, and again with them.
    """
    built = _built(summarizer, plain, upstream)
    if get_asset_spec is None:
        return plain, built
    specs = [spec for made in built for spec in ([made] if isinstance(made, dg.AssetSpec) else made.specs)]
    names = Names(plain.prefix, {plain.plain(spec.key): get_asset_spec(spec).key for spec in specs})

    def translated(spec: dg.AssetSpec) -> dg.AssetSpec:
        as_it_was = spec.replace_attributes(key=plain.asset(names.plain(spec.key)))
        return get_asset_spec(as_it_was).replace_attributes(key=spec.key)

    return names, dg.map_asset_specs(translated, _built(summarizer, names, upstream))


def _built(summarizer: Summarizer, names: Names, upstream: dg.AssetDep | None) -> list[Asset]:
    partitions = bucket_partitions(summarizer.buckets)
    with warnings.catch_warnings():
        # The single pass over the source for many buckets needs it, and dagster is pinned; a user could not change it.
        warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)
        warnings.filterwarnings("ignore", "Specifying a partitions_def on an AssetCheckSpec", dg.PreviewWarning)
        warnings.filterwarnings("ignore", ".*CodeReference", dg.BetaWarning)
        source = [] if upstream else [build_source(summarizer, names)]
        read = _of_all_partitions(upstream) if upstream else dg.AssetDep(source[0].key)
        assets = [
            build_authors(partitions, names, read, told=upstream is not None and summarizer.settings.source is None),
            build_estimate(names),
            build_calibration(names),
            build_failure_redrive(names),
            build_summaries(partitions, summarizer.identity.prompt_version, names),
            build_maintenance(names),
            build_table_checks(names),
            build_report(names),
        ]
        return [*source, *described(assets, summarizer, names)]


def _of_all_partitions(upstream: dg.AssetDep) -> dg.AssetDep:
    """The same, where it says nothing else: by Dagster's own default a bucket needs a partition of its own name."""
    if upstream.partition_mapping is not None:
        return upstream
    return dg.AssetDep(upstream.asset_key, partition_mapping=dg.AllPartitionMapping())


def io_manager(summarizer: Summarizer, names: Names) -> dg.IOManagerDefinition:
    """The IO manager over the installation's tables. Credentials for `s3://` come from the usual AWS variables."""
    tables = summarizer.tables
    by_name = {AUTHORS: tables.authors, SUMMARIES: tables.summaries, FAILURES: tables.failures}
    return build_io_manager({names.asset(name): table for name, table in by_name.items()}, summarizer.settings.root)


@dg.definitions
def defs() -> dg.Definitions:
    return standalone()
