"""Where there are no tables a command says so, writes nothing, ends with status 2, and tells which root it means."""

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from summarizer_assets.cli.app import SECTIONS
from summarizer_assets.settings import PREFIX
from testing.command_line import run_command
from testing.installation import Installation, write_authors

TOOLS = Path(__file__).parents[1] / "tools"
COMMANDS = {
    "estimate": [[], ["--record"], ["--picture", "picture.svg"], ["--other-prompt-or-model"]],
    "report": [[], ["--copy", "report.html"], ["--no-compare"], ["--open"]],
    "calibrate": [[], ["--spend"], ["--picture", "picture.svg"]],
    "capacity": [[], ["--json"]],
    "spend": [[], ["--book-tables"], ["--release-uncertain"]],
    "jobs": [[], ["--disown"]],
    "root": [[], ["--new-id"], ["--here"]],
    "rebuild-status": [[], ["--all"]],
    "undo-ingest": [[], ["1f0c2a9e"]],
    "maintain": [[]],
    "author": [["1"]],
    "redrive": [["--reason", "ungrounded", "--yes"]],
    "resummarize": [["--other-prompt-or-model", "--yes"]],
}
#: Commands that make their tables, or know none.
OTHERS = {
    "demo": "makes them",
    "rehearse": "makes its own",
    "serve-faults": "serves",
    "ui": "serves",
    "init": "comes before them",
    "columns": "comes before them",
    "ping": "comes before them; what it spends makes the first",
    "run": "makes them",
    "status": "says that there are none, and how to make them",
}
CASES = [(name, arguments) for name, cases in COMMANDS.items() for arguments in cases]


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def nowhere(folder: Path) -> str:
    return str(folder / "data")


def empty(folder: Path) -> str:
    (folder / "data").mkdir()
    return str(folder / "data")


def with_other_things(folder: Path) -> str:
    (folder / "data" / "authors").mkdir(parents=True)
    (folder / "data" / "notes.txt").write_text("mine")
    return str(folder / "data")


def a_link_to_nowhere(folder: Path) -> str:
    (folder / "data").symlink_to(folder / "gone")
    return str(folder / "data")


def the_default(_: Path) -> str:
    return ""


PLACES = [nowhere, empty, with_other_things, a_link_to_nowhere, the_default]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    here, home, dagster_home = tmp_path / "here", tmp_path / "home", tmp_path / "dagster"
    for made in (here, home, dagster_home):
        made.mkdir()
    (dagster_home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DAGSTER_HOME", str(dagster_home))
    monkeypatch.chdir(here)
    return here


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_it_says_so_and_writes_nothing(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    arguments: list[str],
    place: Callable[[Path], str],
) -> None:
    root = place(folder)
    monkeypatch.setenv(PREFIX + "ROOT", root)
    before = files(folder)
    assert run_command(name, *arguments) == 2
    said = capsys.readouterr()
    resolved = os.path.realpath(root or "data")
    assert f"root: {resolved}\n" in said.err
    assert "no tables here" in said.out + said.err or "holds none yet: give --authors" in said.err
    assert resolved in said.out + said.err.replace(f"root: {resolved}\n", "")
    assert files(folder) == before
    assert files(folder.parent / "home") == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_program_is_told_so_in_json(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert run_command(name, *COMMANDS[name][0], "--root", "elsewhere", "--json") == 2
    said = capsys.readouterr()
    assert str(folder / "elsewhere") in said.err
    assert json.loads(said.out)["error"] in said.err


def test_every_command_is_here_or_has_a_reason() -> None:
    assert {name for section in SECTIONS.values() for name in section} == COMMANDS.keys() | OTHERS.keys()


def test_the_tool_that_carries_tables_over_says_so_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.setattr(sys, "argv", ["rebucket.py", "new", "--buckets", "3"])
    assert import_module("rebucket").main("new", 3) == 2
    assert "no tables here" in capsys.readouterr().err
    assert files(folder) == set()


def test_what_is_planned_beforehand_needs_no_tables_and_writes_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("capacity", "--authors", "20_000_000", "--json") == 0
    said = capsys.readouterr()
    assert said.out.startswith("{")
    assert "root: " in said.err
    assert files(folder) == set()


def test_a_run_of_summaries_without_authors_writes_nothing_either(folder: Path) -> None:
    house = Installation(folder / "data", write_authors(folder.parent / "authors.parquet", 3), buckets=1)
    (done,) = house.summarize("0000")
    assert not done.success
    assert files(folder) == set()


@pytest.mark.parametrize("sensor", ["retry_failed_authors", "summarize_changed_authors", "report_lost_runs"])
def test_a_tick_of_a_sensor_without_authors_writes_nothing_either(folder: Path, sensor: str) -> None:
    from summarizer_assets_tests.ticking import Ticking  # noqa: PLC0415

    house = Installation(folder / "data", write_authors(folder.parent / "authors.parquet", 3), buckets=1)
    assert not Ticking(house, sensor).tick().requests
    assert files(folder) == set()
