"""Several hosts, of which one dies: its journal is taken over where it can be seen, and spoils nothing later."""

import os
import time

import pytest

from summarizer_assets.storage.journal import Journal
from summarizer_assets.storage.state_db import state as state_module
from summarizer_assets.storage.state_db.state import StateStore
from summarizer_assets_tests.bucket_run.house import AUTHORS, BUCKET, Fuse, House, housed

ELSEWHERE = "host-a/another-boot/pid:[1]"


@pytest.fixture
def house(tmp_path):
    with housed(tmp_path, journal_dir=tmp_path / "disk-of-a") as made:
        made.ingest()
        yield made


def said_by(house: House) -> list[str]:
    said: list[str] = []
    run = house.prepare(log=said.append)
    house.work(run=run)
    return [line for line in said if "SUMMARIZER_JOURNAL_DIR" in line]


def dies_on_another_host(house: House, monkeypatch: pytest.MonkeyPatch, run_id: str) -> None:
    """Its claim is all that is left of it, and lapses."""
    with monkeypatch.context() as patched:
        patched.setattr(state_module, "this_host", lambda: ELSEWHERE)
        store = StateStore(house.summarizer.database, house.summarizer.root_name, lease_s=0.01)
        assert store.try_claim(BUCKET, run_id, "its-token") is None
    time.sleep(0.02)


def test_a_journal_that_comes_back_after_its_bucket_was_finished_elsewhere_changes_nothing_and_is_dropped(
    house, tmp_path
):
    house.killed(Fuse(at=1))
    kept = house.journaled()
    assert kept

    other = house.with_settings(journal_dir=tmp_path / "disk-of-b")
    other.work()  # the dead host's disk is not there: its authors are asked again
    assert all(house.asked()[author] == 2 for author in kept)
    summaries, versions = other.frame("summaries").sort("author_id"), other.installation.versions()
    assert summaries.height == AUTHORS

    back = house.with_settings()  # repaired, with its old disk
    assert back.journaled() == kept
    assert back.asked_by(back.work) == {}
    assert back.frame("summaries").sort("author_id").equals(summaries)
    assert back.installation.versions() == versions
    back.assert_settled()


def test_a_shared_journal_is_taken_over_from_a_dead_host_and_only_what_was_in_flight_is_asked_again(house):
    house.killed(Fuse(at=1))
    kept = house.journaled()
    other = house.with_settings()  # another host that mounts the same folder
    assert not kept & other.asked_by(other.work).keys()
    other.assert_settled()


def test_who_takes_over_from_another_host_without_its_journal_says_where_paid_answers_may_lie(house, monkeypatch):
    dies_on_another_host(house, monkeypatch, "run-on-a")
    [line] = said_by(house)
    assert "run-on-a, broke off on host host-a, " in line
    assert said_by(house) == []  # there is nothing to do any more, and nobody to speak of


@pytest.mark.parametrize("here", [True, False], ids=["its journal is here", "it died on this host"])
def test_nothing_is_said_where_the_dead_run_s_journal_is_at_hand(house, monkeypatch, here):
    if here:
        dies_on_another_host(house, monkeypatch, "run-on-a")
        journal = Journal(house.summarizer.journal / BUCKET, "run-on-a-first")
        journal.write([{"kind": "failures", "rows": []}])
        journal.close()
    else:
        store = StateStore(house.summarizer.database, house.summarizer.root_name, lease_s=0.01)
        assert store.try_claim(BUCKET, "run-here", "its-token") is None
        time.sleep(0.02)
    assert said_by(house) == []


def breaks_off_on_another_host(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an error: it gives its claim back, and what it answered is in its journal."""
    with monkeypatch.context() as patched:
        patched.setattr(state_module, "this_host", lambda: ELSEWHERE)
        house.killed(Fuse(at=1))
    assert house.journaled()
    assert house.summarizer.state.signs_of_life() == {}


def test_who_follows_a_run_that_broke_off_on_another_host_by_an_error_says_where_paid_answers_may_lie(
    house, tmp_path, monkeypatch
):
    breaks_off_on_another_host(house, monkeypatch)
    other = house.with_settings(journal_dir=tmp_path / "disk-of-b")
    [line] = said_by(other)
    assert "run1, broke off on host host-a, " in line
    assert said_by(other) == []


@pytest.mark.parametrize("here", [True, False], ids=["its journal is here", "it broke off on this host"])
def test_nothing_is_said_after_an_error_where_the_journal_is_at_hand(house, tmp_path, monkeypatch, here):
    if here:
        breaks_off_on_another_host(house, monkeypatch)
        other = house.with_settings()
    else:
        house.killed(Fuse(at=1))
        other = house.with_settings(journal_dir=tmp_path / "disk-of-b")  # moved by a person
    assert said_by(other) == []


def test_with_no_time_between_syncs_each_answer_is_synced_before_its_request_counts_as_done(house, monkeypatch):
    synced: list[int] = []
    sync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (synced.append(descriptor), sync(descriptor)))
    journal = Journal(house.summarizer.journal / BUCKET, "run", fsync_s=0)
    for number in range(5):
        journal.write([{"kind": "failures", "rows": []}])
        assert len(synced) == number + 1
    journal.close()
    before, asked = len(synced), len(house.app.entries)
    house.with_settings(journal_fsync_s=0).work()
    requests = len(house.app.entries) - asked
    assert requests >= AUTHORS / 4  # of four authors each
    assert len(synced) - before >= requests
