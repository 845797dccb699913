"""What is written into a file `.env` is what its reader reads."""

import stat
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.settings.env_writer import assignment, env_text, write_env
from summarizer_assets.settings.errors import SettingsError

NAMES = st.sampled_from(["SUMMARIZER_SOURCE", "SUMMARIZER_COLUMNS", "SUMMARIZER_LLM_API_KEY"])
ODD = st.text(st.sampled_from("aZ0 '\"\\#=${}{}\t:,.éü-"), max_size=20)


@given(st.dictionaries(NAMES, ODD | st.text(max_size=20), max_size=3))
def test_it_is_read_back_or_refused(values: dict[str, str]) -> None:
    try:
        text = env_text(values)
    except SettingsError:
        return
    assert dotenv_values(stream=StringIO(text)) == values


@pytest.mark.parametrize("value", ['{"author_id": "person\'s id"}', "a b", "a#b", "sk-live_0/+=", "", "C:\\x", "é"])
def test_what_settings_hold_is_never_refused(value: str) -> None:
    env_text({"SUMMARIZER_SOURCE": value})


def test_a_refusal_names_the_variable_and_not_its_value() -> None:
    with pytest.raises(SettingsError, match="SUMMARIZER_LLM_API_KEY") as refused:
        env_text({"SUMMARIZER_LLM_API_KEY": "secret${HOME}"})
    assert "secret" not in str(refused.value)


def test_only_what_must_be_is_quoted() -> None:
    assert assignment("A", "https://host/v1?x=1") == "A=https://host/v1?x=1"
    assert assignment("A", "two words") == "A='two words'"


def test_the_file_is_its_owner_s_alone_and_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("mine")
    (tmp_path / ".env").symlink_to(tmp_path / "other")
    write_env(tmp_path / ".env", {"A": "b"})
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert (tmp_path / ".env").read_text() == "A=b\n"
    assert (tmp_path / "other").read_text() == "mine"
    with pytest.raises(SettingsError, match="cannot be written"):
        write_env(tmp_path / "nowhere" / ".env", {"A": "b"})
