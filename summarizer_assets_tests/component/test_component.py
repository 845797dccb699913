"""The component as `dg` finds, scaffolds and loads it; the example project, run whole in this process."""

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster.components.component_scaffolding import scaffold_object
from dagster.components.core.package_entry import discover_package_objects

from summarizer_assets.component import SummariesComponent
from summarizer_assets.settings.errors import SettingsError
from testing.documents import REPOSITORY

TYPE = "summarizer_assets.SummariesComponent"
PROJECT_FILE = '[tool.dg]\ndirectory_type = "project"\n\n[tool.dg.project]\nroot_module = "elsewhere"\n'
ENDS = {"dagster/asset_partition_range_start": "0000", "dagster/asset_partition_range_end": "0001"}


@pytest.fixture
def project(tmp_path) -> Path:
    """An empty project, as `create-dagster project` makes it."""
    (tmp_path / "pyproject.toml").write_text(PROJECT_FILE, encoding="utf-8")
    defs = tmp_path / "src" / "elsewhere" / "defs"
    defs.mkdir(parents=True)
    return tmp_path


@pytest.fixture
def importable(monkeypatch) -> Iterator[pytest.MonkeyPatch]:
    before = set(sys.modules)
    yield monkeypatch
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in {"elsewhere", "catalogue"}:
            del sys.modules[name]


def loaded(project: Path, package: str, importable: pytest.MonkeyPatch) -> dg.Definitions:
    for name in ("", "defs"):
        (project / "src" / package / name / "__init__.py").touch()
    importable.syspath_prepend(str(project / "src"))
    importlib.invalidate_caches()
    return dg.load_from_defs_folder(path_within_project=project / "src" / package)


def test_it_is_registered_where_dg_looks_and_the_package_shows_it():
    [ours] = [entry for entry in entry_points(group="dagster_dg_cli.registry_modules") if entry.name == "summarizer"]
    assert ours.value == "summarizer_assets"
    assert {f"{key.namespace}.{key.name}" for key in discover_package_objects([ours.value])} == {TYPE}


def test_scaffolded_twice_two_instances_stand_side_by_side(project, importable):
    for name in ("people", "teams"):
        scaffold_object(project / "src" / "elsewhere" / "defs" / name, TYPE, None, "yaml", project)
    defs = loaded(project, "elsewhere", importable)
    roots = {
        name: yaml.safe_load((project / f"src/elsewhere/defs/{name}/defs.yaml").read_text())["attributes"]["settings"]
        for name in ("people", "teams")
    }
    assert roots["people"] != roots["teams"]
    keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert {"people/author_summaries", "teams/author_summaries"} <= keys
    dg.Definitions.validate_loadable(defs)


def test_the_source_may_be_told_when_it_is_scaffolded(project):
    folder = project / "src" / "elsewhere" / "defs" / "people"
    scaffold_object(folder, TYPE, '{"source": "s3://lake/people"}', "yaml", project)
    written = yaml.safe_load((folder / "defs.yaml").read_text())
    assert written["attributes"]["settings"]["source"] == "s3://lake/people"


def test_importing_it_reads_no_environment_and_makes_nothing(tmp_path):
    program = "from summarizer_assets import SummariesComponent, build_defs, Settings"
    environment = {**os.environ, "SUMMARIZER_BUCKETS": "no number", "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-B", "-c", program], cwd=tmp_path, env=environment, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []


def component(**attributes: object) -> dg.Definitions:
    made = SummariesComponent.from_attributes_dict(attributes={"prefix": "people", **attributes})
    return made.build_defs(dg.ComponentTree.for_test().load_context)


def test_a_setting_that_there_is_not_is_named(tmp_path):
    with pytest.raises(SettingsError, match="unknown setting roof"):
        component(settings={"roof": str(tmp_path)})


def test_a_partition_mapping_is_a_template_variable(tmp_path):
    upstream = {"key": "raw/people", "partition_mapping": "{{ last_partition }}"}
    defs = component(settings={"root": str(tmp_path)}, upstream=upstream)
    authors = next(asset for asset in defs.assets if dg.AssetKey(["people", "authors"]) in asset.keys)
    [dep] = next(iter(authors.specs)).deps
    assert dep.asset_key == dg.AssetKey(["raw", "people"])
    assert isinstance(dep.partition_mapping, dg.LastPartitionMapping)


def test_another_text_is_no_partition_mapping(tmp_path):
    with pytest.raises(Exception, match="is no partition mapping"):
        component(settings={"root": str(tmp_path)}, upstream={"key": "raw", "partition_mapping": "the last"})


def test_translation_knows_the_plain_name_of_each_asset(tmp_path):
    translation = {"key": "crm/{{ name }}_of_people", "group_name": "crm", "tags": {"tier": "gold"}}
    graph = component(settings={"root": str(tmp_path)}, translation=translation).resolve_asset_graph()
    node = graph.get(dg.AssetKey(["crm", "failed_authors_of_people"]))
    assert (node.group_name, node.tags["tier"]) == ("crm", "gold")


def test_the_example_project_runs_with_its_own_authors_beside_two_instances(tmp_path, importable):
    project = tmp_path / "catalogue"
    shutil.copytree(REPOSITORY / "examples" / "catalogue", project)
    defs = loaded(project, "catalogue", importable)
    with dg.DagsterInstance.ephemeral(str(tmp_path)) as instance:
        own = ["authors", "shelf_labels", "researchers"]
        whole = defs.resolve_implicit_global_asset_job_def()
        assert whole.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(name) for name in own]).success
        for prefix, buckets in (("people", 2), ("members", 1)):
            ends = {**ENDS, "dagster/asset_partition_range_end": f"000{buckets - 1}"}
            ingest = defs.resolve_job_def(f"{prefix}_ingest_authors")
            assert ingest.execute_in_process(instance=instance, tags=ends).success
            for bucket in range(buckets):
                summarize = defs.resolve_job_def(f"{prefix}_summarize_bucket")
                assert summarize.execute_in_process(instance=instance, partition_key=f"000{bucket}").success
        rows = {
            key.to_user_string(): _rows(instance, key)
            for key in (dg.AssetKey(["people", "author_summaries"]), dg.AssetKey(["members", "author_summaries"]))
        }
    assert rows == {"people/author_summaries": 30, "members/author_summaries": 5}


def _rows(instance: dg.DagsterInstance, key: dg.AssetKey) -> int:
    found = {}
    for record in instance.fetch_materializations(key, limit=100).records:
        event = record.asset_materialization
        found.setdefault(record.partition_key, int(event.metadata["dagster/partition_row_count"].value))
    return sum(found.values())
