"""What holds for all tests."""

import asyncio
import signal
from pathlib import Path

import pytest
import uvloop
from hypothesis import settings

# Examples have no deadline: how long one takes says more of the machine than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# The event loop of tests is that of runs: uvloop's timers are not asyncio's, which once left a run waiting for ever.
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

# In the background of a script SIGINT is ignored. Dagster handles SIGTERM as it does SIGINT, and what a test starts
# would inherit that: nothing could be ended.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

#: The files that take longest, the longest first. They are begun first, so that several workers end together: one that
#: is begun last is waited for by all others. Seconds on two busy cores when this was written: 330 to 30.
LONGEST = (
    "test_docs.py",
    "browser/test_ui.py",
    "test_faults_table.py",
    "test_cluster.py",  # not beside the two above: each of the three has a Dagster of its own
    "test_healing.py",
    "test_crash.py",
    "test_sensor.py",
    "test_canary.py",
    "browser/test_component.py",
    "bucket_run/test_outage.py",
    "rehearsal/test_rehearse.py",
    "storage/delta/test_object_store_commits.py",
    "test_pipeline.py",
    "test_suspended.py",
    "test_cancel.py",
    "test_remote_root.py",
    "test_budget.py",
    "ingest/test_increments.py",
    "test_faults_of_disks.py",
    "test_kills.py",
    "test_demo.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    places = {here / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
