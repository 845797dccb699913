"""A run that sleeps longer than its lease: whoever took its bucket meanwhile is neither overwritten nor paid for twice.

A machine that is paused, a container that is frozen, SIGSTOP: the run wakes up and knows nothing of it.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.provider import FaultyProvider
from testing.installation import Installation, ingested
from testing.provider import answer

AUTHORS, GROUP, IN_FLIGHT, LEASE_S = 200, 5, 4, 1.0

#: The worker with a lease short enough to sleep through it.
WORKER = f"""
import sys, time
from pathlib import Path
from summarizer_assets.installation import Summarizer
Summarizer.__init__.__kwdefaults__["lease_s"] = {LEASE_S}
{{more}}
from testing import worker
sys.exit(worker.main("0000"))
"""

#: It waits in its second commit to be put to sleep: the claim was checked, the fence too, the rows are on their way.
IN_A_COMMIT = """
from summarizer_assets.storage.delta.writer import BucketWriter
commit, commits = BucketWriter._commit, []
def sleepy(self, handle, change, *mark):
    commits.append(change)
    if len(commits) == 2:
        Path({waits!r}).touch()
        while not Path({goes_on!r}).exists():
            time.sleep(0.01)
    return commit(self, handle, change, *mark)
BucketWriter._commit = sleepy
"""


@pytest.fixture
def provider() -> FaultyProvider:
    return FaultyProvider(answer, Plan(latency_s=0.1, latency_spread_s=0.1))


@pytest.fixture
def installation(tmp_path, provider) -> Iterator[Installation]:
    with ingested(
        provider,
        tmp_path,
        AUTHORS,
        group_size=GROUP,
        max_in_flight=IN_FLIGHT,
        commit_rows=30,
        commit_interval_s=0.5,
    ) as house:
        yield house


@contextmanager
def sleeper(house: Installation, more: str = "") -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", WORKER.format(more=more)]
    environment = {**os.environ, **house.environment()}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it did not come true within a minute"
        time.sleep(0.02)


def is_asleep(process: "subprocess.Popen[str]") -> bool:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def asked(provider: FaultyProvider) -> Counter[str]:
    return Counter(author_id for entry in provider.entries for author_id in entry.ids)


def fall_asleep(process: "subprocess.Popen[str]", house: Installation) -> None:
    """Stop the run and wait until its claim has lapsed."""
    with house.summarizer.database.begin():  # else it may sleep with the state store's one lock in its hand
        process.send_signal(signal.SIGSTOP)
        wait_for(lambda: is_asleep(process))
    wait_for(lambda: not house.summarizer.state.holders())


def assert_told(said: str) -> None:
    """Whichever lock is met first: the claim, or the fence when it fell asleep in a commit."""
    assert "our claim lapsed and another run took it" in said or "another run wrote to bucket" in said
    assert "this run stops without writing" in said


def assert_paid_twice_is_bounded(provider: FaultyProvider) -> None:
    """By the run's places: it may be stopped when a request has its permit, and the provider has not seen it yet."""
    assert sum(times - 1 for times in asked(provider).values()) <= IN_FLIGHT * GROUP


def test_a_run_that_wakes_up_after_another_did_its_work_writes_nothing_and_says_why(installation, provider):
    with sleeper(installation) as run:
        wait_for(lambda: len(provider.entries) >= 15)
        fall_asleep(run, installation)
        (other,) = installation.summarize()
        assert other.success
        versions = installation.versions()

        run.send_signal(signal.SIGCONT)
        said, _ = run.communicate(timeout=60)

    assert run.returncode == 1
    assert_told(said)
    assert installation.versions() == versions
    installation.assert_each_author_in_one_place()
    assert_paid_twice_is_bounded(provider)
    (last,) = installation.summarize()  # what it wrote into the journal as it woke up says nothing new
    assert last.success
    assert installation.versions() == versions


def test_a_run_that_wakes_up_while_another_works_leaves_the_bucket_to_it(installation, provider):
    with sleeper(installation) as run:
        wait_for(lambda: len(provider.entries) >= 15)
        fall_asleep(run, installation)
        before = len(provider.entries)
        with sleeper(installation) as heir:
            wait_for(lambda: len(provider.entries) >= before + 15)
            run.send_signal(signal.SIGCONT)
            said, _ = run.communicate(timeout=60)
            heir.communicate(timeout=60)

    assert run.returncode == 1
    assert_told(said)
    assert heir.returncode == 0
    installation.assert_each_author_in_one_place()
    assert_paid_twice_is_bounded(provider)


def test_a_run_that_falls_asleep_within_a_commit_does_not_finish_it_over_another_s(installation, provider, tmp_path):
    waits, goes_on = tmp_path / "waits", tmp_path / "goes_on"
    with sleeper(installation, IN_A_COMMIT.format(waits=str(waits), goes_on=str(goes_on))) as run:
        wait_for(waits.exists)
        fall_asleep(run, installation)
        (other,) = installation.summarize()
        assert other.success
        rows = installation.frame("summaries").sort("author_id")
        versions = installation.versions()

        goes_on.touch()
        run.send_signal(signal.SIGCONT)
        said, _ = run.communicate(timeout=60)

    assert run.returncode == 1
    assert_told(said)
    assert installation.versions() == versions
    assert installation.frame("summaries").sort("author_id").equals(rows)
    installation.assert_each_author_in_one_place()
    assert_paid_twice_is_bounded(provider)


def test_a_run_that_wakes_up_before_anybody_took_its_bucket_goes_on(installation, provider):
    with sleeper(installation) as run:
        wait_for(lambda: len(provider.entries) >= 15)
        fall_asleep(run, installation)
        run.send_signal(signal.SIGCONT)
        run.communicate(timeout=60)

    assert run.returncode == 0
    installation.assert_each_author_in_one_place()
    assert max(asked(provider).values()) == 1
