"""A run, or a look at the batch jobs, that notes where it is, and kills itself where it was told to.

Imported by `benchmarks.faults.batch_kills`, which starts it; a module of its own, so that a process can be forked with
all imports done and nothing begun.
"""

import sys
import uuid
from collections.abc import Mapping
from typing import Any

import dagster as dg

from benchmarks.faults.traced import ASKER, Aim, Trace, settle_in
from summarizer_assets.bucket_run import run as pipeline
from summarizer_assets.bucket_run import work
from summarizer_assets.bucket_run.batches.collect import Collector
from summarizer_assets.bucket_run.batches.route import BatchRoute
from summarizer_assets.definitions import build_defs
from summarizer_assets.installation import Summarizer
from summarizer_assets.routes import batch_api
from summarizer_assets.settings import load_settings
from summarizer_assets.storage.delta.stream import persist
from summarizer_assets.storage.delta.writer import BucketWriter
from summarizer_assets.storage.journal import Journal
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.state import StateStore

#: Of the batch jobs, by what they are steps of; the others are of every run.
OF_THE_JOBS: Mapping[str, tuple[str, ...]] = {
    "submit": ("planned", "funded", "files listed", "uploading"),
    "create": ("creating",),
    "poll": ("listing", "looking"),
    "collect": ("downloading", "reading", "journal", "stored", "booked"),
}
_OF_A_RUN = ("starting", "working", "snapshot", "claiming", "noting a state", "finishing", "ended")
PHASES = (*_OF_A_RUN, *(phase for phases in OF_THE_JOBS.values() for phase in phases))
#: The calls of the provider, by the methods that make them.
_CALLS = {
    "files": "files listed",
    "upload": "uploading",
    "create": "creating",
    "jobs": "listing",
    "job": "looking",
    "download": "downloading",
}


def _install(trace: Trace) -> None:
    """Put the notes around what the phases are named after."""
    trace.around(work, "take_snapshot", "snapshot")
    trace.around(StateStore, "try_claim", "claiming")
    trace.around(BatchRoute, "start", "working", then="working")
    for name, phase in (("plan", "planned"), ("fund", "funded"), ("move", "noting a state"), ("settle", "booked")):
        trace.around(BatchJobs, name, phase, cell=ASKER)
    api = type(batch_api(load_settings()))
    for name, phase in _CALLS.items():
        if hasattr(api, name):
            trace.around(api, name, phase, cell=ASKER)
    trace.around(Collector, "collect", "reading", cell=ASKER)
    trace.around(Journal, "write", "journal", cell=ASKER)
    trace.around(BucketWriter, "apply", "stored")
    trace.around(pipeline.BucketRun, "finish", "finishing", then="ended")


def _ahead(seconds: float) -> None:
    """The store's clock shows so many seconds more than it is, as the provider's does."""
    now = Database.now
    Database.now = lambda self, connection: now(self, connection) + seconds  # type: ignore[method-assign] # the steered clock


def _run(bucket: str) -> int:
    """A run as the asset does it, without Dagster around it; 1 if it stopped for more than to wait."""
    summarizer = Summarizer(load_settings(None))
    with summarizer.bucket_run(bucket, uuid.uuid4().hex, log=print) as run:
        persist(summarizer.tables.summaries, run.summaries)
        persist(summarizer.tables.failures, run.failures)
        run.finish()
    print(run.stop)
    return 0 if run.stop is None or run.waits else 1


def live(
    what: str,
    environment: Mapping[str, str],
    home: str,
    said: str,
    cells: Any,  # noqa: ANN401 - an array of multiprocessing's
    aim: Aim | None,
    ahead_s: float,
) -> None:
    """In this new process: a run of the bucket `what`, or one tick of the sensor of that name."""
    settle_in(environment, home, said)
    _ahead(ahead_s)
    _install(Trace(cells, aim, PHASES))
    if what.isdecimal():
        sys.exit(_run(what))
    defs = build_defs()
    with dg.DagsterInstance.ephemeral() as instance:
        resources = {"summarizer": Summarizer(load_settings())}
        with dg.build_sensor_context(instance=instance, definitions=defs, resources=resources) as context:
            cells[0] = PHASES.index("working")
            defs.resolve_sensor_def(what)(context)
