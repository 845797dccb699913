"""What `make ui` says when it cannot start."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


def refused(folder: Path, *arguments: str, **settings: str) -> str:
    """What it says on its way out, after the root."""
    ours = ("SUMMARIZER_", "DAGSTER_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    ended = subprocess.run(
        [sys.executable, "-m", "summarizer_assets", "ui", *arguments],
        cwd=folder,
        env=environment | {"SUMMARIZER_ROOT": str(folder / "data")} | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 2
    return ended.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"SUMMARIZER_BUCKETS": "many"}, "SUMMARIZER_BUCKETS: "),
        ({"SUMMARIZER_UI_HOSTS": '["https://dagster.example.org"]'}, "is no host"),
        ({"SUMMARIZER_UI_HOSTS": '["*"]'}, "is no host"),
        (
            {
                "SUMMARIZER_LLM_BASE_URL": "http://127.0.0.1:9/v1",
                "SUMMARIZER_LLM_MODEL": "unheard-of",
                "SUMMARIZER_BUDGET_USD": "1",
            },
            "SUMMARIZER_PRICE_INPUT_USD",
        ),
    ],
)
def test_a_setting_that_cannot_work_is_told_in_one_line_and_nothing_is_started(tmp_path, settings, says) -> None:
    assert says in refused(tmp_path, **settings)
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_told_with_a_way_out(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused(tmp_path, "--port", str(port)).startswith(f"Error: port {port} is taken: ")
