"""The demo as a command: what it makes, whatever is set; what its first page shows is looked at in a browser."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from summarizer_assets.settings import PREFIX


def versions(root: Path) -> dict[str, int]:
    return {log.parent.name: DeltaTable(log.parent).version() for log in root.glob("*/_delta_log")}


def demo(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run where somebody has set up a table and a provider of their own, which must not be asked."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment |= {
        "DAGSTER_HOME": str(folder / "mine"),
        f"{PREFIX}SOURCE": "mine.parquet",
        f"{PREFIX}BUCKETS": "3",
        f"{PREFIX}GROUP_SIZE": "none",
    }
    (folder / ".env").write_text(f"{PREFIX}LLM_BASE_URL=http://127.0.0.1:9/v1\n{PREFIX}ROOT=mine\n", encoding="utf-8")
    command = [sys.executable, "-m", "summarizer_assets", "demo", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.slow
def test_it_is_the_sample_in_a_folder_of_its_own_whatever_is_set_and_a_second_run_changes_nothing(tmp_path):
    first = demo(tmp_path)
    assert first.returncode == 0, first.stderr
    for part in (
        "have a summary",
        "no_papers: the record has neither papers nor topics",
        "0  are still to be asked",
        "3 of the summaries",
        f"The report: {tmp_path}/demo/report.html",
    ):
        assert part in first.stdout
    assert {path.name for path in tmp_path.iterdir()} == {".env", "demo"}
    assert {"report.html", "dagster", "state.sqlite"} < {path.name for path in (tmp_path / "demo").iterdir()}
    made = versions(tmp_path / "demo")
    assert made.keys() == {"authors", "author_summaries", "failed_authors", "rejected_source_rows"}
    found: dict[str, Any] = json.loads(demo(tmp_path, "--json").stdout)
    assert found["authors"] == found["summaries"] + sum(found["failed"].values()) > 900
    assert (found["pending"], found["failed_runs"], len(found["examples"])) == (0, [], 3)
    assert versions(tmp_path / "demo") == made
