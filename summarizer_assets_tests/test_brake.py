"""A model that gives nothing usable: what it costs until its run ends, and that no sensor begins again."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from benchmarks.faults.hopeless import (
    Asked,
    Server,
    cut_off,
    cut_off_above,
    cut_off_for_half,
    good,
    half_swapped,
    installed,
    no_json,
    served,
    swapped,
    work,
)
from summarizer_assets_tests.ticking import Ticking
from testing.installation import Installation, metadata_of, statuses

AUTHORS, GROUP, MOST_CALLS = 300, 20, 60


class World:
    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack

    def serve(self, how: Any, well: int = 0) -> Server:
        return self._stack.enter_context(served(how, well))

    def install(self, model: Server, authors: int = AUTHORS, **settings: Any) -> Installation:
        given = {"group_size": GROUP, "buckets": 1, **settings}
        return self._stack.enter_context(installed(model, self._folder, authors, **given))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(tmp_path, stack)


HOPELESS = pytest.mark.parametrize(
    ("how", "reason", "quoted", "change"),
    [
        (cut_off, "truncated", "(finish_reason length); the model said nothing", "raise SUMMARIZER_MAX_OUTPUT_TOKENS"),
        (no_json, "bad_json", "the model said 'Certainly! These authors work", "SUMMARIZER_GROUP_SIZE"),
        (swapped, "ungrounded", 'the model said \'{"summaries": [{"author_id"', "SUMMARIZER_GROUP_SIZE"),
    ],
    ids=["cut off", "no JSON", "swapped"],
)


@HOPELESS
def test_a_hopeless_model_ends_its_run_within_sixty_calls_and_no_author_is_charged(world, how, reason, quoted, change):
    model = world.serve(how)
    house = world.install(model)
    (run,) = house.summarize()
    assert not run.success
    assert statuses(house) == {"0000": "FAILED"}
    assert model.calls <= MOST_CALLS
    (failure,) = [event for event in run.all_events if event.event_type_value == "STEP_FAILURE"]
    message = str(failure.event_specific_data.error)
    assert re.search(rf"stopped \(unusable\): nothing usable .* of \d+ answers 0 were accepted, .* {reason}: ", message)
    for told in (quoted, change, "Spent so far: $0.", "tokens", "No author is charged an attempt"):
        assert told in message
    assert "sk-abcdefghijklmnop" not in message
    assert "\u202e" not in message
    assert house.frame("summaries").is_empty()
    assert house.frame("failures").is_empty()
    told = metadata_of(run)
    assert (told["pending"], told["failed"], told["summaries"]) == (AUTHORS, 0, 0)
    assert told["stopped"].startswith("unusable: ")
    assert 0 < int(re.search(r"tokens, (\d+) calls", message)[1]) <= told["calls"]
    assert told["prompt_tokens"] + told["completion_tokens"] == model.tokens
    assert told["wasted_usd"] == told["spent_usd"] > 0
    totals = house.summarizer.ledger.totals()
    assert totals["wasted"] == totals["spent"]
    assert totals["prompt_tokens"] + totals["completion_tokens"] == model.tokens


@HOPELESS
def test_a_model_that_turns_hopeless_after_two_hundred_authors_ends_the_run_as_soon(world, how, reason, quoted, change):
    model = world.serve(how, well=200)
    house = world.install(model, max_in_flight=2)  # of more, a good answer may come after the first bad ones
    found = work(house, model, "run")
    assert (found.stop, found.summaries, found.failed, found.pending) == ("unusable", 200, 0, 100)
    assert found.calls <= 10 + MOST_CALLS
    assert f": {reason}" in found.message.replace("were ", ": ")
    assert found.wasted < found.spent
    assert stored_costs(house) == found.spent - found.wasted


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
@pytest.mark.parametrize("how", [cut_off, no_json, swapped])
def test_at_any_size_of_a_group_a_hopeless_model_costs_few_calls(world, how, size):
    model = world.serve(how)
    found = work(world.install(model, group_size=size), model, "run")
    assert (found.stop, found.pending) == ("unusable", AUTHORS)
    assert found.calls <= MOST_CALLS


@pytest.mark.parametrize(
    ("how", "failed"),
    [
        (good, 0),
        (cut_off_above(10), 0),
        (cut_off_above(1), 0),
        (cut_off_for_half, 60),
        (half_swapped, 60),
    ],
    ids=["good", "cut off above 10", "cut off above 1", "cut off for half", "half swapped"],
)
def test_a_model_that_does_some_of_its_work_is_let_do_it(world, how, failed):
    model = world.serve(how)
    house = world.install(model, 120)
    found = work(house, model, "run")
    assert (found.stop, found.failed, found.pending) == (None, failed, 0)
    assert found.spent == found.wasted + stored_costs(house)
    house.assert_each_author_in_one_place()


def stored_costs(house: Installation) -> int:
    return sum(round(usd * 10**9) for usd in house.frame("summaries")["cost_usd"])


def test_a_reply_of_which_nothing_is_kept_is_wasted_though_its_answers_were_refused_one_by_one(world):
    model = world.serve(half_swapped)
    house = world.install(model, 40, group_size=1)
    found = work(house, model, "run")
    assert (found.summaries, found.failed) == (20, 20)
    assert found.booked == model.tokens
    assert 0 < stored_costs(house) == found.spent - found.wasted
    assert found.wasted > found.spent / 2  # each of them asked twice


def test_refusals_that_come_sooner_than_good_answers_end_no_run(world):
    def how(asked: Asked) -> dict[str, Any]:
        if int(asked[0][0]) % 2:
            return no_json(asked)
        time.sleep(0.5)
        return good(asked)

    model = world.serve(how)
    house = world.install(model, 160, group_size=1)
    state = house.summarizer.state
    state.end_run(state.begin_run("0000", "earlier", 9, house.summarizer.fingerprint), 0, None)  # so all go at once
    found = work(house, model, "run")
    assert (found.stop, found.summaries, found.failed) == (None, 80, 80)


def test_one_author_who_spoils_each_group_ends_no_run_and_is_charged(world):
    def how(asked: Asked) -> dict[str, Any]:
        return cut_off(asked) if any(author == "17" for author, _ in asked) else good(asked)

    model = world.serve(how)
    house = world.install(model, 20)
    found = work(house, model, "run")
    assert (found.stop, found.summaries, found.failed) == (None, 19, 1)


def test_who_failed_in_an_earlier_run_keeps_the_row_when_the_model_turns_hopeless(world):
    model = world.serve(half_swapped)
    house = world.install(model, 60, limit=30)
    first = work(house, model, "first")
    assert first.failed > 0
    before = house.frame("failures")
    model.how = cut_off
    later = Installation(**{**house.given, "limit": None})
    found = work(later, model, "second")
    assert (found.stop, found.summaries, found.pending) == ("unusable", first.summaries, 30)
    after = later.frame("failures")
    assert after.sort("author_id").equals(before.sort("author_id"))


def test_failures_of_a_model_in_doubt_are_charged_once_it_is_seen_to_work(world):
    model = world.serve(lambda asked: cut_off(asked) if any(int(a) % 10 == 0 for a, _ in asked) else good(asked))
    house = world.install(model, 40, group_size=1)
    found = work(house, model, "run")
    assert (found.stop, found.summaries, found.failed) == (None, 36, 4)
    assert set(house.frame("failures")["attempts"]) == {1}


# Sensors.


def ticks(ticking: Ticking, number: int) -> int:
    """The runs that so many ticks start, each of them executed."""
    return sum(len(ticking.execute(ticking.tick())) for _ in range(number))


def test_no_sensor_starts_it_again_until_something_relevant_changes_or_a_person_asks(world):
    model = world.serve(cut_off)
    house = world.install(model, 60, buckets=2, retry_probe_s=0)
    house.summarize()
    calls = model.calls
    ticking = Ticking(house)
    assert ticks(ticking, 30) == 0
    assert model.calls == calls
    tick = ticking.tick()
    assert tick.said.startswith(
        "2 left alone: the model gave nothing usable; change the model, the prompt or a setting"
    )
    told = ticking.instance.fetch_observations(dg.AssetKey("failed_authors"), limit=10).records
    parked = [record for record in told if record.partition_key is None]  # the others are of the stopped runs
    assert [record.asset_observation.metadata["parked_buckets"].value for record in parked] == [2]
    assert "`0000` (unusable)" in parked[0].asset_observation.metadata["what_to_do"].value

    other = Installation(**{**house.given, "max_output_tokens": 32_000})
    assert len(Ticking(other, instance=ticking.instance).tick().requests) == 1  # it shows whether that helped

    model.how = good
    assert all(run.success for run in house.summarize("0000"))
    assert [len(ticking.tick().requests) for _ in range(3)] == [0, 0, 0]
    assert all(run.success for run in house.summarize())
    house.assert_each_author_in_one_place()


def test_only_what_may_help_a_model_is_a_change(world):
    model = world.serve(good)
    house = world.install(model, 1)

    def marked(**changed: Any) -> str:
        return Installation(**{**house.given, **changed}).summarizer.fingerprint

    alike = ({"commit_rows": 5}, {"price_input_usd": 7}, {"max_in_flight": 3}, {"llm_api_key": "sk-another-key-1234"})
    assert {marked(), *(marked(**one) for one in alike)} == {house.summarizer.fingerprint}
    other: list[dict[str, Any]] = [
        {"llm_model": "another"},
        {"words": 40},
        {"language": "French"},
        {"instruction": "Write a haiku."},
        {"max_papers": 3},
        {"group_size": 5},
        {"max_output_tokens": 32_000},
        {"llm_extra_body": {"reasoning_effort": "none"}},
        {"llm_base_url": model.url.replace("127.0.0.1", "localhost")},
        {"grounding": False},
    ]
    assert len({marked(), *(marked(**one) for one in other)}) == 1 + len(other)


def test_after_a_change_one_bucket_is_tried_and_the_others_follow_when_it_succeeds(world):
    model = world.serve(no_json)
    house = world.install(model, 80, buckets=4, retry_probe_s=0)
    house.summarize()
    model.how = good
    ticking = Ticking(Installation(**{**house.given, "words": 60}), instance=house._instance)
    tick = ticking.tick()
    assert len(tick.requests) == 1
    assert any("3 wait: the model gave nothing usable in the last run" in message for message in tick.log)
    ticking.execute(tick)
    assert len(ticking.tick().requests) == 3


def test_of_many_unfinished_buckets_a_hopeless_model_gets_three_and_each_costs_less(world):
    model = world.serve(swapped)
    house = world.install(model, 160, buckets=8, retry_probe_s=0)
    for bucket in house.keys:
        house.summarizer.state.begin_run(bucket, "killed", 20)
    ticking = Ticking(house)
    first = ticking.tick()
    assert len(first.requests) == 8  # nobody knows yet
    calls = []
    for bucket in house.keys[:3]:
        before = model.calls
        assert not house.summarize(bucket)[0].success
        calls.append(model.calls - before)
    assert max(calls[1:]) <= 4
    assert ticks(ticking, 30) == 0
    assert "5 wait: the model gave nothing usable in the last run" in ticking.tick().said


def test_a_backfill_that_a_person_starts_over_a_hopeless_model_pays_the_full_trial_once(world):
    model = world.serve(cut_off)
    house = world.install(model, 160, buckets=8)
    found = [work(house, model, f"run-{bucket}", bucket) for bucket in house.keys]
    assert {one.stop for one in found} == {"unusable"}
    assert found[0].calls <= MOST_CALLS
    assert max(one.calls for one in found[1:]) <= 5
