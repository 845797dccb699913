"""A run of one bucket that notes where it is, and kills itself where it was told to.

Imported by `benchmarks.faults.kills`, which starts it; a module of its own, so that a process can be forked with all
imports done and nothing begun.
"""

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.faults.traced import ASKER, BEGUN, ENDED, Aim, Trace, settle_in
from summarizer_assets.bucket_run import results as outcomes
from summarizer_assets.bucket_run import run as pipeline
from summarizer_assets.bucket_run import work
from summarizer_assets.bucket_run.asking.online import OnlineRequests
from summarizer_assets.llm.client import Client
from summarizer_assets.storage.delta.writer import BucketWriter
from summarizer_assets.storage.journal import Journal, Segment
from summarizer_assets.storage.state_db.state import StateStore
from testing import worker

PHASES = (
    "starting",
    "planning",
    "claiming",
    "replaying",
    "asking",
    "journal",
    "sealing",
    "append",
    "merge",
    "overwrite",
    "compact",
    "dropping",
    "settling",
    "finishing",
    "ended",
)
_AUTHOR = re.compile(r'^#"', re.MULTILINE)


def install(trace: Trace) -> None:
    """Put the notes around what the phases are named after."""
    trace.around(work, "take_snapshot", "planning")
    trace.around(StateStore, "try_claim", "claiming")
    trace.around(work, "replay", "replaying")
    trace.around(OnlineRequests, "start", "starting", then="asking")
    trace.around(OnlineRequests, "join", "asking", then="settling")
    trace.around(Journal, "write", "journal", cell=ASKER)
    trace.around(Segment, "seal", "sealing")
    trace.around(BucketWriter, "apply", lambda _, change: type(change).__name__.lower())
    trace.around(outcomes, "drop", "dropping")
    trace.around(pipeline.BucketRun, "finish", "finishing", then="ended")
    complete = Client.complete

    async def counted(client: Client, body: bytes, **options: Any) -> Any:  # noqa: ANN401 - as the original
        authors = len(_AUTHOR.findall(json.loads(body)["messages"][-1]["content"]))
        trace.cells[BEGUN] += authors
        try:
            return await complete(client, body, **options)
        finally:
            trace.cells[ENDED] += authors

    Client.complete = counted  # type: ignore[method-assign,assignment] # the victim is watched, not changed


def live(bucket: str, environment: Mapping[str, str], home: str, said: str, cells: Any, aim: Aim | None) -> None:  # noqa: ANN401 - an array of multiprocessing's
    """A run of a bucket in this new process."""
    settle_in(environment, home, said)
    install(Trace(cells, aim, PHASES))
    sys.exit(worker.main(bucket))
