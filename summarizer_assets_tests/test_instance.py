"""The Dagster instance of `make demo` and `make ui`: what it is set to, and that nobody's changes to it are lost."""

import os
import shutil
import subprocess
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.errors import DagsterInvalidConfigError

REPOSITORY = Path(__file__).parents[1]
OURS = "dagster.yaml"
SHIPPED = Path("summarizer_assets") / OURS


def test_the_instance_loads_with_what_its_file_says(tmp_path):
    shutil.copy(REPOSITORY / SHIPPED, tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.run_monitoring_enabled
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 2
        assert instance.get_settings("retention")["sensor"] == {
            "purge_after_days": {"skipped": 2, "failure": 30, "success": 30}
        }


def test_a_misspelt_key_is_refused_by_its_name(tmp_path):
    text = (REPOSITORY / SHIPPED).read_text(encoding="utf-8")
    (tmp_path / OURS).write_text(text.replace("max_concurrent_runs", "max_concurent_runs"), encoding="utf-8")
    with pytest.raises(DagsterInvalidConfigError, match="max_concurent_runs"):
        dg.DagsterInstance.from_config(str(tmp_path))


@pytest.fixture
def checkout(tmp_path) -> Path:
    (tmp_path / "summarizer_assets").mkdir()
    for name in ("Makefile", SHIPPED):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    make(tmp_path)
    return tmp_path


def make(folder: Path) -> str:
    """The rule by which `make demo` and `make ui` bring the instance's file up to date."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "DAGSTER_"))}
    rule = ["make", str(folder / ".dagster" / OURS)]
    return subprocess.run(rule, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout


def release(folder: Path, text: str) -> None:
    """A newer version of the project brings another file."""
    (folder / SHIPPED).write_text(text, encoding="utf-8")
    later = (folder / ".dagster" / OURS).stat().st_mtime + 10
    os.utime(folder / SHIPPED, (later, later))


def test_an_upgrade_renews_the_instance_s_file(checkout):
    release(checkout, "nux: {enabled: false}\n")
    make(checkout)
    assert (checkout / ".dagster" / OURS).read_text(encoding="utf-8") == "nux: {enabled: false}\n"


def test_a_file_that_somebody_changed_stays_and_make_says_what_to_compare_once(checkout):
    theirs = checkout / ".dagster" / OURS
    theirs.write_text("concurrency: {runs: {max_concurrent_runs: 7}}\n", encoding="utf-8")
    for version in ("nux: {enabled: false}\n", "nux: {enabled: true}\n"):
        release(checkout, version)
        assert f"diff {SHIPPED} .dagster/" in make(checkout)
        future = (checkout / SHIPPED).stat().st_mtime + 1  # the release was dated ahead
        os.utime(theirs, (future, future))
        assert "diff" not in make(checkout)
        assert theirs.read_text(encoding="utf-8") == "concurrency: {runs: {max_concurrent_runs: 7}}\n"
