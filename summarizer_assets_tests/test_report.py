"""The report as people get it: the asset, its job and schedule in Dagster, and the command without."""

import json
import re
import webbrowser
from pathlib import Path

import dagster as dg
import pytest

from summarizer_assets.definitions import build_defs
from summarizer_assets.jobs import REPORT
from summarizer_assets.settings import PREFIX
from summarizer_assets_tests.report.tables import KEY, Root
from testing.command_line import run_command


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    root = Root(tmp_path_factory.mktemp("report"))
    root.authors({"author_id": f"p{number}"} for number in range(6))
    root.summaries({"author_id": f"p{number}"} for number in range(3))
    root.failures({"author_id": f"p{number}", "detail": f"no <b>answer</b> {number}"} for number in range(3, 5))
    return root


@pytest.fixture(scope="module")
def defs(root: Root) -> dg.Definitions:
    return build_defs(root.summarizer.settings)


def test_the_asset_shows_the_numbers_and_writes_the_page(root: Root, defs: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def(REPORT).execute_in_process(instance=instance)
    [made] = result.asset_materializations_for_node("summary_report")
    shown = {name: value.value for name, value in made.metadata.items()}
    page = Path(shown["page"])
    assert page == Path(root.summarizer.settings.root) / "report.html"
    assert (shown["authors"], shown["summaries"], shown["failed"], shown["pending"]) == (6, 3, 2, 1)
    assert isinstance(made.metadata["page"], dg.PathMetadataValue)
    for name in ("how_it_stands", "next", "failures", "charts", "summaries_to_read"):
        assert isinstance(made.metadata[name], dg.MarkdownMetadataValue)
    assert "1 author still to be asked, 2 failed" in shown["how_it_stands"]
    assert "1 author still to be asked, 2 failed" in page.read_text(encoding="utf-8")
    assert KEY not in str(shown)
    worst = shown["worst_failures"].splitlines()
    assert len(worst) == 2
    for number in (3, 4):
        (line,) = [line for line in worst if f"p{number} Nobody p{number}" in line]
        assert rf"no \<b\>answer\<\/b\> {number}" in line
        assert re.match(r"- \[(\d{4})\]\(/assets/failed_authors\?view=partitions&partition=\1\) \*\*", line)


def test_the_launchpad_can_leave_the_comparison_out(defs: dg.Definitions) -> None:
    config = {"ops": {"summary_report": {"config": {"compare": False}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def(REPORT).execute_in_process(instance=instance, run_config=config)
    [made] = result.asset_materializations_for_node("summary_report")
    assert "outdated" not in made.metadata


def test_the_schedule_launches_the_job_and_is_stopped_until_somebody_turns_it_on(defs: dg.Definitions) -> None:
    schedule = defs.resolve_schedule_def("report_daily")
    assert schedule.job_name == REPORT
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    with dg.build_schedule_context() as context:
        assert len(schedule.evaluate_tick(context).run_requests or []) == 1


def test_the_command_prints_what_to_do_and_the_place_of_the_page(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(PREFIX + "ROOT", root.summarizer.settings.root)
    monkeypatch.setenv(PREFIX + "BUCKETS", "2")
    assert run_command("report") == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "1 author still to be asked, 2 failed"
    assert any(line.startswith("  2 authors failed and are due") for line in printed)
    assert printed[-1] == f"{root.summarizer.settings.root}/report.html"
    assert run_command("report", "--no-compare", "--copy", str(tmp_path / "elsewhere" / "page.html")) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "elsewhere" / "page.html")
    assert (tmp_path / "elsewhere" / "page.html").read_bytes().startswith(b"<!doctype html>")
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(opened.append(url)) or True)
    assert run_command("report", "--open", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["authors"], told["failed"], told["pending"]) == (6, 2, 1)
    assert opened == [f"file://{told['page']}"]


def test_the_command_tells_why_it_cannot_read(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(PREFIX + "ROOT", root.summarizer.settings.root)
    monkeypatch.setenv(PREFIX + "BUCKETS", "3")
    assert run_command("report") == 2
    assert "SUMMARIZER_BUCKETS=2" in capsys.readouterr().err
