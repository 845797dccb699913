"""A run that dies, is told to end, or meets another one: nothing answered is lost, nothing is paid for twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from testing.installation import Installation, ingested
from testing.provider import answer

AUTHORS, GROUP, IN_FLIGHT = 600, 5, 6


@pytest.fixture
def provider() -> FaultyProvider:
    return FaultyProvider(answer, Plan(latency_s=0.05, latency_spread_s=0.05))


@pytest.fixture
def installation(tmp_path, provider) -> Iterator[Installation]:
    with ingested(
        provider,
        tmp_path,
        AUTHORS,
        group_size=GROUP,
        max_in_flight=IN_FLIGHT,
        commit_rows=50,
        commit_interval_s=0.5,
    ) as house:
        yield house


#: The worker, told to end while its second commit is on its way.
TOLD_IN_A_COMMIT = """
import os, signal, sys
from summarizer_assets.storage.delta.writer import BucketWriter
commit, commits = BucketWriter._commit, []
def told(self, handle, change, *mark):
    commits.append(change)
    if len(commits) == 2:
        os.kill(os.getpid(), signal.SIGTERM)
    return commit(self, handle, change, *mark)
BucketWriter._commit = told
from testing import worker
sys.exit(worker.main("0000"))
"""


def start(house: Installation, program: str | None = None) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "testing.worker", "0000"]
    if program is not None:
        command = [sys.executable, "-c", program]
    environment = {**os.environ, **house.environment()}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def wait_for(condition, worker: "subprocess.Popen[str]") -> None:
    for _ in range(1200):
        if condition():
            return
        assert worker.poll() is None, f"the run ended too early: {worker.communicate()[0]}"
        time.sleep(0.05)
    pytest.fail("the run did not get so far within a minute")


def asked(provider: FaultyProvider) -> Counter[str]:
    return Counter(author_id for entry in provider.entries for author_id in entry.ids)


def answered(provider: FaultyProvider) -> set[str]:
    return {author_id for entry in provider.entries if entry.status == 200 for author_id in entry.ids}


def test_killed_runs_pay_again_only_for_what_was_in_flight(installation, provider):
    chance = random.Random(5)
    killed = 0
    for _ in range(3):
        before = len(provider.entries)
        worker = start(installation)
        enough = before + chance.randint(5, 25)
        wait_for(lambda enough=enough: len(provider.entries) >= enough, worker)
        time.sleep(chance.random() * 0.3)
        worker.kill()
        worker.communicate()
        killed += 1
        # Whatever the moment: the table opens, and holds no author twice.
        assert installation.frame("summaries")["author_id"].is_unique().all()

    (last,) = installation.summarize()

    assert last.success
    installation.assert_each_author_in_one_place()
    assert installation.frame("summaries").height == AUTHORS
    paid_twice = sum(times - 1 for times in asked(provider).values())
    assert paid_twice <= killed * IN_FLIGHT * GROUP


def test_a_run_told_to_end_stores_all_that_was_answered(installation, provider):
    worker = start(installation)
    wait_for(lambda: len(provider.entries) >= 20, worker)
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=60)

    assert worker.returncode != 0
    stored = set(installation.frame("summaries")["author_id"])
    assert stored == answered(provider)
    assert 0 < len(stored) < AUTHORS

    (rest,) = installation.summarize()
    assert rest.success
    installation.assert_each_author_in_one_place()
    assert max(asked(provider).values()) == 1


def test_a_run_told_to_end_within_a_commit_finishes_it_and_stores_the_rest_that_was_answered(installation, provider):
    worker = start(installation, TOLD_IN_A_COMMIT)
    worker.communicate(timeout=60)

    assert worker.returncode != 0
    stored = set(installation.frame("summaries")["author_id"])
    assert stored == answered(provider)
    assert 0 < len(stored) < AUTHORS
    (rest,) = installation.summarize()
    assert rest.success
    installation.assert_each_author_in_one_place()
    assert max(asked(provider).values()) == 1


def test_a_run_told_twice_to_end_ends_at_once_and_what_it_had_in_flight_is_all_that_is_asked_again(
    installation, provider
):
    worker = start(installation)
    wait_for(lambda: len(provider.entries) >= 20, worker)
    provider.use(Plan(latency_s=600))
    before = len(provider.entries)
    wait_for(lambda: len(provider.entries) >= before + IN_FLIGHT, worker)  # none of these is answered any more
    worker.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert worker.poll() is None, "it did not wait for what it had in flight"
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=30)

    assert worker.returncode != 0
    provider.use(Plan())
    (rest,) = installation.summarize()
    assert rest.success
    installation.assert_each_author_in_one_place()
    assert sum(times - 1 for times in asked(provider).values()) <= IN_FLIGHT * GROUP


@pytest.mark.parametrize("fault", ["throttled", "unavailable"])
def test_a_run_told_to_end_while_the_provider_keeps_it_waiting_ends_and_stores_what_was_answered(
    installation, provider, fault
):
    worker = start(installation)
    wait_for(lambda: len(provider.entries) >= 20, worker)
    provider.use(Plan(rules=(Rule(fault, share=1.0),)))
    before = len(provider.entries)
    wait_for(lambda: len(provider.entries) >= before + IN_FLIGHT, worker)
    time.sleep(1)  # by now it waits: for its turn, for a retry, or for the provider to be back
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=60)

    assert worker.returncode != 0
    assert set(installation.frame("summaries")["author_id"]) == answered(provider)
    assert installation.frame("failures").is_empty()
    assert not installation.summarizer.state.holders()
    provider.use(Plan())
    (rest,) = installation.summarize()
    assert rest.success
    installation.assert_each_author_in_one_place()


def test_the_second_run_of_a_bucket_is_refused_before_its_first_call(installation, provider):
    provider.use(Plan(latency_s=3))  # the first run lasts a minute, longer than the second takes to start
    first = start(installation)
    wait_for(lambda: provider.entries, first)
    second = start(installation)
    said, _ = second.communicate(timeout=60)
    assert first.poll() is None, "the first run ended before the second was refused"
    provider.use(Plan())

    assert second.returncode == 1
    assert "is being worked on by run" in said
    first.communicate(timeout=60)
    assert first.returncode == 0
    installation.assert_each_author_in_one_place()
    assert max(asked(provider).values()) == 1


def test_a_run_whose_journal_is_damaged_uses_the_good_part_and_asks_for_the_rest(installation, provider):
    worker = start(installation)
    wait_for(lambda: len(provider.entries) >= 20, worker)
    worker.kill()
    worker.communicate()
    segments = sorted((installation.summarizer.journal / "0000").glob("*.journal"))
    assert segments, "the killed run left no journal"
    for segment in segments:
        segment.write_bytes(segment.read_bytes()[:-7])

    (last,) = installation.summarize()

    assert last.success
    installation.assert_each_author_in_one_place()
    torn = len(segments) * GROUP  # the last record of each segment
    assert sum(times - 1 for times in asked(provider).values()) <= IN_FLIGHT * GROUP + torn


def test_a_run_without_work_makes_no_call_no_claim_and_no_version(installation, provider):
    installation.summarize()
    calls, versions = len(provider.entries), installation.versions()

    (again,) = installation.summarize()

    assert again.success
    assert len(provider.entries) == calls
    assert installation.versions() == versions
    assert [len(runs) for runs in installation.summarizer.state.recent_runs().values()] == [1]
