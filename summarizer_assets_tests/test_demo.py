"""The demo as a command: what it prints, and how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from summarizer_assets.settings import PREFIX


def versions(root: Path) -> dict[str, int]:
    return {log.parent.name: DeltaTable(log.parent).version() for log in root.glob("*/_delta_log")}


def demo(folder: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    home = folder / "dagster"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment |= {"DAGSTER_HOME": str(home), f"{PREFIX}BUCKETS": "2"}
    environment |= {PREFIX + name.upper(): value for name, value in settings.items()}
    command = [sys.executable, "-m", "summarizer_assets.demo"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def authors(tmp_path_factory) -> Path:
    """Four authors: of a few papers, of many, with a name in another script, and one of nothing to write about."""
    paper = {"ut": "1", "title": "On examples", "journal": "Samples", "citingsrcslocalcount": 3}
    rows = [
        {"author_id": "1", "author_name": "Nobody, Ann", "papers": [{**paper, "ut": str(n)} for n in range(3)]},
        {"author_id": "2", "author_name": "Nobody, Bo", "papers": [{**paper, "ut": str(n)} for n in range(30)]},
        {"author_id": "3", "author_name": "例一", "papers": [{**paper, "ut": str(n)} for n in range(4)]},
        {"author_id": "4", "author_name": "Nobody, Cy", "papers": []},
    ]
    file = tmp_path_factory.mktemp("source") / "authors.parquet"
    pl.DataFrame(rows).write_parquet(file)
    return file


@pytest.mark.slow
def test_the_report_counts_explains_and_shows_an_author_of_each_kind_and_a_second_run_changes_nothing(
    authors, tmp_path
):
    first = demo(tmp_path, source=str(authors))
    assert first.returncode == 0, first.stderr
    assert not first.stderr
    for line in (
        "4 authors in",
        "3  have a summary",
        "no_papers: the record has neither papers nor topics",
        "0  are still to be asked",
        "Nobody, Ann, 3 papers",
        "Nobody, Bo, 30 papers",
        "例一, 4 papers",
    ):
        assert line in first.stdout
    made = versions(tmp_path / "data")
    assert made.keys() == {"authors", "author_summaries", "failed_authors", "rejected_source_rows"}
    assert demo(tmp_path, source=str(authors)).returncode == 0
    assert versions(tmp_path / "data") == made


@pytest.mark.slow
def test_a_source_that_cannot_be_read_ends_with_its_error_and_the_run_to_look_at(tmp_path):
    ended = demo(tmp_path, source="nowhere.parquet")
    assert ended.returncode == 1
    assert "The ingest failed. `make ui` shows why: run " in ended.stdout
    assert "nowhere.parquet" in ended.stderr


def test_a_wrong_setting_is_named_before_anything_is_made(tmp_path):
    ended = demo(tmp_path, group_size="0")
    assert ended.returncode == 2
    assert "SUMMARIZER_GROUP_SIZE" in ended.stdout
    assert not (tmp_path / "data").exists()
