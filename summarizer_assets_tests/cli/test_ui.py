"""Whose UI `summarizer ui` opens; what it serves is looked at in a browser."""

import os
from pathlib import Path

import pytest

from summarizer_assets.cli.ui import chosen
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import PREFIX, load_settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where nothing is set and only the demo was made."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(PREFIX + "ROOT", "")  # so that it is afterwards as it was
    monkeypatch.delenv(PREFIX + "ROOT")
    monkeypatch.chdir(tmp_path)
    make_tables("demo")
    return tmp_path


def make_tables(root: str) -> None:
    Summarizer(load_settings(None, root=root)).tables.authors.ensure()


def test_where_nothing_but_the_demo_was_made_it_is_the_demo_s(folder: Path) -> None:
    found, is_demo = chosen(None)
    assert (found.root.place, is_demo) == (str(folder / "demo"), True)
    assert os.environ[PREFIX + "ROOT"] == str(folder / "demo")  # for the processes that serve it


def test_a_table_of_one_s_own_a_setting_or_an_option_comes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text(f"{PREFIX}WORDS=60\n", encoding="utf-8")
    assert chosen(None)[0].root.place == str(folder / "data")
    (folder / ".env").unlink()
    monkeypatch.setenv(PREFIX + "WORDS", "60")
    assert chosen(None)[0].root.place == str(folder / "data")
    monkeypatch.delenv(PREFIX + "WORDS")
    make_tables("data")
    found, is_demo = chosen(None)
    assert (found.root.place, is_demo) == (str(folder / "data"), False)
    assert chosen("elsewhere")[0].root.place == str(folder / "elsewhere")
