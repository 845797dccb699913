"""No benchmark is forgotten: each is run at its small size somewhere, and each part says whose it is."""

import subprocess
import sys

import pytest

from summarizer_assets_tests.benchmarks.sizes import LOADED, PROJECT, RUN, how_it_is_started
from summarizer_assets_tests.test_command_lines import SCRIPTS

#: By name below `benchmarks`, as in "engine.tokens"; that of a folder's `__main__` is the folder's.
SCRIPTS_HERE = {
    script.removeprefix("benchmarks/").removesuffix(".py").removesuffix("/__main__").replace("/", "."): PROJECT / script
    for script in SCRIPTS
    if script.startswith("benchmarks/")
}


def test_every_benchmark_has_a_small_size_that_is_run():
    told = {name: how_it_is_started(path) for name, path in SCRIPTS_HERE.items()}
    assert {name for name, said in told.items() if said not in ({"small"}, {"part_of"})} == set()
    whole = {name for name, said in told.items() if said == {"small"}}
    assert whole == {*RUN, *LOADED, "__main__"}


def test_each_part_belongs_to_a_benchmark_that_is_there():
    for name, path in SCRIPTS_HERE.items():
        if how_it_is_started(path) == {"part_of"}:
            told = subprocess.run(
                [sys.executable, "-m", f"benchmarks.{name}", "--help"],
                cwd=PROJECT,
                text=True,
                capture_output=True,
                check=True,
            ).stdout
            owner = told.rpartition("A part of benchmarks.")[2].partition(",")[0]
            assert owner in {*RUN, *LOADED}, name


def test_what_takes_minutes_at_any_size_can_be_loaded():
    paths = [SCRIPTS_HERE[name].relative_to(PROJECT).with_suffix("") for name in LOADED]
    loading = "; ".join(f"import {'.'.join(path.parts)}" for path in paths)
    subprocess.run([sys.executable, "-c", loading], cwd=PROJECT, check=True)


def test_make_bench_starts_what_is_there():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--small", "--only", "engine.transport"],
        cwd=PROJECT,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    unknown = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--all", "--only", "no-such"],
        cwd=PROJECT,
        text=True,
        capture_output=True,
        check=False,
    )
    named = set(unknown.stderr.partition("not among ")[2].partition(";")[0].split(", "))
    assert named
    assert named <= {*RUN, *LOADED}


def test_the_machine_s_own_network_is_never_taken_down(monkeypatch):
    from benchmarks.faults import cut_network  # noqa: PLC0415 - what it imports takes long

    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it touched the network"))
    for state in ("down", "up"):
        with pytest.raises(RuntimeError, match="machine's own network"):
            cut_network.network(state)


def test_without_the_right_to_a_network_of_its_own_it_refuses_and_starts_nothing(monkeypatch):
    from benchmarks.faults import cut_network  # noqa: PLC0415 - the same

    class Forbidding:
        def unshare(self, _flags: int) -> int:
            return -1

    monkeypatch.setattr(cut_network.ctypes, "CDLL", lambda *_, **__: Forbidding())
    monkeypatch.setattr(cut_network.ctypes, "get_errno", lambda: 1)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it touched the network"))
    with pytest.raises(SystemExit, match="run it as root"):
        cut_network.main(None)
