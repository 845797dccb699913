"""What every launchpad opens with can be launched as it stands."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.execution.api import create_execution_plan
from dagster._core.snap.snap_to_yaml import default_values_yaml_from_type_snap

from summarizer_assets.definitions import build_defs
from summarizer_assets.settings import load_settings


@pytest.fixture(scope="module", params=["folder", "object store"])
def repository(request, tmp_path_factory) -> dg.RepositoryDefinition:
    root = tmp_path_factory.mktemp("launchpads")
    at = str(root) if request.param == "folder" else "s3://tables/here"
    # Without a number of buckets the store, of which nobody is there, would be asked for it.
    given = load_settings(None, root=at, state=str(root / "state.sqlite"), buckets=2)
    return build_defs(given).get_repository_def()


def launchpads(repository: dg.RepositoryDefinition) -> Iterator[tuple[str, dg.JobDefinition]]:
    """That of each job, and that of each asset alone, which has those that are made with it."""
    for job in repository.get_all_jobs():
        if not job.name.startswith("__"):
            yield job.name, job
    everything = repository.get_implicit_global_asset_job_def()
    seen: set[frozenset[dg.AssetKey]] = set()
    for key in repository.asset_graph.materializable_asset_keys:
        together = frozenset(repository.asset_graph.get(key).execution_set_asset_keys)
        if together not in seen:
            seen.add(together)
            yield key.to_user_string(), everything.get_subset(asset_selection=together)


def opens_with(job: dg.JobDefinition) -> str:
    """What Dagster's UI writes into the launchpad of `job`."""
    snapshot = job.get_job_snapshot()
    schema = snapshot.config_schema_snapshot
    return default_values_yaml_from_type_snap(
        schema, schema.get_config_snap(snapshot.mode_def_snaps[0].root_config_key)
    )


def test_every_launchpad_opens_with_what_can_be_launched(repository: dg.RepositoryDefinition) -> None:
    opened = []
    for name, job in launchpads(repository):
        written = yaml.safe_load(opens_with(job))
        for config in (written, {}):
            dg.validate_run_config(job, config)
            create_execution_plan(job, config)  # what pressing Launch does first, and the validation does not
        opened.append(name)
    assert {"summarize_bucket", "ingest_authors", "authors", "summary_report"} <= set(opened)
    assert len(opened) >= 15


def test_where_the_tables_lie_is_no_choice_of_a_launchpad(repository: dg.RepositoryDefinition, tmp_path: Path) -> None:
    job = repository.get_job("ingest_authors")
    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.validate_run_config(job, {"resources": {"delta": {"config": {"root_uri": str(tmp_path)}}}})
