"""Each benchmark at its small size, so that none rots; a file for each folder, so that they run side by side."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]

#: Run at their small size, by the test of their folder; a new one has to be named here.
RUN = (
    "engine",
    "engine.answered_job",
    "engine.answers",
    "engine.bucket_start",
    "engine.estimate",
    "engine.group_sizes",
    "engine.journal",
    "engine.limits",
    "engine.start",
    "engine.tokens",
    "engine.transport",
    "faults.batch_kills",
    "faults.cut_network",
    "faults.failed_buckets",
    "faults.hopeless",
    "faults.kills",
    "faults.lost_host_journal",
    "faults.second_model",
    "tables.batch_bucket",
    "tables.batch_job",
    "tables.capacity",
    "tables.checks",
    "tables.csv_cost",
    "tables.dialects",
    "tables.month",
    "tables.object_store",
    "tables.report",
    "tables.scale",
    "tables.stores",
)
#: Only loaded here, for a daemon, a browser or a cluster takes minutes at any size: `test_cluster.py` runs the first,
#: and other tests run each of these servers; `forms` needs many authors to be decided by, `test_money.py` runs `money`.
LOADED = (
    "cluster.budget",
    "cluster.faults",
    "cluster.same",
    "cluster.speed",
    "engine.money",
    "faults.daemon",
    "faults.healing",
    "tables.forms",
    "ui",
)


def run_small(name: str, folder: Path) -> str:
    """What benchmark `name` printed; it kept its promises, and left nothing in the folder it was started in."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SUMMARIZER_", "DAGSTER_"))
    }
    environment |= {"PYTHONPATH": str(PROJECT), "HOME": str(folder)}  # Postgres' user reaches only the usual TMPDIR
    environment["HYPOTHESIS_STORAGE_DIRECTORY"] = str(folder / "hypothesis")
    started_in = folder / "started-in"
    started_in.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--small"],
        cwd=started_in,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    assert done.stdout.strip(), "it printed nothing"
    if (last := done.stdout.splitlines()[-1]).startswith("{"):
        assert json.loads(last)
    assert list(started_in.iterdir()) == []
    return done.stdout


def how_it_is_started(path: Path) -> set[str]:
    """What the script tells `command` of itself: `small`, its small size, or `part_of`, whose process it is."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return {
        keyword.arg
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "command"
        for keyword in call.keywords
        if keyword.arg
    }
