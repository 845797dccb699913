"""A folder in which a command is run, as a person would: no settings but a file `.env`."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testing.command_line import run_command
from testing.newcomer import settings_of

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with settings_of({"HOME": str(tmp_path)}):
        yield folder


@pytest.fixture
def run(here: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; its status, standard output and standard error."""

    def command(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = run_command(*arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    return command


def data(out: str) -> Any:
    """The one line of JSON that a command printed."""
    assert out.count("\n") == 1, out
    return json.loads(out)


def write_settings(folder: Path, **settings: object) -> None:
    """A file `.env` with these settings."""
    lines = [f"SUMMARIZER_{name.upper()}={value}\n" for name, value in settings.items()]
    (folder / ".env").write_text("".join(lines), encoding="utf-8")
