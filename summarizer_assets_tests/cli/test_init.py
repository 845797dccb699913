"""`summarizer init`: asked on a terminal, and all by options; what it writes, and what it leaves."""

import os
import pty
import stat
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from summarizer_assets.cli import confirm
from summarizer_assets.cli.app import main
from summarizer_assets.settings import load_settings
from summarizer_assets_tests.cli.conftest import Run, data
from testing.newcomer import write_odd_csv

FILE = Path(".env")


@pytest.fixture(autouse=True)
def table(here: Path) -> Path:
    return write_odd_csv(here / "people.csv", authors=5)


def answered(monkeypatch: pytest.MonkeyPatch, *lines: str) -> str:
    """What a person sees who types these lines."""
    monkeypatch.setattr(confirm, "at_a_terminal", lambda: True)
    result = CliRunner().invoke(main, ["init"], input="".join(f"{line}\n" for line in lines))
    assert result.exit_code == 0, result.output
    return result.output


def test_four_questions_and_each_wrong_answer_is_asked_again_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    output = answered(
        monkeypatch,
        *("nowhere.csv", "people.csv"),
        *("~/tables", ""),
        *("no address", "https://llm.example.org/v1", "own-model", "a-secret-key"),
        *("free", "0.5", "2"),
        *("much", "7"),
    )
    assert output.count("1 of 4") == output.count("2 of 4") == output.count("3 of 4") == output.count("4 of 4") == 2
    assert "a-secret-key" not in output
    assert "author_id             Researcher No." in output
    settings = load_settings()
    assert settings.columns["author_id"] == "Researcher No."
    assert settings.root == str(Path("data").absolute())
    assert settings.llm_api_key is not None
    assert settings.llm_api_key.get_secret_value() == "a-secret-key"
    assert (settings.price_input_usd, settings.price_output_usd, settings.budget_usd) == (0.5, 2, 7)
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600


def test_the_template_needs_no_model_no_key_and_no_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    output = answered(monkeypatch, "people.csv", "tables", "")
    assert "4 of 4" not in output
    assert load_settings().embedded


@pytest.mark.parametrize(
    ("url", "options", "asked_at"),
    [
        ("https://api.anthropic.com", (), "https://api.anthropic.com/v1/messages"),
        ("https://llm.example.org/v1", ("--protocol", "anthropic"), "https://llm.example.org/v1/messages"),
        ("https://llm.example.org/v1", (), ""),
        (
            "https://generativelanguage.googleapis.com",
            (),
            "https://generativelanguage.googleapis.com/v1beta/models/MODEL:generateContent",
        ),
    ],
)
def test_where_another_protocol_than_usual_is_spoken_the_whole_address_is_shown(
    run: Run, url: str, options: tuple[str, ...], asked_at: str
) -> None:
    given = ("--source", "people.csv", "--root", "tables", "--base-url", url, *options)
    status, _, err = run("init", *given, "--model", "claude-haiku-5-5", "--budget", "5")
    assert status == 0, err
    assert ("it is asked at" in err) == bool(asked_at)
    assert asked_at in err
    settings = load_settings()
    assert (settings.protocol.name != "openai") == bool(asked_at)
    assert (settings.llm_protocol is not None) == bool(options)


GERMAN = "Forscher-ID;Name der Person;Arbeitsort;Artikel;Fachblatt;Zitate\nF1;Ähre, Jo;Köln;Über Moose;Flora;3\n"


def test_columns_that_no_name_tells_are_asked_for_by_name_or_number(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("leute.csv").write_text(GERMAN, encoding="utf-8")
    output = answered(
        monkeypatch, "leute.csv", "Nummer", "1", "Name der Person", "4", "9", "5", "", "", "3", "tables", ""
    )
    assert "no column is recognised as the author's id" in output
    assert "there is no column 'Nummer'" in output
    assert "there is no column '9'" in output
    assert "Über Moose" in output  # the records as they would be sent
    assert load_settings().columns == {
        "author_id": "Forscher-ID",
        "author_name": "Name der Person",
        "title": "Artikel",
        "journal": "Fachblatt",
        "primary_affiliation": "Arbeitsort",
    }


def test_columns_that_were_set_before_are_kept_where_the_table_has_them(run: Run) -> None:
    Path("leute.csv").write_text(GERMAN, encoding="utf-8")
    FILE.write_text("""SUMMARIZER_COLUMNS='{"author_id": "Forscher-ID", "title": "Artikel", "journal": "Blatt"}'\n""")
    status, _, err = run("init", "-y", "--source", "leute.csv", "--root", "tables", "--base-url", "embedded")
    assert status == 0
    assert "names Blatt, which this table lacks" in err
    assert load_settings().columns == {"author_id": "Forscher-ID", "title": "Artikel"}


def test_columns_without_a_table_are_not_those_of_the_bundled_sample(run: Run) -> None:
    FILE.write_text("""SUMMARIZER_COLUMNS='{"author_id": "Forscher-ID"}'\n""")
    status, _, err = run("ping")
    assert status == 2
    assert "SUMMARIZER_SOURCE does not say which table" in err


def test_ctrl_c_ends_a_question_without_enter() -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "summarizer_assets", "init", "--source", "people.csv"])
    seen = b""
    while b"2 of 4" not in seen:  # the table was read, by polars, whose handler has a read restarted
        seen += os.read(terminal, 4096)
    os.write(terminal, b"\x03")
    _, ended = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(ended) == 1
    assert not FILE.exists()


def test_a_file_that_is_there_stays_without_a_yes_and_is_kept_with_one(run: Run) -> None:
    FILE.write_text("SUMMARIZER_WORDS=40\n")
    given = ("init", "--source", "people.csv", "--root", "tables", "--base-url", "embedded")
    status, _, err = run(*given)
    assert status == 2
    assert "--yes" in err
    assert FILE.read_text() == "SUMMARIZER_WORDS=40\n"
    found = data(run(*given, "--yes", "--json")[1])
    assert found["settings"]["SUMMARIZER_ROOT"] == "tables"
    assert Path(".env.before").read_text() == "SUMMARIZER_WORDS=40\n"
    assert "SUMMARIZER_WORDS" not in FILE.read_text()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--source", "nowhere.csv"), "nowhere.csv"),
        (("--root", "~/x"), "~/x"),
        (("--base-url", "ftp://x"), "SUMMARIZER_LLM_BASE_URL"),
        (("--base-url", "http://127.0.0.1:9/v1"), "--model is missing"),
        (("--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--budget", "5"), "--price-input is missing"),
    ],
)
def test_a_script_is_told_what_is_wrong_and_nothing_is_written(run: Run, options: tuple[str, ...], says: str) -> None:
    given = {"--source": "people.csv", "--root": "tables", "--base-url": "embedded"}
    given |= dict(zip(options[::2], options[1::2], strict=True))
    status, _, err = run("init", *(part for pair in given.items() for part in pair))
    assert status == 2
    assert says in err
    assert not FILE.exists()
