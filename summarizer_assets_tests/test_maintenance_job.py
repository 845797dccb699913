"""The maintenance as Dagster runs it: in the graph, as a job, by a schedule that somebody turns on."""

from pathlib import Path

import dagster as dg

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.definitions import build_defs
from summarizer_assets.installation import Summarizer
from summarizer_assets.jobs import INGEST, MAINTAIN
from summarizer_assets.settings import load_settings


def test_the_job_tidies_the_tables_and_tells_what_it_did(tmp_path: Path) -> None:
    settings = load_settings(env_file=None, root=str(tmp_path / "data"), buckets=2)
    defs, keys = build_defs(settings), bucket_keys(2)
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
        assert defs.resolve_job_def(INGEST).execute_in_process(instance=instance, tags=tags).success
        before = Summarizer(settings).tables.authors.read().collect().sort("author_id")
        result = defs.resolve_job_def(MAINTAIN).execute_in_process(instance=instance)
    assert result.success
    metadata = result.asset_materializations_for_node("table_maintenance")[0].metadata
    assert metadata["files"].value == 3  # two buckets of authors, one file of rejected rows
    assert "`authors` | 2 → 2" in str(metadata["tables"].value)
    assert "rejected_source_rows" in str(metadata["tables"].value)
    assert Summarizer(settings).tables.authors.read().collect().sort("author_id").equals(before)


def test_the_schedule_launches_the_job_and_is_stopped_until_somebody_turns_it_on(tmp_path: Path) -> None:
    defs = build_defs(load_settings(env_file=None, root=str(tmp_path / "data")))
    schedule = defs.resolve_schedule_def("maintain_tables_nightly")
    assert schedule.job_name == MAINTAIN
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    with dg.build_schedule_context() as context:
        assert len(schedule.evaluate_tick(context).run_requests or []) == 1
