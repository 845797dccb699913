"""README, changes and docs/ are true: commands and snippets run, settings load, links lead somewhere, names exist."""

import json
import os
import re
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dotenv import dotenv_values
from pydantic import SecretStr

from summarizer_assets.cli.app import HIDDEN, SECTIONS
from summarizer_assets.core.records import AUTHORS, FAILURES, REJECTED, SUMMARIES
from summarizer_assets.definitions import standalone
from summarizer_assets.settings import PREFIX, Settings, load_settings
from testing.dagster_project import empty_project, loaded
from testing.documents import (
    BLOCKS,
    DOCS,
    REPOSITORY,
    clone_into,
    documents,
    fill_own_table,
    headings_of,
    links_of,
    of_language,
    run,
    run_bash,
)

FIRST = "make demo"
SHOWN = {"text", "sql", "json"}  # output and examples to look at, which no reader types
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in documents())
_COMMAND = re.compile(r"python -m\s+([\w.]+\w)")
_OURS = re.compile(r"(?:^|[`/=@\s])summarizer ([a-z][a-z-]*)", re.MULTILINE)  # as it is typed
PATHS = pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(REPOSITORY)))


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """The repository as cloned, after its first command, and with the sample as a table of its own."""
    folder = tmp_path_factory.mktemp("clone")
    clone_into(folder)
    (folder / "report.txt").write_text(run_bash(FIRST, folder), encoding="utf-8")
    fill_own_table(folder)
    return folder


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return standalone(load_settings(None))


@pytest.mark.slow
def test_the_first_command_ends_with_a_report_a_stranger_can_read(clone):
    assert of_language("bash")[0].code.strip() == FIRST
    report = (clone / "report.txt").read_text(encoding="utf-8")
    for part in ("have a summary", "/demo: authors, author_summaries", "3 of the summaries", "make ui"):
        assert part in report
    assert "DEBUG" not in report
    assert "Warning" not in report


@pytest.mark.slow
@pytest.mark.parametrize("block", of_language("bash")[1:], ids=str)
def test_a_command_runs(clone, block):
    run_bash(block.code, clone)


@pytest.mark.slow
@pytest.mark.parametrize("block", of_language("python"), ids=str)
def test_a_python_snippet_runs_and_prints(clone, block):
    assert run([sys.executable, "-W", "error", "-c", block.code], clone).strip()


@pytest.mark.parametrize("block", of_language("ini"), ids=str)
def test_an_example_of_settings_is_accepted(block, tmp_path, monkeypatch):
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    file = tmp_path / ".env"
    file.write_text(block.code, encoding="utf-8")
    settings = load_settings(file)
    for name, text in dotenv_values(file).items():
        field = name.removeprefix(PREFIX).lower()
        assert Settings.model_fields[field].json_schema_extra != {"group": "never"}, "no page tells to touch it"
        value = getattr(settings, field)
        value = value.get_secret_value() if isinstance(value, SecretStr) else value
        value = list(value) if isinstance(value, tuple) else value
        assert value == text or str(value) == text or value == json.loads(text or "null")


@pytest.mark.parametrize("block", [block for block in of_language("yaml") if "ops:" in block.code], ids=str)
def test_an_example_for_the_launchpad_is_one_that_its_job_accepts(defs, block):
    config = yaml.safe_load(block.code)
    jobs = [job for job in defs.resolve_all_job_defs() if config["ops"].keys() <= {node.name for node in job.nodes}]
    assert jobs, f"no job has the ops {list(config['ops'])}"
    assert dg.validate_run_config(jobs[-1], config)


@pytest.mark.filterwarnings("ignore:Parameter `execution_type`")
@pytest.mark.parametrize(
    "block", [block for block in of_language("yaml") if "SummariesComponent" in block.code], ids=str
)
def test_an_example_of_a_component_is_loaded(block, tmp_path):
    folder = empty_project(tmp_path) / "people"
    folder.mkdir()
    (folder / "defs.yaml").write_text(block.code, encoding="utf-8")
    with loaded(tmp_path) as defs:
        assert any(key.path[-1] == "failed_authors" for key in defs.resolve_asset_graph().get_all_asset_keys())


def test_every_block_is_run_or_says_why_not():
    for block in BLOCKS:
        assert block.language in {"bash", "python", "ini", "yaml", *SHOWN}, block
        assert block.excuse is None or block.language in {"bash", "python", "ini"}, block


@PATHS
def test_every_link_and_picture_leads_to_something(path):
    for file, heading in links_of(path):
        assert file.exists(), file
        assert not heading or heading in headings_of(file), f"{file.name}#{heading}"


@PATHS
def test_every_setting_that_is_named_exists(path):
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(rf"\b{PREFIX}[A-Z][A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
    assert named <= known, named - known


@PATHS
def test_every_job_sensor_schedule_and_asset_that_is_named_exists(defs, path):
    repository = defs.get_repository_def()
    known = {
        "job": set(repository.job_names),
        "sensor": {sensor.name for sensor in repository.sensor_defs},
        "schedule": {schedule.name for schedule in repository.schedule_defs},
        "asset": {key.path[-1] for key in repository.asset_graph.get_all_asset_keys()},
    }
    for kind, name in re.findall(r"\bthe (job|sensor|schedule|asset) `(\w+)`", path.read_text(encoding="utf-8")):
        assert name in known[kind], f"there is no {kind} {name}"


def test_every_job_sensor_schedule_asset_and_check_is_named(defs):
    repository = defs.get_repository_def()
    names = {
        *(name for name in repository.job_names if not name.startswith("__")),
        *(sensor.name for sensor in repository.sensor_defs),
        *(schedule.name for schedule in repository.schedule_defs),
        *(key.path[-1] for key in repository.asset_graph.get_all_asset_keys()),
        *(key.name for key in repository.asset_graph.asset_check_keys),
    }
    assert {name for name in names if f"`{name}`" not in TEXT} == set()


def test_every_command_is_named_and_every_named_one_exists():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    commands = {name for section in SECTIONS.values() for name in section}
    assert commands <= set(_OURS.findall(TEXT + makefile)) <= commands | set(HIDDEN)
    named = set(_COMMAND.findall(TEXT + makefile))
    for name in named - {"venv", "pip", "benchmarks.FOLDER.NAME"}:
        at = REPOSITORY.joinpath(*name.split("."))
        assert at.with_suffix(".py").exists() or (at / "__main__.py").exists(), name


@pytest.mark.parametrize(
    ("table", "schema"),
    [
        ("authors", AUTHORS),
        ("author_summaries", SUMMARIES),
        ("failed_authors", FAILURES),
        ("rejected_source_rows", REJECTED),
    ],
)
def test_every_column_of_a_table_is_named_with_what_it_holds(table, schema):
    section = (DOCS / "columns.md").read_text(encoding="utf-8").partition(f"\n## {table}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])} == set(schema.names())


def test_the_glossary_is_one_screen():
    assert len((DOCS / "glossary.md").read_text(encoding="utf-8").splitlines()) <= 45


def test_the_index_names_every_document():
    index = DOCS / "README.md"
    named = {file for file, _ in links_of(index)}
    for path in documents():
        if path.parent == index.parent and path != index:
            assert path in named, path.name
