"""What a run costs that has nothing to ask: the start of its process, and the run itself.

    python -m benchmarks.engine.start [--authors 2000] [--rounds 5] [--instance dagster.yaml]

Dagster starts a process for each run, which imports the definitions; so does each command `summarizer`. A root of one
bucket is filled by the embedded provider first. Then each round starts a process of its own: it imports the
definitions, builds them, and materialises the finished bucket a first and a second time. CPU of the whole process, all
threads; medians of the rounds. Prints the table, then the same figures as JSON on the last line.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": 20, "rounds": 1})
    parser.add_argument("--authors", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--instance", type=Path, help="the configuration of Dagster's instance; without one, ours")
    options = parser.parse_args()

_OURS = Path(__file__).parents[2] / "summarizer_assets" / "dagster.yaml"

#: What a round does, one timed step a line; the names are those of the table.
_STEPS = {
    "import of dagster": "import dagster as dg",
    "import of the definitions": "from summarizer_assets.definitions import standalone",
    "definitions built": "job = standalone().resolve_job_def('summarize_bucket')",
    "instance opened": "instance = dg.DagsterInstance.get()",
    "first run": "done = job.execute_in_process(quiet, instance=instance, partition_key='0000')",
    "second run": "done = job.execute_in_process(quiet, instance=instance, partition_key='0000')",
}
_COMMAND = "summarizer status"
_PROGRAM = """
import json, time
quiet = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
told, space = {}, {"quiet": quiet}
for name, step in STEPS.items():
    cpu, wall = time.process_time(), time.monotonic()
    exec(step, space)
    told[name] = (time.process_time() - cpu, time.monotonic() - wall)
space["instance"].dispose()
print(json.dumps({"steps": told, "events": len(space["done"].all_events)}))
"""


def fill(folder: Path, authors: int) -> dict[str, str]:
    """A root with one finished bucket; the settings that name it, as variables."""
    from testing.installation import Installation, write_authors  # noqa: PLC0415 - `--help` need not load the job

    house = Installation(folder / "root", write_authors(folder / "authors.parquet", authors))
    house.ingest()
    [run] = house.summarize()
    if not run.success:
        raise SystemExit("the bucket could not be summarised by the embedded provider")
    return house.environment()


def one_round(environment: Mapping[str, str]) -> tuple[dict[str, tuple[float, float]], int]:
    """CPU and wall time of each step in seconds, and the events of a run."""
    program = f"STEPS = {_STEPS!r}\n{_PROGRAM}"
    told = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, text=True, stdout=subprocess.PIPE
    ).stdout
    found = json.loads(told.splitlines()[-1])
    return {**found["steps"], _COMMAND: _status(environment)}, found["events"]


def _status(environment: Mapping[str, str]) -> tuple[float, float]:
    """CPU and wall time of the whole command, its start included."""
    cpu, wall = os.times(), time.monotonic()
    call = "from summarizer_assets.cli.app import main; main(['status'], standalone_mode=False)"
    subprocess.run([sys.executable, "-c", call], env=environment, check=True, capture_output=True)
    after = os.times()
    used = after.children_user + after.children_system - cpu.children_user - cpu.children_system
    return used, time.monotonic() - wall


def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="start-") as name:
        folder = Path(name)
        home = folder / "dagster"
        home.mkdir()
        shutil.copyfile(options.instance or _OURS, home / "dagster.yaml")
        environment = {**os.environ, **fill(folder, options.authors), "DAGSTER_HOME": str(home)}
        rounds = [one_round(environment) for _ in range(options.rounds)]
    print(f"{options.authors:,} authors, none to ask; {rounds[0][1]} events a run\n")
    print(f"{'':32}{'CPU, s':>8}{'wall, s':>9}")
    figures = {}
    for step in rounds[0][0]:
        cpu, wall = (statistics.median(steps[step][which] for steps, _ in rounds) for which in (0, 1))
        figures[step] = {"cpu_s": cpu, "wall_s": wall}
        print(f"{step:32}{cpu:8.3f}{wall:9.3f}")
    print()
    print(json.dumps({"start": figures}))


if __name__ == "__main__":
    main(options)
