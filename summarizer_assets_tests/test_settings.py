import json
import os
import traceback
from pathlib import Path
from typing import Any

import pytest

from summarizer_assets.settings import PREFIX, Settings, load_settings
from summarizer_assets.settings.errors import SettingsError
from testing.openai_chat import request_body

SECRET = "hushhush-canary"


@pytest.fixture(autouse=True)
def empty_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting from outside, and an empty folder to be in."""
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(PREFIX + name.upper(), value)
    return load_settings()


def test_without_any_variable_everything_has_a_default_that_works() -> None:
    settings = load_settings()
    assert settings.embedded
    assert (settings.model, settings.buckets, settings.group_size) == ("template", None, 20)
    assert settings.root == str(Path("data").resolve())
    assert settings.source is settings.limit is settings.instruction_text is None
    assert settings.excluded_ids == frozenset()
    assert not settings.remote


def test_every_setting_is_described_in_a_sentence() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert len(field.description) > 20, name
        assert field.description.endswith((".", "`")), name


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("buckets", "0", r"SUMMARIZER_BUCKETS: .*greater than or equal to 1 \(got '0'\)"),
        ("buckets", "10000", "SUMMARIZER_BUCKETS: .*less than or equal to 9999"),
        ("buckets", "many", r"SUMMARIZER_BUCKETS: .*valid integer.*\(got 'many'\)"),
        ("group_size", "1001", "SUMMARIZER_GROUP_SIZE: .*less than or equal to 1000"),
        ("grounding", "perhaps", "SUMMARIZER_GROUNDING: .*valid boolean"),
        ("request_timeout_s", "nan", "SUMMARIZER_REQUEST_TIMEOUT_S: .*greater than 0"),
        ("limit", "-1", "SUMMARIZER_LIMIT: .*greater than or equal to 1"),
        ("budget_usd", "-1", "SUMMARIZER_BUDGET_USD: .*greater than or equal to 0"),
        ("budget_usd", "nan", "SUMMARIZER_BUDGET_USD: "),
        ("budget_usd", "inf", "SUMMARIZER_BUDGET_USD: "),
        ("budget_usd", "$5", "SUMMARIZER_BUDGET_USD: .*valid number"),
        ("price_output_usd", "inf", "SUMMARIZER_PRICE_OUTPUT_USD: "),
        ("root", "gs://bucket/x", "SUMMARIZER_ROOT: gs: is not supported; allowed: a folder, s3://bucket/prefix"),
        ("root", "my%20data", "SUMMARIZER_ROOT: .*choose another folder"),
        ("root", "data[1]", "SUMMARIZER_ROOT: .*choose another folder"),
        ("root", "s3://", "SUMMARIZER_ROOT: .*allowed: a folder, s3://bucket/prefix"),
        ("columns", "author_id", "SUMMARIZER_COLUMNS: is not valid JSON"),
        ("columns", '{"author": "x"}', "SUMMARIZER_COLUMNS: unknown column 'author'.*allowed: author_id, author_name"),
        ("columns", '{"author_id": 5}', r"SUMMARIZER_COLUMNS\['author_id'\]: .*valid string \(got 5\)"),
        ("ignore_changes_in", '["cites"]', "SUMMARIZER_IGNORE_CHANGES_IN: unknown paper column 'cites'; allowed: ut, "),
        ("exclude", "no-such-file", "SUMMARIZER_EXCLUDE: no-such-file is not a file"),
        ("llm_ca_file", "no-such-file", "SUMMARIZER_LLM_CA_FILE: no-such-file is not a file"),
        ("instruction", "prompts/mistyped.txt", "SUMMARIZER_INSTRUCTION: prompts/mistyped.txt is not a file"),
        ("llm_base_url", "https://host/v1/responses", "SUMMARIZER_LLM_BASE_URL: .*ends in /responses.*give the base"),
        ("llm_base_url", "https://host/v1/messages", "ends in /messages.*or set SUMMARIZER_LLM_PROTOCOL=anthropic"),
        ("llm_protocol", "mistral", "SUMMARIZER_LLM_PROTOCOL: .*'openai', 'anthropic' or 'gemini'"),
        ("llm_base_url", "host/v1", "SUMMARIZER_LLM_BASE_URL: not an http.*allowed: 'embedded', or a URL"),
        ("llm_base_url", "file:///etc/v1", "SUMMARIZER_LLM_BASE_URL: not an http"),
        ("llm_base_url", "http://host:port/v1", "SUMMARIZER_LLM_BASE_URL: not an http"),
        ("llm_base_url", "http://[::1/v1", "SUMMARIZER_LLM_BASE_URL: not an http"),
        ("llm_base_url", "http://169.254.169.254/v1", "SUMMARIZER_LLM_BASE_URL: .*metadata service"),
        ("llm_base_url", "http://metadata.google.internal/v1", "SUMMARIZER_LLM_BASE_URL: .*metadata service"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint):
        load(monkeypatch, **{name: value})


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"SUMMARIZER_BUCKETS.*; SUMMARIZER_WORDS"):
        load(monkeypatch, buckets="0", words="1")


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"llm_base_url": "https://host/v1"}, "SUMMARIZER_LLM_MODEL must name the model"),
        ({"llm_model": "m"}, "SUMMARIZER_LLM_MODEL=m without SUMMARIZER_LLM_BASE_URL"),
        ({"price_input_usd": "1"}, "go together"),
        ({"price_output_usd": "1"}, "go together"),
        ({"price_cached_input_usd": "1"}, "go together"),
        ({"price_cache_write_usd": "1"}, "go together"),
        ({"llm_protocol": "anthropic"}, "SUMMARIZER_LLM_PROTOCOL=anthropic without SUMMARIZER_LLM_BASE_URL"),
        (
            {"budget_usd": "1", "llm_extra_body": '{"max_tokens": null}'},
            "SUMMARIZER_BUDGET_USD is set, and SUMMARIZER_LLM_EXTRA_BODY leaves no bound",
        ),
    ],
)
def test_settings_that_contradict_one_another_are_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint):
        load(monkeypatch, **variables)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("SUMMARIZER_BUKETS", "did you mean SUMMARIZER_BUCKETS"), ("SUMMARIZER_XYZZY_PLUGH", "see docs/settings.md")],
)
@pytest.mark.parametrize("where", ["environment", "file"])
def test_an_unknown_variable_is_refused_with_a_guess(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, hint: str, where: str
) -> None:
    if where == "file":
        (tmp_path / ".env").write_text(f"{name}=3\n")
    else:
        monkeypatch.setenv(name, "3")
    with pytest.raises(SettingsError, match=f"unknown setting {name}( in line 1)?: {hint}"):
        load_settings()


def test_an_unknown_override_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"unknown setting bukets; allowed: .*buckets"):
        load_settings(bukets=3)


def test_the_file_is_read_the_environment_wins_over_it_and_an_override_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("SUMMARIZER_BUCKETS=4\nSUMMARIZER_WORDS=40\nSUMMARIZER_LIMIT=\nSUMMARIZER_RPM=\n")
    settings = load(monkeypatch, words="50")
    assert (settings.buckets, settings.words, settings.limit, settings.rpm) == (4, 50, None, None)
    assert load_settings(words=60).words == 60
    assert load_settings(None).buckets is None


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, buckets="", limit="", llm_model="").buckets is None


def test_other_variables_of_the_file_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"AWS_SECRET_ACCESS_KEY={SECRET}\nDATABASE_PASSWORD={SECRET}\nDAGSTER_HOME=x\n")
    assert SECRET not in repr(load_settings())


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "variables",
    [
        {"llm_extra_body": f'{{"user": {SECRET}'},
        {"llm_extra_body": f'["{SECRET}"]'},
        {"llm_api_key": SECRET, "buckets": "0"},
        {"state": f"postgresql://user:{SECRET}@host/db", "buckets": "0"},
        {"llm_base_url": f"https://user:{SECRET}@host/v1", "llm_model": "m"},
        {"llm_base_url": f"user:{SECRET}@host/v1", "llm_model": "m"},
        {"llm_base_url": f"ftp://user:{SECRET}@host/v1", "llm_model": "m"},
        {"llm_base_url": f"https://host/v1?key={SECRET}", "llm_model": "m"},
        {"llm_base_url": f"https://host/?key={SECRET}", "llm_model": "m"},
        {"llm_base_url": f"https://host/v1#{SECRET}", "llm_model": "m"},
    ],
)
@pytest.mark.parametrize("where", ["environment", "file"])
def test_no_error_shows_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], where: str
) -> None:
    if where == "file":
        (tmp_path / ".env").write_text("".join(f"{PREFIX}{n.upper()}='{v}'\n" for n, v in variables.items()))
        variables = {}
    with pytest.raises(SettingsError) as refused:
        load(monkeypatch, **variables)
    assert SECRET not in shown(refused.value)


def test_no_secret_is_in_the_text_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        monkeypatch,
        llm_api_key=SECRET,
        llm_base_url="embedded",
        llm_extra_body=f'{{"user": "{SECRET}"}}',
        state=f"postgresql://user:{SECRET}@host/db",
    )
    assert settings.llm_api_key is not None
    assert settings.llm_api_key.get_secret_value() == SECRET
    assert SECRET not in repr(settings) + str(settings) + f"{settings.llm_api_key}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Describe the author.", "Describe the author."),
        ("  two\nlines  ", "two\nlines"),
        ("word " * 200, ("word " * 200).strip()),
        ("x" * 5000, "x" * 5000),
        ("prompt.txt", "From the file."),
    ],
)
def test_an_instruction_is_the_text_itself_or_a_file_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: str
) -> None:
    (tmp_path / "prompt.txt").write_text("\ufeffFrom the file.\n", encoding="utf-8")
    assert load(monkeypatch, instruction=text).instruction_text == expected


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "with a byte order mark"])
def test_every_id_of_the_opt_out_list_counts_and_the_list_is_read_anew_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    path = tmp_path / "optout"
    path.write_text(f"{mark}1\n 2 \r\n\n# a comment\n  # another\nΩ3", encoding="utf-8")
    settings = load(monkeypatch, exclude=str(path))
    assert settings.excluded_ids == {"1", "2", "Ω3", "# a comment", "# another"}
    path.write_text("4\n", encoding="utf-8")
    assert settings.excluded_ids == {"4"}


@pytest.mark.parametrize("damage", ["not text", "gone"])
def test_an_opt_out_list_that_cannot_be_read_is_an_error_and_never_an_empty_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    path = tmp_path / "optout"
    path.write_bytes(b"1\n")
    settings = load(monkeypatch, exclude=str(path))
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"\xff\xfe1\x00")
    with pytest.raises(SettingsError, match="optout"):
        _ = settings.excluded_ids


@pytest.mark.parametrize(("given", "remote"), [("S3A://B//p/", True), ("x/./y/", False)])
def test_a_root_is_brought_into_one_form(monkeypatch: pytest.MonkeyPatch, given: str, remote: bool) -> None:
    settings = load(monkeypatch, root=given)
    assert (settings.root, settings.remote) == ("s3://b/p" if remote else str(Path("x/y").resolve()), remote)


def test_settings_cannot_be_changed_afterwards() -> None:
    settings: Any = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.buckets = 3


@pytest.mark.parametrize("field", ["messages", "model", "n", "response_format", "stream", "tools"])
def test_an_extra_body_that_would_decide_the_request_itself_is_refused_at_load(
    monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    with pytest.raises(SettingsError, match=f"SUMMARIZER_LLM_EXTRA_BODY sets {field}, .*take it out"):
        load(monkeypatch, llm_extra_body=f'{{"{field}": "{SECRET}"}}')
    assert load(monkeypatch, llm_extra_body='{"top_p": 1}').llm_extra_body == {"top_p": 1}


GOOGLE = "https://generativelanguage.googleapis.com"


@pytest.mark.parametrize(
    ("url", "given", "protocol", "asked_at"),
    [
        ("https://host/v1", None, "openai", "https://host/v1/chat/completions"),
        ("https://api.anthropic.com/v1", None, "anthropic", "https://api.anthropic.com/v1/messages"),
        ("https://API.anthropic.com", None, "anthropic", "https://API.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1/messages", None, "anthropic", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1", "openai", "openai", "https://api.anthropic.com/v1/chat/completions"),
        ("https://host/anthropic", None, "anthropic", "https://host/anthropic/v1/messages"),
        ("https://host/a/Anthropic/v1/", None, "anthropic", "https://host/a/Anthropic/v1/messages"),
        ("https://host/anthropic/v1/messages?x=1", None, "anthropic", "https://host/anthropic/v1/messages?x=1"),
        ("https://host/not-anthropic", None, "openai", "https://host/not-anthropic/chat/completions"),
        ("https://host/anthropic/v2", None, "openai", "https://host/anthropic/v2/chat/completions"),
        ("https://host/v1/messages", "anthropic", "anthropic", "https://host/v1/messages"),
        ("https://host", "anthropic", "anthropic", "https://host/v1/messages"),
        (GOOGLE, None, "gemini", f"{GOOGLE}/v1beta/models/{{model}}:generateContent"),
        (f"{GOOGLE}/v1/", None, "gemini", f"{GOOGLE}/v1/models/{{model}}:generateContent"),
        (
            f"{GOOGLE}/v1beta/models/x:generateContent",
            None,
            "gemini",
            f"{GOOGLE}/v1beta/models/{{model}}:generateContent",
        ),
        (f"{GOOGLE}/v1beta/openai", None, "openai", f"{GOOGLE}/v1beta/openai/chat/completions"),
        (f"{GOOGLE}/v1beta/openai/chat/completions", None, "openai", f"{GOOGLE}/v1beta/openai/chat/completions"),
        ("https://host/gemini", "gemini", "gemini", "https://host/gemini/v1beta/models/{model}:generateContent"),
    ],
)
def test_the_protocol_is_as_set_else_as_the_address_tells(
    monkeypatch: pytest.MonkeyPatch, url: str, given: str | None, protocol: str, asked_at: str
) -> None:
    given_too = {} if given is None else {"llm_protocol": given}
    settings = load(monkeypatch, llm_base_url=url, llm_model="m", **given_too)
    assert settings.protocol.name == protocol
    base, mark, query = settings.llm_base_url.partition("?")
    assert base + settings.protocol.path + mark + query == asked_at
    again = load(monkeypatch, llm_base_url=settings.llm_base_url)
    assert (again.llm_base_url, again.protocol) == (settings.llm_base_url, settings.protocol)


def test_what_is_learnt_of_a_provider_is_kept_by_its_protocol_and_as_before_for_openai_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = load(monkeypatch, llm_base_url="https://host/v1", llm_model="m")
    assert one.provider_key == "https://host/v1"
    assert load(monkeypatch, llm_protocol="anthropic").provider_key == "anthropic https://host/v1"


def test_an_extra_body_is_checked_by_the_protocol_that_it_goes_into(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"SUMMARIZER_LLM_EXTRA_BODY sets system, .*take it out"):
        load(monkeypatch, llm_base_url="https://h/anthropic", llm_model="m", llm_extra_body='{"system": "x"}')
    assert load(monkeypatch, llm_base_url="https://h/v1").llm_extra_body == {"system": "x"}


def test_a_summary_that_no_request_could_hold_is_refused_before_it_is_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"SUMMARIZER_MAX_OUTPUT_TOKENS=400 holds no summary.*at least 830"):
        load(monkeypatch, words="500", max_output_tokens="400")
    load(monkeypatch, words="500", max_output_tokens="830")


@pytest.mark.parametrize(
    ("extra", "most"),
    [
        ("{}", 16_000),
        ('{"max_completion_tokens": 900}', 900),
        ('{"max_tokens": 700}', 700),
        ('{"max_tokens": 700, "max_completion_tokens": 900}', 900),
        ('{"max_tokens": null, "max_completion_tokens": 900}', 900),
        ('{"max_completion_tokens": null}', 16_000),
        ('{"max_tokens": null}', None),
        ('{"max_tokens": "many"}', None),
    ],
)
def test_the_bound_of_the_output_is_that_of_the_request(
    monkeypatch: pytest.MonkeyPatch, extra: str, most: int | None
) -> None:
    settings = load(monkeypatch, llm_extra_body=extra)
    assert settings.most_output_tokens == most
    body = json.loads(request_body("m", "s", ["t"], max_tokens=16_000, extra_body=settings.llm_extra_body))
    bounds = [body[name] for name in ("max_completion_tokens", "max_tokens") if isinstance(body.get(name), int)]
    assert most == (bounds[0] if bounds else None)
