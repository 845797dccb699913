"""One contender of `benchmarks.engine` in a process of its own: `python -m benchmarks.engine.run NAME WORK.json`.

It warms up on a few authors, so that the start of the process and what is imported late are not counted, then does the
measured bucket. Prints its figures as one line of JSON: CPU of the whole process, all threads.
"""

import gc
import json
import resource
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, part_of="engine")
    parser.add_argument("name")
    parser.add_argument("work", type=json.loads)
    options = parser.parse_args()

from benchmarks.engine.contender import WARM, Done, Work
from benchmarks.engine.loop_watch import told, watched

Runner = Callable[[Work, str], Done]


def _ours(work: Work, *, dagster: bool, later: bool) -> Runner:
    from benchmarks.engine.ours import House  # noqa: PLC0415 - the others' memory must not count our imports

    house = House(work)
    if later:
        house.after_another_run()
    return lambda _, bucket: house.through_dagster(bucket) if dagster else house.alone(bucket)


def _reference() -> Runner:
    from benchmarks.engine import reference  # noqa: PLC0415 - as above

    return lambda work, bucket: reference.run(replace(work, bucket=bucket))


def _cookbook() -> Runner:
    from benchmarks.engine import cookbook  # noqa: PLC0415 - as above

    return lambda work, bucket: cookbook.run(replace(work, bucket=bucket))


def _daft() -> Runner:
    from benchmarks.engine import daft_udf  # noqa: PLC0415 - as above, and it is in another environment

    return lambda work, bucket: daft_udf.run(replace(work, bucket=bucket))


def _sketch(name: str) -> Runner:
    from benchmarks.engine import sketches  # noqa: PLC0415 - as above

    run = {"row by row": sketches.row_by_row, "500 a request": sketches.grouped}[name]
    return lambda work, bucket: run(replace(work, bucket=bucket))


def runner(name: str, work: Work) -> Runner:
    """The contender called `name`, in `benchmarks.engine`'s words."""
    if name.startswith("ours"):
        given = replace(work, grounding="grounding" in name)
        return _ours(given, dagster="no Dagster" not in name, later="later run" in name)
    others = {"reference": _reference, "cookbook": _cookbook, "Daft": _daft}
    return others[name]() if name in others else _sketch(name)


def server(url: str, path: str) -> dict[str, Any]:
    """What the server says at `path` of its controls."""
    connection = HTTPConnection(urlsplit(url).netloc)
    connection.request("GET", path)
    told: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return told


def measure(name: str, work: Work, latency_s: float) -> dict[str, Any]:
    run = runner(name, work)
    run(replace(work, authors=None), WARM)
    gc.collect()
    server(work.url, f"/latency/{latency_s}")
    if work.rpm:
        server(work.url, f"/limit/{work.rpm}")
    before = server(work.url, "/told")["cpu_s"]
    with watched() if latency_s else nullcontext([]) as holds:  # the watch takes CPU, if little
        cpu, wall = time.process_time(), time.monotonic()
        done = run(work, work.bucket)
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    served = server(work.url, "/told")
    return {
        "authors": done.authors,
        "requests": done.requests,
        "cpu_s": cpu,
        "wall_s": wall,
        "asking_s": served["busy_s"],
        "throttles": served["throttled"],
        "server_share": (served["cpu_s"] - before) / wall,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **told(holds),
    }


def main(name: str, given: dict[str, Any]) -> None:
    latency_s = given.pop("latency_s")
    work = Work(**{**given, "folder": Path(given["folder"]), "out": Path(given["out"])})
    # One descriptor a connection.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 16384) if most > 0 else 16384, most))
    print(json.dumps(measure(name, work, latency_s)))


if __name__ == "__main__":
    main(options.name, options.work)
