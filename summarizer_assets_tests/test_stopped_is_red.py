"""Green means done: no partition is materialised whose bucket has pending authors, whatever stopped its run."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from summarizer_assets.core.records import FailureReason
from summarizer_assets.quality.names import FAILURES, SUMMARIES
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from testing.installation import Installation, ingested, metadata_of, statuses, write_authors
from testing.provider import answer

AUTHORS, BUCKETS = 40, 2
PRICES = {"price_input_usd": 1.0, "price_output_usd": 2.0}


@pytest.fixture
def provider() -> FaultyProvider:
    return FaultyProvider(answer)


@pytest.fixture
def make(tmp_path: Path, provider: FaultyProvider) -> Iterator[Callable[..., Installation]]:
    with ingested(provider, tmp_path, AUTHORS, buckets=BUCKETS, group_size=2, max_in_flight=1) as house:

        def with_settings(**settings: Any) -> Installation:
            made = Installation(**{**house.given, **settings})
            made._instance = house._instance
            return made

        yield with_settings


STOPS = [
    ("budget", Plan(), {**PRICES, "budget_usd": 0.01}),
    ("budget", Plan(), {**PRICES, "budget_usd": 0.0000001}),
    ("auth", Plan(rules=(Rule("unauthorized", share=1.0, after_requests=3),)), {}),
    ("quota", Plan(rules=(Rule("payment_required", share=1.0, after_requests=3),)), {}),
    ("model", Plan(rules=(Rule("model_not_found", share=1.0),)), {}),
    ("redirect", Plan(rules=(Rule("redirect", share=1.0),)), {}),
    ("throttled for ever", Plan(rules=(Rule("throttled_silent", share=1.0),)), {"no_progress_s": 1}),
    ("nobody listens", Plan(), {"llm_base_url": "http://127.0.0.1:9/v1", "no_progress_s": 1}),
]


@pytest.mark.parametrize(("plan", "settings"), [stop[1:] for stop in STOPS], ids=[stop[0] for stop in STOPS])
def test_no_partition_is_green_that_has_pending_authors_and_the_next_run_makes_it_so(make, provider, plan, settings):
    house = make(**settings)
    provider.use(plan)
    (run,) = house.summarize("0000")
    told = metadata_of(run)
    assert told["pending"] > 0
    assert told["stopped"]
    assert not run.success
    assert statuses(house, SUMMARIES) == statuses(house, FAILURES) == {"0000": "FAILED", "0001": "MISSING"}
    provider.heal()
    healed = make()
    assert all(run.success for run in healed.summarize())
    assert statuses(healed, SUMMARIES) == statuses(healed, FAILURES) == {"0000": "MATERIALIZED", "0001": "MATERIALIZED"}
    healed.assert_each_author_in_one_place()


def test_both_tables_are_written_and_the_bucket_is_let_go_before_the_step_fails(make, provider):
    provider.use(Plan(rules=(Rule("refusal", authors=("1",)), Rule("unauthorized", share=1.0, after_requests=12))))
    house = make(buckets=BUCKETS)
    house.summarize()
    assert house.frame("failures")["reason"].to_list() == [FailureReason.REFUSAL]
    assert 0 < house.frame("summaries").height < AUTHORS
    assert not house.summarizer.state.holders()
    assert {runs[0].stop for runs in house.summarizer.state.recent_runs().values()} == {"auth"}


def test_a_green_partition_turns_red_when_a_later_run_of_it_is_stopped(make, provider):
    house = make()
    assert all(run.success for run in house.summarize())
    write_authors(Path(house.settings.source), AUTHORS + 8)
    house.ingest()
    provider.use(Plan(rules=(Rule("unauthorized", share=1.0),)))
    house.summarize("0000")
    assert statuses(house) == {"0000": "FAILED", "0001": "MATERIALIZED"}


def test_a_run_that_only_tells_a_price_succeeds_and_makes_no_partition_green(make):
    house = make(**PRICES)
    (priced,) = house.summarize("0000", spend=False)
    assert priced.success
    assert metadata_of(priced)["pending"] == metadata_of(priced)["would_ask"] > 0
    assert not priced.get_asset_materialization_events()
    assert statuses(house) == {"0000": "MISSING", "0001": "MISSING"}


def test_a_pilot_is_done_with_those_it_may_ask(make):
    house = make(limit=6)
    assert all(run.success for run in house.summarize())
    assert set(statuses(house).values()) == {"MATERIALIZED"}
    assert house.frame("summaries").height == 6
