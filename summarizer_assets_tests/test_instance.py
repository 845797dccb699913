"""The Dagster instance of a root: what it is set to, and that nobody's changes to it are lost."""

import shutil
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.errors import DagsterInvalidConfigError

from summarizer_assets.cli import dagster_home
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings

REPOSITORY = Path(__file__).parents[1]
OURS = "dagster.yaml"
PACKAGED = REPOSITORY / "summarizer_assets" / OURS


def test_the_instance_loads_with_what_its_file_says(tmp_path):
    shutil.copy(PACKAGED, tmp_path)
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
    text = (PACKAGED).read_text(encoding="utf-8")
    (tmp_path / OURS).write_text(text.replace("max_concurrent_runs", "max_concurent_runs"), encoding="utf-8")
    with pytest.raises(DagsterInvalidConfigError, match="max_concurent_runs"):
        dg.DagsterInstance.from_config(str(tmp_path))


@pytest.fixture
def summarizer(tmp_path, monkeypatch) -> Summarizer:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return Summarizer(load_settings(None, root=str(tmp_path / "data")))


def home_of(summarizer: Summarizer, monkeypatch) -> Path:
    """As the next command finds it."""
    monkeypatch.setenv("DAGSTER_HOME", "")
    return dagster_home.dagster_home(summarizer)


def release(monkeypatch, folder: Path, text: str) -> None:
    """A newer version of the package brings another file."""
    (folder / "package").mkdir(exist_ok=True)
    (folder / "package" / OURS).write_text(text, encoding="utf-8")
    monkeypatch.setattr(dagster_home, "files", lambda _: folder / "package")


def test_each_root_has_a_history_of_its_own_and_an_upgrade_renews_its_file(summarizer, tmp_path, monkeypatch):
    home = home_of(summarizer, monkeypatch)
    assert home == tmp_path / "data" / "dagster"
    assert (home / OURS).read_text(encoding="utf-8") == PACKAGED.read_text(encoding="utf-8")
    release(monkeypatch, tmp_path, "nux: {enabled: false}\n")
    home_of(summarizer, monkeypatch)
    assert (home / OURS).read_text(encoding="utf-8") == "nux: {enabled: false}\n"


def test_a_file_that_somebody_changed_stays_and_it_is_said_once_what_to_compare(
    summarizer, tmp_path, monkeypatch, capsys
):
    theirs = home_of(summarizer, monkeypatch) / OURS
    theirs.write_text("concurrency: {runs: {max_concurrent_runs: 7}}\n", encoding="utf-8")
    for version in ("nux: {enabled: false}\n", "nux: {enabled: true}\n"):
        release(monkeypatch, tmp_path, version)
        for said in (f"{theirs} has changes of its own and stays; compare it with ", ""):
            home_of(summarizer, monkeypatch)
            told = capsys.readouterr().err
            assert told.startswith(said)
            assert bool(told) == bool(said)
        assert theirs.read_text(encoding="utf-8") == "concurrency: {runs: {max_concurrent_runs: 7}}\n"


def test_a_history_of_an_older_version_is_not_passed_over_in_silence(summarizer, tmp_path, monkeypatch, capsys):
    (tmp_path / ".dagster").mkdir()
    shutil.copy(PACKAGED, tmp_path / ".dagster")
    home_of(summarizer, monkeypatch)
    assert f"mv .dagster {tmp_path}/data/dagster" in capsys.readouterr().err
    home_of(summarizer, monkeypatch)
    assert not capsys.readouterr().err


def test_a_history_that_somebody_named_is_used_and_left_alone(summarizer, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert dagster_home.dagster_home(summarizer) == tmp_path
    assert {path.name for path in tmp_path.iterdir()} == {"data"}
    assert not list((tmp_path / "data").iterdir())
