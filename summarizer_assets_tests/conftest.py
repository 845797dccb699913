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

#: The files that take longest, begun first, so that several workers end together: one that is begun last is waited for
#: by all others. Seconds when this was written: 230 to 20. Nearly the longest first: those that have a Dagster of their
#: own stand between others, for all of them at once would starve one another.
LONGEST = (
    "browser/test_ui.py",
    "test_cluster.py",
    "benchmarks/test_engine.py",
    "test_docs.py",
    "browser/test_make_ui.py",
    "test_crash.py",
    "browser/test_stopped_backfill.py",
    "benchmarks/test_tables.py",
    "benchmarks/test_faults.py",
    "test_faults_table.py",
    "rehearsal/test_rehearse.py",
    "test_cancel.py",
    "cli/test_run.py",
    "bucket_run/test_outage.py",
    "test_remote_root.py",
    "browser/test_component.py",
    "test_faults_of_disks.py",
    "test_demo.py",
    "test_sensor.py",
    "test_suspended.py",
    "test_kills.py",
    "test_main_job.py",
    "test_rights_of_files.py",
    "test_healing.py",
    "storage/delta/test_object_store_commits.py",
    "test_money.py",
    "bucket_run/test_known_content.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    places = {here / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
