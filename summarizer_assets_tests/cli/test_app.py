"""The contract of the commands: help with an example, `--root` and `--json`, three exit statuses, one way in."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

import summarizer_assets
from summarizer_assets.cli.app import SECTIONS, main
from testing.command_line import run_command

PACKAGE = Path(summarizer_assets.__file__).parent
NAMES = [name for section in SECTIONS.values() for name in section]
KNOWS_NO_TABLES = {"serve-faults"}


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_command_has_an_example_and_the_options_that_all_have(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(name, "--help") == 0
    shown = capsys.readouterr().out
    assert re.search(rf"^  Example: summarizer {name}( |$)", shown, re.MULTILINE)
    assert "--json" in shown
    assert ("--root FOLDER" in shown) == (name not in KNOWS_NO_TABLES)


def test_every_option_says_what_it_does() -> None:
    for name in NAMES:
        command = import_module(f"summarizer_assets.cli.{name.replace('-', '_')}").command
        options = [option for option in command.params if isinstance(option, click.Option)]
        assert not [option.name for option in options if not option.help], name


def test_the_help_lists_every_command_by_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("--help") == 0
    shown = capsys.readouterr().out
    assert re.findall(r"^(\S.*):$", shown, re.MULTILINE) == ["Options", *SECTIONS]
    assert [name for name in re.findall(r"^  ([a-z-]+)  ", shown, re.MULTILINE) if name in NAMES] == NAMES


@pytest.mark.parametrize("wrong", [["no-such-command"], ["spend", "--no-such-option"], ["capacity", "--authors", "0"]])
def test_a_wrong_usage_is_status_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(*wrong) == 2
    said = capsys.readouterr()
    assert "Error: " in said.err
    assert not said.out


def test_the_module_is_the_same_command() -> None:
    by_module = [sys.executable, "-m", "summarizer_assets", "--version"]
    told = subprocess.run(by_module, capture_output=True, text=True, check=True, timeout=60).stdout
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", told)
    script = '[project.scripts]\nsummarizer = "summarizer_assets.cli.app:main"\n'
    assert script in (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert isinstance(main, click.Group)


def test_there_is_no_other_way_in() -> None:
    def texts() -> Iterator[tuple[str, str]]:
        for path in PACKAGE.rglob("*.py"):
            yield str(path.relative_to(PACKAGE)), path.read_text(encoding="utf-8")

    assert [name for name, text in texts() if '__name__ == "__main__"' in text] == ["__main__.py"]
    assert not [name for name, text in texts() if "argparse" in text]
