"""Two instances in one code location, beside a project that has the plain names already: each works, and alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from summarizer_assets.definitions import build_defs, standalone
from summarizer_assets.installation import Summarizer
from summarizer_assets.jobs import INGEST, SUMMARIZE
from summarizer_assets.names import Names
from summarizer_assets.rebuild_status import rebuild
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.sensors.build import SENSORS
from summarizer_assets.settings import Settings, load_settings
from summarizer_assets.settings.errors import SettingsError
from testing.installation import write_authors
from testing.provider import answer, serving

AUTHORS = 12
#: `teams` gave its assets other keys, too.
KEYS = {
    "people": {name: f"people/{name}" for name in ("authors", "author_summaries", "failed_authors")},
    "teams": {
        "authors": "crm/teams/members",
        "author_summaries": "crm/teams/texts",
        "failed_authors": "crm/teams/failed_authors",
    },
}
OTHER_NAMES = {"authors": "members", "author_summaries": "texts"}


@dg.asset(io_manager_key="delta")
def authors() -> str:
    return "the project's own"


@dg.asset
def read_by(authors: str, summarizer: dg.ResourceParam[str]) -> None:
    assert (authors, summarizer) == ("the project's own", "the project's own, too")


PROJECT = dg.Definitions(
    assets=[authors, read_by],
    resources={"summarizer": "the project's own, too", "delta": dg.mem_io_manager},
    loggers={"console": dg.colored_console_logger},
    executor=dg.multiprocess_executor,
)


def in_crm(spec: dg.AssetSpec) -> dg.AssetSpec:
    name = spec.key.path[-1]
    return spec.replace_attributes(
        key=["crm", "teams", OTHER_NAMES.get(name, name)],
        group_name="crm",
        owners=["team:crm"],
        tags={"tier": "gold"},
        automation_condition=dg.AutomationCondition.eager() if name == "authors" else None,
    )


@dataclass
class Side:
    """One of the instances: `run` executes a job, `tick` evaluates a sensor, both by their plain names."""

    prefix: str
    defs: dg.Definitions
    instance: dg.DagsterInstance
    settings: Settings

    @property
    def summarizer(self) -> Summarizer:
        return Summarizer(self.settings)

    @property
    def names(self) -> Names:
        keys = {plain: dg.AssetKey.from_user_string(key) for plain, key in KEYS[self.prefix].items()}
        return Names(self.prefix, keys)

    def run(self, job: str, bucket: str | None = None, **more: Any) -> dg.ExecuteInProcessResult:
        ends = {f"dagster/asset_partition_range_{end}": "0000" for end in ("start", "end")}
        return self.defs.resolve_job_def(f"{self.prefix}_{job}").execute_in_process(
            instance=self.instance,
            partition_key=bucket,
            raise_on_error=False,
            **{"tags": {} if bucket else ends, **more},
        )

    def tick(self, sensor: str) -> Sequence[dg.RunRequest]:
        resources = {f"{self.prefix}_summarizer": self.summarizer}
        with dg.build_sensor_context(instance=self.instance, definitions=self.defs, resources=resources) as context:
            found: Any = self.defs.resolve_sensor_def(f"{self.prefix}_{sensor}")(context)
        return list(found.run_requests or []) if isinstance(found, dg.SensorResult) else []

    def counts(self) -> tuple[int, int]:
        tables = self.summarizer.tables
        return tuple(sum(table.rows_by_bucket().values()) for table in (tables.summaries, tables.failures))

    def status(self, asset: str) -> str:
        key = dg.AssetKey.from_user_string(KEYS[self.prefix][asset])
        found = self.instance.get_status_by_partition(key, ["0000"], dg.StaticPartitionsDefinition(["0000"]))
        status = (found or {}).get("0000")
        return "MISSING" if status is None else status.value


@pytest.fixture(scope="module")
def provider() -> FaultyProvider:
    return FaultyProvider(answer)


@pytest.fixture(scope="module")
def sides(tmp_path_factory, provider) -> Iterator[dict[str, Side]]:
    folder = tmp_path_factory.mktemp("project")
    source = write_authors(folder / "authors.parquet", AUTHORS)
    with serving(provider) as url, dg.DagsterInstance.ephemeral(str(folder)) as instance:
        settings = {
            prefix: load_settings(
                None,
                source=str(source),
                root=str(folder / prefix),
                buckets=1,
                llm_base_url=url,
                llm_model="test-model",
                retry_after_s=0,
            )
            for prefix in KEYS
        }
        defs = dg.Definitions.merge(
            PROJECT,
            build_defs(settings["people"], prefix="people"),
            build_defs(settings["teams"], prefix="teams", get_asset_spec=in_crm, sensors=SENSORS[:2]),
        )
        dg.Definitions.validate_loadable(defs)
        yield {prefix: Side(prefix, defs, instance, settings[prefix]) for prefix in KEYS}


def test_each_instance_reads_asks_and_retries_by_itself(sides, provider):
    for prefix, side in sides.items():
        assert side.run(INGEST).success
        provider.use(Plan(rules=(Rule("content_filter", authors=("3",)), Rule("empty_summary", authors=("5",)))))
        assert side.run(SUMMARIZE, "0000").success
        provider.heal()
        summaries, failures = side.counts()
        assert summaries + failures == AUTHORS
        assert failures, "a provider that fails leaves failures"
        assert side.status("author_summaries") == side.status("failed_authors") == "MATERIALIZED"
        [request] = side.tick("retry_failed_authors")
        assert request.partition_key == "0000"
        assert side.run(SUMMARIZE, "0000", tags=dict(request.tags), run_config=request.run_config).success
        assert side.counts()[1] < failures
        assert prefix in str(side.summarizer.root.place)


def test_a_retry_goes_on_with_what_a_person_chose(sides):
    side = sides["people"]
    chosen = {"people__author_summaries": {"config": {"spend": True, "resummarize": {"older_than_days": 0}}}}
    job = side.defs.resolve_job_def(f"people_{SUMMARIZE}")
    made = side.instance.create_run_for_job(
        job,
        run_config={"ops": chosen},
        tags={"dagster/partition": "0000", "summarizer/root": side.summarizer.root.mark},
    )
    side.instance.report_run_failed(made, "could not be launched")
    [request] = side.tick("retry_failed_authors")
    assert request.run_config["ops"]["people__author_summaries"]["config"]["spend"] is True
    assert side.run(SUMMARIZE, "0000", tags=dict(request.tags), run_config=request.run_config).success
    assert side.tick("retry_failed_authors") == []


def test_what_an_instance_reports_stands_on_its_own_assets(sides):
    for prefix, side in sides.items():
        for plain, key in KEYS[prefix].items():
            event = side.instance.get_latest_materialization_event(dg.AssetKey.from_user_string(key))
            assert event is not None, key
            metadata = event.asset_materialization.metadata
            assert metadata["root"].value == side.summarizer.root.place
            assert metadata["dagster/table_name"].value == plain
    assert sides["people"].instance.get_latest_materialization_event(dg.AssetKey("authors")) is None


def test_the_checks_are_those_of_the_instances_own_assets(sides):
    for prefix, side in sides.items():
        graph = side.defs.resolve_asset_graph()
        for key in (dg.AssetKey.from_user_string(key) for key in KEYS[prefix].values()):
            checks = graph.get_check_keys_for_assets({key})
            assert checks
            told = side.instance.event_log_storage.get_latest_asset_check_execution_by_key(sorted(checks))
            assert told.keys() == checks
    assert side.defs.resolve_asset_graph().get_check_keys_for_assets({dg.AssetKey("authors")}) == set()


def test_the_other_jobs_run_too(sides):
    for side in sides.values():
        for job in ("maintain_tables", "check_tables", "estimate_spend", "calibrate_group_size", "report"):
            assert side.run(job, tags={}).success, job


def test_a_lost_storage_is_rebuilt_under_the_instances_own_keys(sides, tmp_path):
    with dg.DagsterInstance.ephemeral(str(tmp_path)) as empty:
        for prefix, side in sides.items():
            found = rebuild(side.summarizer, empty, side.names)
            assert found.reported == {"authors": 1, "author_summaries": 1, "failed_authors": 1}
            assert Side(prefix, side.defs, empty, side.settings).status("author_summaries") == "MATERIALIZED"


def test_the_project_keeps_its_executor_its_logger_and_what_it_calls_as_we_do(sides):
    defs = sides["people"].defs
    assert defs.executor is PROJECT.executor
    assert defs.loggers == PROJECT.loggers
    run = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        asset_selection=[dg.AssetKey("authors"), dg.AssetKey("read_by")]
    )
    assert run.success


def test_every_name_but_the_projects_own_has_a_prefix(sides):
    repository = sides["people"].defs.get_repository_def()
    kinds = (repository.job_names, [s.name for s in repository.sensor_defs], [s.name for s in repository.schedule_defs])
    ours = [name for names in kinds for name in names if not name.startswith(("__", "default_"))]
    assert ours
    assert [name for name in ours if not name.startswith(("people_", "teams_"))] == []
    graph = repository.asset_graph
    assert {key.to_user_string() for key in graph.get_all_asset_keys() if len(key.path) == 1} == {"authors", "read_by"}
    assert graph.get(dg.AssetKey(["people", "author_summaries"])).pools == {"people"}


def test_a_project_says_how_its_assets_look_and_which_sensors_there_are(sides):
    graph = sides["teams"].defs.resolve_asset_graph()
    node = graph.get(dg.AssetKey(["crm", "teams", "members"]))
    assert (node.group_name, node.owners, node.tags["tier"]) == ("crm", ["team:crm"], "gold")
    assert node.automation_condition is not None
    texts = graph.get(dg.AssetKey(["crm", "teams", "texts"]))
    assert node.key in texts.parent_keys, "what was called otherwise is still upstream"
    assert graph.get(dg.AssetKey(["people", "authors"])).group_name == "people_summaries"
    sensors = {sensor.name for sensor in sides["teams"].defs.sensors}
    assert {name for name in sensors if name.startswith("teams_")} == {f"teams_{name}" for name in SENSORS[:2]}


def test_without_a_prefix_nothing_is_called_otherwise():
    repository = standalone(load_settings(None)).get_repository_def()
    assert {"ingest_authors", "summarize_bucket", "prune_run_history"} <= set(repository.job_names)
    assert set(SENSORS) == {sensor.name for sensor in repository.sensor_defs}
    summaries = repository.asset_graph.get(dg.AssetKey("author_summaries"))
    assert (summaries.group_name, summaries.pools) == ("summaries", set())


@pytest.mark.parametrize("prefix", ["my people", "9lives", "a/b"])
def test_a_prefix_that_dagster_would_refuse_is_refused_by_name(prefix):
    with pytest.raises(SettingsError, match="allowed"):
        build_defs(load_settings(None), prefix=prefix)


def test_a_sensor_that_there_is_not_is_refused_by_name():
    with pytest.raises(SettingsError, match="there is no sensor retry"):
        build_defs(load_settings(None), sensors=["retry"])


# A source that is an asset of the project.


def source_told(*places: Path) -> dg.AssetsDefinition:
    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["may", "june"]) if len(places) > 1 else None)
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        place = places[context.has_partition_key and context.partition_key == "june"]
        return dg.MaterializeResult(metadata={"dagster/uri": str(place)})

    return raw


def ingested_from(raw: dg.AssetsDefinition, mapping: dg.PartitionMapping | None, root: Path) -> tuple[int, str]:
    """The number of authors, and why the ingest failed."""
    settings = load_settings(None, root=str(root), buckets=2)
    upstream = dg.AssetDep(raw, partition_mapping=mapping)
    defs = dg.Definitions.merge(dg.Definitions(assets=[raw]), build_defs(settings, prefix="people", upstream=upstream))
    assert "people_reingest_changed_source" not in {sensor.name for sensor in defs.sensors}
    with dg.DagsterInstance.ephemeral(str(root.parent)) as instance:
        for key in raw.partitions_def.get_partition_keys() if raw.partitions_def else [None]:
            assert dg.materialize([raw], instance=instance, partition_key=key).success
        run = defs.resolve_job_def("people_ingest_authors").execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags={"dagster/asset_partition_range_start": "0000", "dagster/asset_partition_range_end": "0001"},
        )
        failures = [event for event in run.all_events if event.is_step_failure]
        why = failures[0].step_failure_data.user_failure_data.description if failures else ""
    return sum(Summarizer(settings).tables.authors.rows_by_bucket().values()), why


def test_the_source_is_where_the_upstream_asset_says_that_its_table_lies(tmp_path):
    table = write_authors(tmp_path / "authors.parquet", 7)
    assert ingested_from(source_told(table), None, tmp_path / "root") == (7, "")


def test_of_a_partitioned_asset_the_mapping_says_which_partition_is_the_source(tmp_path):
    raw = source_told(write_authors(tmp_path / "may.parquet", 7), write_authors(tmp_path / "june.parquet", 9))
    assert ingested_from(raw, dg.LastPartitionMapping(), tmp_path / "root") == (9, "")


def test_partitions_in_several_places_are_refused_with_the_way_out(tmp_path):
    raw = source_told(write_authors(tmp_path / "may.parquet", 7), write_authors(tmp_path / "june.parquet", 9))
    count, why = ingested_from(raw, None, tmp_path / "root")
    assert count == 0
    assert "lie in 2 places" in why
    assert "set `source`" in why


def test_of_a_source_that_is_an_asset_the_number_of_buckets_is_given():
    with pytest.raises(SettingsError, match="SUMMARIZER_BUCKETS"):
        build_defs(load_settings(None), upstream=dg.AssetDep("raw"))


def test_an_upstream_asset_that_does_not_tell_where_its_table_lies_is_named(tmp_path):
    @dg.asset
    def raw() -> None: ...

    count, why = ingested_from(raw, None, tmp_path / "root")
    assert count == 0
    assert "asset raw does not tell" in why
