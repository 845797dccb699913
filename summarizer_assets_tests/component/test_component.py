"""The component as `dg` finds, scaffolds and loads it; the example project, run whole in this process."""

import os
import shutil
import subprocess
import sys
import tomllib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster.components.component_scaffolding import scaffold_object
from dagster.components.core.package_entry import DG_PLUGIN_ENTRY_POINT_GROUP, discover_package_objects

from testing.dagster_project import empty_project, loaded
from testing.documents import REPOSITORY

# Dagster's own, where it puts what a component made together.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `execution_type`")

TYPE = "summarizer_assets.SummariesComponent"
ENDS = {"dagster/asset_partition_range_start": "0000", "dagster/asset_partition_range_end": "0001"}


def test_it_is_registered_where_dg_looks_and_the_package_shows_it():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    modules = list(project["entry-points"][DG_PLUGIN_ENTRY_POINT_GROUP].values())
    assert {f"{key.namespace}.{key.name}" for key in discover_package_objects(modules)} == {TYPE}


def test_scaffolded_twice_two_instances_stand_side_by_side(tmp_path):
    folder = empty_project(tmp_path)
    for name in ("people", "teams"):
        scaffold_object(folder / name, TYPE, None, "yaml", tmp_path)
    roots = [
        yaml.safe_load((folder / name / "defs.yaml").read_text())["attributes"]["settings"]["root"]
        for name in ("people", "teams")
    ]
    assert roots[0] != roots[1]
    with loaded(tmp_path) as defs:
        keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
        assert {"people/author_summaries", "teams/author_summaries"} <= keys
        dg.Definitions.validate_loadable(defs)


def test_the_source_may_be_told_when_it_is_scaffolded(tmp_path):
    folder = empty_project(tmp_path) / "people"
    scaffold_object(folder, TYPE, '{"source": "s3://lake/people"}', "yaml", tmp_path)
    written = yaml.safe_load((folder / "defs.yaml").read_text())
    assert written["attributes"]["settings"]["source"] == "s3://lake/people"


def test_importing_it_reads_no_environment_and_makes_nothing(tmp_path):
    program = "from summarizer_assets import SummariesComponent, build_defs, Settings"
    environment = {**os.environ, "SUMMARIZER_BUCKETS": "no number", "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-B", "-c", program], cwd=tmp_path, env=environment, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def component(folder: Path, **attributes: object) -> Iterator[dg.Definitions]:
    """A project with one instance."""
    at = empty_project(folder) / "people"
    at.mkdir()
    settings = {"root": str(folder / "data"), "buckets": 1}
    given = {"type": TYPE, "attributes": {"prefix": "people", "settings": settings, **attributes}}
    (at / "defs.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")
    with loaded(folder) as defs:
        yield defs


def refusal(folder: Path, **attributes: object) -> str:
    """What Dagster shows when it cannot load such an instance."""
    with pytest.raises(Exception, match="people") as raised, component(folder, **attributes):
        pass
    return "".join(traceback.format_exception(raised.value))


def test_a_setting_that_there_is_not_is_named(tmp_path):
    assert "unknown setting roof" in refusal(tmp_path, settings={"roof": "red"})


def test_a_partition_mapping_is_a_template_variable(tmp_path):
    upstream = {"key": "raw/people", "partition_mapping": "{{ last_partition }}"}
    with component(tmp_path, upstream=upstream) as defs:
        authors = next(one for one in defs.assets or [] if dg.AssetKey(["people", "authors"]) in one.keys)
    [dep] = next(iter(authors.specs)).deps
    assert dep.asset_key == dg.AssetKey(["raw", "people"])
    assert isinstance(dep.partition_mapping, dg.LastPartitionMapping)


def test_another_text_is_no_partition_mapping(tmp_path):
    upstream = {"key": "raw", "partition_mapping": "the last"}
    assert "'the last' is no partition mapping" in refusal(tmp_path, upstream=upstream)


def test_translation_knows_the_plain_name_of_each_asset(tmp_path):
    translation = {"key": "crm/{{ name }}_of_people", "group_name": "crm", "tags": {"tier": "gold"}}
    with component(tmp_path, translation=translation) as defs:
        node = defs.resolve_asset_graph().get(dg.AssetKey(["crm", "failed_authors_of_people"]))
    assert (node.group_name, node.tags["tier"]) == ("crm", "gold")


def test_the_example_project_runs_with_its_own_authors_beside_two_instances(tmp_path):
    project = tmp_path / "catalogue"
    shutil.copytree(REPOSITORY / "examples" / "catalogue", project)
    with loaded(project, "catalogue") as defs, dg.DagsterInstance.ephemeral(str(tmp_path)) as instance:
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
