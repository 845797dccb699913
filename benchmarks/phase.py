"""A part of a benchmark as a process of its own, measured from outside."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any

# A child's peak memory counts from its parent's, so whoever imports this loads little.


def measured(phase: str, environment: Mapping[str, str], module: str = "tables.scale_ingest") -> dict[str, Any]:
    """Run `python -m benchmarks.MODULE PHASE OUT`: its result, CPU seconds, wall seconds and peak memory in MB."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as out:
        command = [sys.executable, "-m", f"benchmarks.{module}", phase, out.name]
        began = time.monotonic()
        child = os.posix_spawn(sys.executable, command, {**os.environ, **environment})
        _, status, usage = os.wait4(child, 0)
        wall = time.monotonic() - began
        if status != 0:
            raise SystemExit(f"phase {phase} failed; its output is above")
        return {
            "result": json.load(out),
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "wall_s": wall,
            "peak_mb": usage.ru_maxrss / 1024,  # kilobytes on Linux
        }
