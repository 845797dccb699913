"""One bucket's run broken off at every point: nothing answered is lost or asked for again, nobody stands twice."""

import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from summarizer_assets.bucket_run.asking.online import OnlineRequests
from summarizer_assets.bucket_run.route import Route
from summarizer_assets.bucket_run.work import Work
from summarizer_assets.core.outcome import Stop
from summarizer_assets.installation import Summarizer
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.storage.errors import ClaimLost, JournalError
from summarizer_assets_tests.bucket_run.house import (
    AUTHORS,
    BUCKET,
    Fuse,
    House,
    Killed,
    housed,
    new_titles,
    rival,
    threads,
)
from summarizer_assets_tests.ticking import Ticking

POISON = ("11", "12", "23")


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    with housed(tmp_path) as made:
        made.ingest()
        yield made


# A run killed at any commit.


@dataclass
class Story:
    """A bucket in which a run has everything to do at once, as it lies on the disk before that run."""

    house: House
    kept: Path
    root: Path = field(init=False)

    def __post_init__(self) -> None:
        self.root = Path(self.house.installation.given["root"])
        shutil.copytree(self.root, self.kept)

    def again(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self.kept, self.root)
        self.house.app.use(self.house.app.plan)
        self.house.installation.summarizer = Summarizer(self.house.installation.settings)


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> Iterator[Story]:
    """First answers, new and standing failures, outdated summaries answered and not, and authors who are gone."""
    folder = tmp_path_factory.mktemp("story")
    with housed(folder) as house:
        source = folder / "a.parquet"
        everybody = pl.read_parquet(source)
        everybody.head(20).write_parquet(source)
        house.app.use(Plan(rules=(Rule("refusal", authors=("11",)),)))
        house.ingest()
        house.work()
        everybody.filter(~pl.col("daisngid").is_in([1, 2])).write_parquet(source)
        house.change_source(new_titles(3, 4, 5, 6, 7, 12, 13))
        house.ingest()
        house.app.use(Plan(rules=(Rule("refusal", authors=POISON),)))
        yield Story(house, folder / "kept")


def test_the_story_has_everything_in_it(story):
    story.again()
    asked = story.house.asked_by(story.house.work)
    assert set(asked) == {"3", "4", "5", "6", "7", "12", "13", *map(str, range(21, 31))}
    assert set(story.house.failures()) == set(POISON)
    assert len(story.house.summaries()) == 28 - 3
    story.house.assert_settled()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 6))
def test_a_run_killed_at_a_commit_asks_nobody_again_who_was_answered(story, at, after):
    story.again()
    house = story.house
    house.killed(Fuse(at, after))
    known = house.journaled()

    summaries, failures = house.frame("summaries")["author_id"], house.frame("failures")["author_id"]
    assert summaries.is_unique().all()
    assert failures.is_unique().all()
    assert not house.summarizer.state.holders()
    assert not threads()

    committed = set(house.summaries()) - {"3", "4", "5", "6", "7", "12", "13"}
    again = house.asked_by(house.work)
    assert not set(again) & (known | committed)
    assert set(house.failures()) == set(POISON)
    assert len(house.summaries()) == 28 - 3
    house.assert_settled()


def test_a_run_killed_again_and_again_still_ends(story):
    story.again()
    house = story.house
    for at in (2, 1, 3, 2):
        fuse = Fuse(at, after=at % 2 == 0)
        try:
            house.work(fuse)
        except Killed:
            continue
    known = house.journaled()
    assert not set(house.asked_by(house.work)) & known
    house.assert_settled()


# What a dead run left, under other circumstances.


def test_answers_to_failures_asked_early_survive_a_crash_though_they_are_not_due(house):
    house.app.use(Plan(rules=(Rule("refusal", authors=("11",)),)))
    house.work()
    house.app.heal()
    house.killed_with(Fuse(1), retry_all=True)
    assert "11" in house.journaled()
    assert house.asked_by(house.work) == {}
    assert "11" in house.summaries()
    house.assert_settled()


def test_a_limit_counts_the_answers_of_a_dead_run(house):
    pilot = house.with_settings(limit=12)
    pilot.killed(Fuse(1))
    assert pilot.journaled()
    pilot.work()
    assert len(pilot.summaries()) == 12
    assert len(pilot.asked()) == 12


def test_an_answer_in_the_journal_to_a_record_that_changed_since_is_not_used(house):
    house.killed(Fuse(1))
    stale = house.journaled()
    changed = {int(author_id) for author_id in stale} & set(range(1, 5))
    assert changed
    house.change_source(new_titles(*range(1, 5)))
    house.ingest()
    asked = house.asked_by(house.work)
    assert set(asked) == set(map(str, range(1, AUTHORS + 1))) - (stale - set(map(str, changed)))
    house.assert_settled()


def test_an_answer_in_the_journal_is_used_under_another_prompt_and_model(house):
    house.killed(Fuse(1))
    known = house.journaled()
    other = house.with_settings(llm_model="another", words=50)
    assert set(other.asked_by(other.work)) == set(map(str, range(1, AUTHORS + 1))) - known
    other.assert_settled()


def test_a_journaled_answer_of_somebody_excluded_or_gone_since_is_let_go(house, tmp_path):
    house.killed(Fuse(1))
    gone, opted_out = sorted(house.journaled())[:2]
    source = Path(house.installation.given["source"])
    pl.read_parquet(source).filter(pl.col("daisngid") != int(gone)).write_parquet(source)
    house.ingest()
    (tmp_path / "out.txt").write_text(opted_out)
    careful = house.with_settings(exclude=tmp_path / "out.txt")
    careful.work()
    assert not {gone, opted_out} & set(careful.summaries())
    assert careful.failures() == {opted_out: "excluded"}
    careful.assert_settled()


# Limits, exclusions and removed authors.


def test_a_limit_that_is_used_up_does_not_keep_those_asked_before_from_being_asked_again(house):
    house.app.use(Plan(rules=(Rule("refusal", authors=("11", "12")),)))
    house.work()
    house.app.heal()
    house.change_source(new_titles(11))
    house.ingest()
    full = house.with_settings(limit=AUTHORS)
    assert full.asked_by(full.work) == {"11": 1}
    assert full.failures() == {"12": "refusal"}
    assert full.last_record().pending_after == 0


def test_somebody_let_in_again_waits_for_the_limit_and_counts_once(house, tmp_path):
    (tmp_path / "out.txt").write_text("3")
    full = house.with_settings(limit=AUTHORS - 1, exclude=tmp_path / "out.txt")
    full.work()
    (tmp_path / "out.txt").write_text("")
    assert full.asked_by(full.work) == {}
    assert full.last_record().pending_after == 0


def test_the_sensor_leaves_alone_the_kept_failures_of_authors_who_are_gone(house):
    keeping = house.with_settings(keep_removed=True, retry_after_s=0)
    house.app.use(Plan(rules=(Rule("refusal", authors=("11",)),)))
    keeping.work()
    source = Path(house.installation.given["source"])
    pl.read_parquet(source).filter(pl.col("daisngid") != 11).write_parquet(source)
    keeping.ingest()
    assert keeping.asked_by(keeping.work) == {}
    assert keeping.failures() == {"11": "refusal"}
    assert Ticking(keeping.installation).tick().buckets == []


def test_kept_summaries_and_failures_of_gone_authors_do_not_disturb_the_sums(house):
    house.app.use(Plan(rules=(Rule("refusal", authors=("11",)),)))
    house.work()
    source = Path(house.installation.given["source"])
    pl.read_parquet(source).filter(~pl.col("daisngid").is_in([1, 11])).write_parquet(source)
    house.ingest()
    keeping = house.with_settings(keep_removed=True)
    keeping.work()
    assert len(keeping.summaries()) == AUTHORS - 1
    assert keeping.failures() == {"11": "refusal"}
    house.work()
    assert "1" not in house.summaries()
    house.assert_settled()


# Outdated summaries.


def test_an_outdated_summary_stands_until_its_author_is_answered_and_goes_when_that_fails(house):
    house.work()
    before = house.summaries()
    house.change_source(new_titles(3, 12))
    house.ingest()
    house.app.use(Plan(rules=(Rule("unauthorized", share=1.0),)))
    assert house.work().stop is not None
    assert house.summaries() == before
    assert house.last_record().pending_after == 2
    house.app.use(Plan(rules=(Rule("refusal", authors=POISON),)))
    house.work()
    assert set(before) - set(house.summaries()) == {"12"}
    assert house.failures() == {"12": "refusal"}
    house.assert_settled()


# Stops.


def test_a_rejected_key_keeps_what_was_answered_and_charges_nobody(house):
    house.app.use(Plan(rules=(Rule("unauthorized", larger_than=0, share=1.0),)))
    run = house.work()
    assert run.stop is not None
    assert run.stop.cause == "auth"
    assert (house.summaries(), house.failures()) == ({}, {})
    assert (house.last_record().pending_after, house.last_record().stop) == (AUTHORS, "auth")
    house.app.heal()
    house.work()
    house.assert_settled()


def test_a_quota_that_ends_amid_a_run_leaves_the_rest_pending(house):
    house.app.use(Plan(rules=(Rule("insufficient_quota", authors=("20",)),), latency_s=0.05))
    run = house.work()
    assert run.stop is not None
    assert run.stop.cause == "quota"
    stored = len(house.summaries())
    assert 0 < stored < AUTHORS
    assert house.failures() == {}
    assert (run.counts.pending, house.last_record().pending_after) == (AUTHORS - stored, AUTHORS - stored)
    house.app.heal()
    house.work()
    assert max(Counter(house.asked()).values()) <= 2
    house.assert_settled()


@pytest.mark.parametrize("group_size", [1, 4])
def test_a_configuration_that_the_provider_refuses_charges_nobody(tmp_path, group_size):
    with housed(tmp_path, group_size=group_size) as house:
        house.ingest()
        house.app.use(Plan(rules=(Rule("bad_request", share=1.0),)))
        run = house.work()
        assert run.stop is not None
        assert run.stop.cause == "rejected"
        assert house.failures() == {}
        house.app.heal()
        house.work()
        assert len(house.summaries()) == AUTHORS


def test_an_author_whom_the_provider_refuses_first_of_all_fails_alone(tmp_path):
    with housed(tmp_path, group_size=1, max_in_flight=1) as house:
        house.ingest()
        house.app.use(Plan(rules=(Rule("bad_request", authors=("1", "10")),)))
        run = house.work()
        assert run.stop is None
        assert house.failures() == {"1": "rejected", "10": "rejected"}
        house.assert_settled()


class _EndsWhenTold(OnlineRequests):
    """Its thread has ended by the time the stop is told: the narrowest moment."""

    def stop(self, why: Stop | None) -> None:
        super().stop(why)
        self._thread.join()


class _EndingSummarizer(Summarizer):
    def route(self, work: Work, positions: Sequence[int], log: Callable[[str], None]) -> Route:
        made = super().route(work, positions, log)
        return _EndsWhenTold(made._asker, made._client, work, positions)


def test_what_is_answered_at_the_very_moment_of_a_stop_is_stored(house):
    house.installation.summarizer = _EndingSummarizer(house.installation.settings)
    house.app.use(Plan(latency_s=1))
    run = house.prepare()
    run.interrupt(15)
    house.work(run=run)
    answered = {author_id for entry in house.app.entries if entry.status == 200 for author_id in entry.ids}
    assert answered
    assert set(house.summaries()) == answered
    assert run.counts.pending == AUTHORS - len(answered)


def test_a_stop_told_at_once_is_heard(house):
    house.app.use(Plan(latency_s=0.7))
    run = house.prepare()
    run.interrupt(15)
    house.work(run=run)
    assert len(house.app.entries) <= 3
    assert run.stop is not None
    assert run.stop.cause == "terminated"


@pytest.mark.parametrize("_time", range(5))
def test_a_route_that_is_ended_as_soon_as_it_starts_asks_nothing_more(house, _time):
    routes: list[Route] = []
    works: list[Work] = []

    class Kept(Summarizer):
        def route(self, work: Work, positions: Sequence[int], log: Callable[[str], None]) -> Route:
            works.append(work)
            routes.append(super().route(work, positions, log))
            routes[0].start()
            raise Killed

    house.app.use(Plan(latency_s=0.2))
    house.installation.summarizer = Kept(house.installation.settings)
    with pytest.raises(Killed):
        house.work()
    routes[0].stop(None)
    works[0].outcomes.close()  # an answer may have come after the run closed it
    assert not threads()
    assert len(house.app.entries) <= 3


def test_a_run_that_breaks_sends_nothing_that_still_waits(tmp_path):
    with housed(tmp_path, group_size=1, commit_rows=3) as house:
        house.ingest()
        house.app.use(Plan(latency_s=0.2))
        house.killed(Fuse(1))
        time.sleep(0.5)  # what was sent after the end would have come by now
        assert len(house.app.entries) <= len(house.journaled()) + 3
        assert not threads()


# A claim that is lost, and a thread that breaks.


def steal(house: House) -> None:
    """What another host does with a claim that has lapsed."""
    with sqlite3.connect(Path(house.installation.given["root"]) / "state.sqlite") as connection:
        connection.execute("UPDATE claims SET token = 'theirs', run_id = 'other'")


def when_asked(house: House, requests: int, deed: Callable[[], None]) -> threading.Thread:
    def wait() -> None:
        while len(house.app.entries) < requests:
            time.sleep(0.01)
        deed()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_a_run_that_lost_its_claim_asks_no_more_and_writes_nothing(tmp_path):
    with housed(tmp_path, group_size=1, max_in_flight=1, commit_rows=1000) as house:
        house.ingest()
        state = house.summarizer.state
        house.summarizer.lease_s = 0.4
        house.app.use(Plan(latency_s=0.2))
        thief = when_asked(house, 4, lambda: steal(house))
        with pytest.raises(ClaimLost):
            house.work()
        thief.join()
        asked = len(house.app.entries)
        assert asked < AUTHORS - 5
        assert house.summaries() == {}
        assert state.holders() == {BUCKET: "other"} or state.holders() == {}
        assert house.last_record().pending_after is None
        assert len(house.journaled()) >= asked - 1
        assert not threads()


def test_a_run_in_dagster_that_lost_its_claim_leaves_no_thread_behind(tmp_path):
    with housed(tmp_path, group_size=1, max_in_flight=1, commit_rows=2) as house:
        house.ingest()
        house.app.use(Plan(latency_s=0.2))
        tables = house.summarizer.tables
        writer = tables.summaries.writer(BUCKET, None)
        thief = when_asked(house, 2, lambda: writer.apply(rival(house)))
        (result,) = house.installation.summarize()
        thief.join()
        assert not result.success
        asked = len(house.app.entries)
        assert not threads()
        assert not house.summarizer.state.holders()
        time.sleep(0.5)
        assert len(house.app.entries) == asked < AUTHORS


def test_a_journal_that_cannot_be_written_fails_the_step_and_frees_the_bucket(house):
    folder = house.summarizer.journal
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BUCKET).write_text("in the way")
    with pytest.raises(JournalError, match="SUMMARIZER_JOURNAL_DIR"):
        house.work()
    assert not threads()
    assert not house.summarizer.state.holders()
    assert house.last_record().pending_after is None
    assert (house.summaries(), house.failures()) == ({}, {})
    (folder / BUCKET).unlink()
    house.work()
    house.assert_settled()


class _BreakingSummarizer(Summarizer):
    """A defect in the asking: the fifth request cannot be made."""

    def route(self, work: Work, positions: Sequence[int], log: Callable[[str], None]) -> Route:
        made = super().route(work, positions, log)
        prompt = made._asker._prompt
        body = prompt.body

        def broken(*asked: Any) -> bytes:
            if made.totals().asked.requests == 5:
                raise ZeroDivisionError("a defect")
            return body(*asked)

        prompt.body = broken
        return made


def test_a_defect_in_the_asking_fails_the_step_with_its_cause_and_loses_no_answer(house):
    house.installation.summarizer = _BreakingSummarizer(house.installation.settings)
    with pytest.raises(ZeroDivisionError, match="a defect"):
        house.work()
    assert not threads()
    assert not house.summarizer.state.holders()
    assert house.last_record().pending_after is None
    known = house.journaled() | set(house.summaries())
    house.installation.summarizer = Summarizer(house.installation.settings)
    assert not set(house.asked_by(house.work)) & known
    house.assert_settled()


# Odd records.

ODD_IDS = [
    "a'b",
    'a"b',
    "a\nb",
    '#"x"',
    "ÄÖ",
    "作者",
    " a b ",
    "a\\b",
    "a/b",
    "%",
    "NULL",
    "{id}",
    "a'; DROP",
    "\u200b",
]


def test_odd_ids_and_missing_names_end_in_one_place(tmp_path):
    with housed(tmp_path, grounding=False) as house:
        pl.DataFrame(
            {
                "author_id": ODD_IDS,
                "author_name": [None if number % 2 else f"Some {{one}} {number}" for number in range(len(ODD_IDS))],
                "topics": [["tides", "{braces}"]] * len(ODD_IDS),
            }
        ).write_parquet(house.installation.given["source"])
        house.ingest()
        house.app.use(Plan(rules=(Rule("refusal", authors=("a'b", "作者")),)))
        house.killed(Fuse(1))
        house.work()
        house.assert_settled()


@pytest.mark.parametrize("authors", [0, 1])
def test_a_bucket_of_nobody_or_one(tmp_path, authors):
    with housed(tmp_path) as house:
        source = Path(house.installation.given["source"])
        house.ingest()
        house.work()
        pl.read_parquet(source).head(authors).write_parquet(source)
        house.ingest()
        assert house.asked_by(house.work) == {}
        assert len(house.summaries()) == authors
        house.assert_settled()


def test_an_instruction_with_braces_is_sent_as_it_is(tmp_path):
    with housed(tmp_path, instruction="Write {one} line, {{not}} {0} more.", language="{English}") as house:
        house.ingest()
        run = house.work()
        assert run.stop is None
        assert len(house.summaries()) + len(house.failures()) == AUTHORS
