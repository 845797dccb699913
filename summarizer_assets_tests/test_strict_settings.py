"""What would leave a default in force without a word: lines of `.env` that nobody reads, names that are nearly ours."""

import os
import string
import traceback
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from summarizer_assets.settings import PREFIX, Settings, load_settings
from summarizer_assets.settings.env_file import names_in
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.settings.names import refuse_strange

SECRET = "hushhush-canary"
FIELDS = Settings.model_fields


@pytest.fixture(autouse=True)
def empty_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("SUMMARIZER_BUCKETS", "line 1 is no assignment"),
        ("\n\n  # a comment\n\nSUMMARIZER_BUCKETS: 4", "line 5 is no assignment"),
        ("SUMMARIZER_WORDS=40\nSUMMARIZER_BUCKETS 4\n", "line 2 is no assignment"),
        ("set SUMMARIZER_BUCKETS=4", "line 1 is no assignment"),
        ("- SUMMARIZER_BUCKETS=4", "line 1 is no assignment"),
        ("=4", "line 1 is no assignment"),
        ("// the provider's key", "line 1 is no assignment"),
        ("[summarizer]\nbuckets=4", "line 1 is no assignment"),
        (f'SUMMARIZER_LLM_API_KEY="{SECRET}\n', "line 1 is no assignment"),
        (f"SUMMARIZER_LLM_API_KEY='{SECRET}\nSUMMARIZER_WORDS='40'", "line 1 is no assignment"),
        (f"AWS_SECRET_ACCESS_KEY {SECRET}", "line 1 is no assignment"),
        ("AWS_PROFILE", "line 1 is no assignment"),
        (f"{SECRET}", "line 1 is no assignment"),
        ("SUMMARIZER_BUCKETS=4\n\nSUMMARIZER_BUCKETS=5", r"line 3: SUMMARIZER_BUCKETS has a value already, in line 1"),
        ("SUMMARIZER_BUCKETS=4\nsummarizer_buckets=4", "line 2: summarizer_buckets has a value already, in line 1"),
        ("SUMMARIZER_BUCKETS=\nexport SUMMARIZER_BUCKETS=4", "line 2: SUMMARIZER_BUCKETS has a value already"),
        (f"AWS_SECRET={SECRET}\nAWS_SECRET=x", "line 2: AWS_SECRET has a value already"),
        (
            'SUMMARIZER_INSTRUCTION="Write\nSUMMARIZER_BUDGET_USD=5\nplainly"',
            "goes on over the line that sets SUMMARIZER_BUDGET_USD",
        ),
        ("SUMMARIZER_ROOT=${NO_SUCH}/x", r"line 1: \$\{NO_SUCH\} in the value of SUMMARIZER_ROOT has no value"),
        (f"SUMMARIZER_LLM_API_KEY=\u201c{SECRET}\u201d", "begins with a typographic quotation mark"),
        ("SUMMARIZER_ROOT=$HOME/data", "nobody puts a folder in"),
    ],
)  # fmt: skip
def test_a_line_that_would_be_passed_over_is_told_by_its_number_and_never_by_its_value(
    tmp_path: Path, text: str, complaint: str
) -> None:
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=complaint) as refused:
        load_settings()
    assert SECRET not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    "text",
    [
        "SUMMARIZER_BUCKETS=4",
        "\ufeffSUMMARIZER_BUCKETS=4",
        "export SUMMARIZER_BUCKETS = '4' # so many",
        "\r\n# a comment\r\nSUMMARIZER_BUCKETS=4\r\n",
        "summarizer_buckets=4",
        "'SUMMARIZER_BUCKETS'=4",
        "MINE=4\nSUMMARIZER_BUCKETS=${MINE}",
        "SUMMARIZER_BUCKETS=${NOBODYS:-4}",
        "NOBODYS_OWN=${NOBODYS}\nSUMMARIZER_BUCKETS=4",
        'SUMMARIZER_INSTRUCTION="Write\nplainly"\nSUMMARIZER_BUCKETS=4',
        'SUMMARIZER_INSTRUCTION="\u201cPlainly\u201d, they say"\nSUMMARIZER_BUCKETS=4',
        "AWS_REGION=x\nDAGSTER_HOME=y\nLLM_X=1\nSUMMARY=2\nMODEL=3\nSUMMARIZER_BUCKETS=4",
        "LLM_MODEL=m\nSUMMARIZER_LLM_MODEL=${LLM_MODEL}\nSUMMARIZER_LLM_BASE_URL=http://host/v1\nSUMMARIZER_BUCKETS=4",
    ],
)
def test_a_file_that_says_what_it_means_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / ".env").write_bytes(text.encode())
    assert load_settings().buckets == 4


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "is no file"),
        ("SUMMARIZER_WORDS=9".encode("utf-16"), "UTF-8"),
        ("SUMMARIZER_WORDS=9".encode("utf-16-le"), "UTF-16"),
        (b"# \xe9", "byte 2"),
    ],
)
def test_what_is_no_text_file_is_told(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    if content is None:
        (tmp_path / ".env").mkdir()
    else:
        (tmp_path / ".env").write_bytes(content)
    with pytest.raises(SettingsError, match=complaint):
        load_settings()


def test_a_link_that_leads_nowhere_is_no_file_that_was_left_out(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to("settings-of-the-team")
    with pytest.raises(SettingsError, match="is no file"):
        load_settings()


LINES = st.lists(
    st.one_of(
        st.text(string.ascii_letters + string.digits + "_=\"'# \\${}:-\t", max_size=20),
        st.sampled_from(["SUMMARIZER_WORDS=40", "SUMMARIZER_LIMIT", "A=1", "export B='2'", '"', "C='3", "#", ""]),
    ),
    max_size=6,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.sampled_from(["\n", "\r\n"]))
def test_of_any_file_each_line_is_read_or_the_file_is_refused(tmp_path: Path, lines: list[str], end: str) -> None:
    path = tmp_path / "any.env"
    path.write_bytes(end.join(lines).encode())
    try:
        names = names_in(path, PREFIX, {"A"})
    except SettingsError:
        return
    assert dict.fromkeys(names) == dict.fromkeys(dotenv_values(path, interpolate=False))
    starts = {number - 1 for number in names.values()}
    for number, line in enumerate(lines):
        inside = any(start < number for start in starts) and any(
            "\n" in (v or "") for v in dotenv_values(path).values()
        )
        assert number in starts or not line.strip() or line.lstrip().startswith("#") or inside


# Names that are nearly ours.

MEANT = {
    "SUMMARISER_LLM_MODEL": "LLM_MODEL",
    "SUMMARISER_BUDGET_USD": "BUDGET_USD",
    "SUMMARISER_BUDGET": "BUDGET_USD",
    "SUMARIZER_ROOT": "ROOT",
    "SUMMARIZE_LIMIT": "LIMIT",
    "SUMMARIZERS_SOURCE": "SOURCE",
    "SUMMARZIER_EXCLUDE": "EXCLUDE",
    "SUMMARIZER-BUDGET-USD": "BUDGET_USD",
    "SUMMARIZER.LIMIT": "LIMIT",
    "SUMMARIZERLLM_API_KEY": "LLM_API_KEY",
    "SUMMARISERLIMIT": "LIMIT",
    "\uff33UMMARIZER_LIMIT": "LIMIT",
    "\u0405UMMARIZER_LIMIT": "LIMIT",
    "$env:SUMMARIZER_LIMIT": "LIMIT",
    '"SUMMARIZER_LIMIT"': "LIMIT",
    "MY_SUMMARIZER_LIMIT": "LIMIT",
    "summariser_rpm": "RPM",
    "SUMMARIZER_MODEL": "LLM_MODEL",
    "SUMMARIZER_API_KEY": "LLM_API_KEY",
    "SUMMARIZER_BASE_URL": "LLM_BASE_URL",
    "SUMMARIZER_URL": "LLM_BASE_URL",
    "SUMMARIZER_BUDGET": "BUDGET_USD",
    "SUMMARIZER_TIMEOUT": "REQUEST_TIMEOUT_S",
    "SUMMARIZER__LIMIT": "LIMIT",
    "SUMMARIZER_LIMITS": "LIMIT",
    "SUMMARIZER_EXCLUDED": "EXCLUDE",
}


@pytest.mark.parametrize(("name", "field"), MEANT.items())
@pytest.mark.parametrize("where", ["environment", "file"])
def test_a_name_that_is_nearly_ours_is_refused_with_the_one_that_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, field: str, where: str
) -> None:
    if where == "file":
        (tmp_path / ".env").write_text(f"\n{name}={SECRET}\n", encoding="utf-8")
    else:
        monkeypatch.setenv(name, SECRET)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert f"did you mean {PREFIX}{field}?" in str(refused.value)
    assert name in str(refused.value)
    assert SECRET not in str(refused.value)
    assert ("in line 2" in str(refused.value)) == (where == "file")


@pytest.mark.parametrize("name", ["BUDGET_USD", "llm_api_key", "LLM_MODEL", "MAX_IN_FLIGHT"])
def test_in_our_own_file_a_forgotten_prefix_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "5")
    assert load_settings().budget_usd is None  # in the environment it may be anybody's
    (tmp_path / ".env").write_text(f"{name}=5\n")
    with pytest.raises(SettingsError, match=f"{name} in line 1 .*did you mean {PREFIX}{name.upper()}"):
        load_settings()


OTHERS = [
    "PATH", "HOME", "LLM_MODEL", "MODEL", "BUDGET_USD", "SUMMARY_MODEL", "SUMMARIZATION_MODEL", "SUMMARISER_THEIR_OWN",
    "SUMMARIZE", "SUMMER_LIMIT", "MARIADB_ROOT", "SUMO_ROOT", "NUMARI_LIMIT", "DAGSTER_HOME", "AWS_REGION",
    "OPENAI_API_KEY", "MARKETIZER_ROOT", "AUTHORIZER_SOURCE", "TOKENIZER_LIMIT", "SIZER_WORDS", "CONSUMER_LIMIT",
]  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_programs_names_are_none_of_our_affair(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "5")
    load_settings()


@given(st.text(string.ascii_uppercase + "_", min_size=1, max_size=24).filter(lambda name: "SUMM" not in name))
def test_no_name_without_a_likeness_is_refused(name: str) -> None:
    refuse_strange([name], {}, PREFIX, FIELDS)


@given(
    st.sampled_from(sorted(FIELDS)), st.integers(0, 9), st.sampled_from(["swap", "drop", "double", "other"]), st.data()
)
def test_one_wrong_letter_in_the_prefix_never_hides_a_setting(
    field: str, at: int, how: str, data: st.DataObject
) -> None:
    letters = list("SUMMARIZER")
    if how == "swap" and at < 9:
        letters[at], letters[at + 1] = letters[at + 1], letters[at]
    elif how == "drop":
        letters.pop(at)
    elif how == "double":
        letters.insert(at, letters[at])
    else:
        letters[at] = data.draw(st.sampled_from(string.ascii_uppercase))
    name = f"{''.join(letters)}_{field.upper()}"
    if name.startswith(PREFIX):
        refuse_strange([name], {}, PREFIX, FIELDS)
        return
    with pytest.raises(SettingsError, match=f"did you mean {PREFIX}{field.upper()}\\?"):
        refuse_strange([name], {}, PREFIX, FIELDS)


def test_one_setting_in_small_and_large_letters_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUMMARIZER_LIMIT", "5")
    monkeypatch.setenv("summarizer_limit", "500")
    with pytest.raises(SettingsError, match="are one setting to us"):
        load_settings()


# Settings that would send wrongly, or to nobody.


@pytest.mark.parametrize("where", ["environment", "file"])
def test_a_key_without_a_base_url_is_refused_unless_the_template_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if where == "file":
        (tmp_path / ".env").write_text(f"SUMMARIZER_LLM_API_KEY={SECRET}\n")
    else:
        monkeypatch.setenv("SUMMARIZER_LLM_API_KEY", SECRET)
    with pytest.raises(SettingsError, match="SUMMARIZER_LLM_API_KEY without SUMMARIZER_LLM_BASE_URL") as refused:
        load_settings()
    assert SECRET not in "".join(traceback.format_exception(refused.value))
    monkeypatch.setenv("SUMMARIZER_LLM_BASE_URL", "embedded")
    assert load_settings().embedded
