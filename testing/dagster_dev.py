"""A real `dagster dev` (daemon and webserver) over a folder of its own, driven by its GraphQL interface."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import httpx

from summarizer_assets.installation import Summarizer
from summarizer_assets.sensors.facts import retry_facts

_CONFIGURATION = """
telemetry: {enabled: false}
concurrency: {runs: {max_concurrent_runs: 2}}
nux: {enabled: false}
"""

_BACKFILL = """
mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}
"""
_TERMINATE = """
mutation($run: String!) {
  terminateRun(runId: $run, terminatePolicy: SAFE_TERMINATE) { __typename }
}
"""


class DagsterDev:
    """A running `dagster dev`: `instance` reads what it stored."""

    def __init__(self, instance: dg.DagsterInstance, url: str, pid: int = 0) -> None:
        self.instance = instance
        self.pid = pid
        self._url = f"{url}/graphql"

    def backfill(self, assets: Sequence[str], partitions: Sequence[str]) -> str:
        """Launch the partitions of the assets, as the UI's Materialize does; returns the backfill's id."""
        params = {"assetSelection": [{"path": [asset]} for asset in assets], "partitionNames": list(partitions)}
        found = self._ask(_BACKFILL, {"params": params})["launchPartitionBackfill"]
        if "backfillId" not in found:
            raise SystemExit(f"the backfill was refused: {found}")
        return str(found["backfillId"])

    def runs_of(self, backfill: str) -> list[dg.DagsterRun]:
        return list(self.instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill})))

    def terminate(self, run_id: str) -> None:
        """Cancel a run, as a person would in the UI."""
        self._ask(_TERMINATE, {"run": run_id})

    def ticks(self, sensor: str = "retry_failed_authors") -> list[tuple[float, str, int]]:
        """All ticks of a sensor: time, status, runs requested; oldest first."""
        return sorted(
            (tick.timestamp, tick.status.value, len(tick.run_ids))
            for state in self.instance.all_instigator_state()
            if state.instigator_name == sensor
            for tick in self.instance.get_ticks(state.instigator_origin_id, state.selector_id)
        )

    def _ask(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        answer = httpx.post(self._url, json={"query": query, "variables": variables}, timeout=60).json()
        if answer.get("errors"):
            raise SystemExit(f"GraphQL: {answer['errors']}")
        data: dict[str, Any] = answer["data"]
        return data


@contextmanager
def dagster_dev(home: Path, environment: Mapping[str, str]) -> Iterator[DagsterDev]:
    """Start it over `home`, wait until it answers, and end all of its processes afterwards."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(_CONFIGURATION)
    port = _free_port()
    command = [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)]
    command += ["-m", "summarizer_assets.definitions"]
    variables = {**os.environ, **environment, "DAGSTER_HOME": str(home)}
    with (home / "dev.log").open("a") as log:
        process = subprocess.Popen(
            command, env=variables, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, cwd=home
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: _answers(url), "dagster dev answers", patience_s=180)
            with dg.DagsterInstance.from_config(str(home)) as instance:
                yield DagsterDev(instance, url, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # its own session: nothing of anybody else is in it


def wait_until(condition: Callable[[], object], what: str, *, patience_s: float, every_s: float = 0.5) -> None:
    """Wait for a condition; end the script with what was waited for when it does not come."""
    until = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > until:
            raise SystemExit(f"waited {patience_s:.0f} s in vain until {what}")
        time.sleep(every_s)


def wait_for_quiet(dev: DagsterDev, summarizer: Summarizer, ticks: int) -> None:
    """Until so many ticks in a row asked for nothing while nothing ran and no failure waited for its time."""
    seen = {"ticks": len(dev.ticks()), "runs": -1}

    def quiet() -> bool:
        runs = dev.instance.get_runs()
        waiting = any(not run.is_finished for run in runs) or bool(retry_facts(summarizer).next_due_at)
        if len(runs) != seen["runs"] or waiting:
            seen.update(runs=len(runs), ticks=len(dev.ticks()))
        return len(dev.ticks()) - seen["ticks"] >= ticks

    wait_until(quiet, "the sensor has nothing more to do", patience_s=1200, every_s=1)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/server_info", timeout=5).is_success
    except httpx.TransportError:
        return False  # not up yet: the caller asks again, and has an end to its patience


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
