"""The price before the start, of real tables, and what it came to: a provider on loopback, no Dagster."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from summarizer_assets.cli.price import price_text
from summarizer_assets.core.display_text import usd
from summarizer_assets.estimate.markdown import estimate_markdown, reconciliation_markdown
from summarizer_assets.estimate.pictures import picture
from summarizer_assets.estimate.reconcile import reconcile
from summarizer_assets.estimate.spend import SpendEstimate, estimate_spend, keep
from summarizer_assets.installation import Summarizer
from summarizer_assets.llm.embedded.app import answer
from summarizer_assets.rehearsal.batches.terms import BatchTerms
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.settings import PREFIX, load_settings
from summarizer_assets.storage.delta.stream import persist
from testing.command_line import run_command
from testing.installation import write_authors
from testing.provider import serving

AUTHORS, KEYS = 60, ("0000", "0001")
LISTED = {"llm_model": "gpt-5-mini"}
OWN = {"price_input_usd": 0.15, "price_output_usd": 0.60}


class Place:
    """A root with its authors, before anybody was asked."""

    def __init__(self, folder: Path, url: str) -> None:
        source = write_authors(folder / "authors.parquet", AUTHORS)
        self.given: dict[str, Any] = {"root": str(folder / "root"), "source": str(source), "buckets": len(KEYS)}
        self.given |= {"llm_base_url": url, "llm_model": "some-model", "group_size": 5}
        house = self.with_settings()
        persist(house.tables.authors, house.ingest(KEYS, log=lambda _: None, describe=lambda *_: None))

    def with_settings(self, **settings: Any) -> Summarizer:
        return Summarizer(load_settings(None, **{**self.given, **settings}))


def summarise(summarizer: Summarizer, name: str) -> int:
    """Run all buckets; returns the calls."""
    calls = 0
    for bucket in KEYS:
        with summarizer.bucket_run(bucket, f"{name}-{bucket}", log=lambda _: None) as run:
            summaries = run.summaries
            persist(summarizer.tables.summaries, summaries)
            calls += summaries.metadata()["calls"]
            persist(summarizer.tables.failures, run.failures)
            run.finish()
    return calls


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(FaultyProvider(answer)) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def fresh(tmp_path_factory, url) -> Place:
    """Nobody is asked in it."""
    return Place(tmp_path_factory.mktemp("fresh"), url)


def test_the_estimate_of_a_fresh_root_counts_everybody_and_asks_for_a_pilot(fresh) -> None:
    spend = estimate_spend(fresh.with_settings())
    found = spend.configured.estimate
    assert found.authors.expected == AUTHORS
    assert spend.pending.counted
    assert [option.group_size for option in spend.options] == [1, 5, 20, 100, 500]
    text = estimate_markdown(spend)
    assert "SUMMARIZER_LIMIT=50" in text
    assert "Beforehand" in text


def test_without_a_price_tokens_are_told_and_the_settings_to_set(fresh) -> None:
    spend = estimate_spend(fresh.with_settings())
    assert all(option.estimate.cost_usd is None for option in spend.options)
    assert "SUMMARIZER_PRICE_INPUT_USD" in estimate_markdown(spend)
    assert b"million tokens" in picture(spend).svg


def test_the_flex_tier_costs_what_the_list_surely_says_and_nothing_is_guessed(fresh) -> None:
    listed = estimate_spend(fresh.with_settings(**LISTED)).configured
    assert listed.estimate.cost_usd is not None
    assert listed.other_cost_usd is not None
    assert listed.other_cost_usd.expected == pytest.approx(listed.estimate.cost_usd.expected / 2)
    own = estimate_spend(fresh.with_settings(**OWN))
    assert own.configured.other_cost_usd is None
    assert "The flex tier" in estimate_markdown(own)
    flex = estimate_spend(fresh.with_settings(**LISTED, llm_extra_body={"service_tier": "flex"}))
    assert flex.prices.tier == "flex"
    assert flex.configured.other_cost_usd == listed.estimate.cost_usd


def test_the_routes_are_shown_side_by_side_with_price_window_and_jobs(fresh) -> None:
    halved = {**OWN, "batch_factor": 0.5}
    online, batch = estimate_spend(fresh.with_settings(**halved)).routes
    assert (online.name, online.chosen, online.jobs) == ("online", True, None)
    assert (batch.name, batch.chosen) == ("batch jobs", False)
    assert online.cost_usd is not None
    assert batch.cost_usd is not None
    assert batch.cost_usd.expected == pytest.approx(online.cost_usd.expected / 2)
    assert batch.jobs is not None
    assert (batch.jobs.jobs, batch.jobs.most_of_a_bucket, batch.jobs.rounds) == (2, 1, 1)
    assert batch.duration.at_most
    assert batch.duration.seconds == 86_400
    text = estimate_markdown(estimate_spend(fresh.with_settings(**halved)))
    assert "| **online** (configured) |" in text
    assert "| at most 24.0 hours | 2 |" in text
    assert "SUMMARIZER_ROUTE=batch would cost 0.5 of that" in text
    listed = estimate_spend(fresh.with_settings(**LISTED)).routes
    assert [route.name for route in listed] == ["online", "online, flex", "batch jobs"]


def test_where_the_settings_send_batch_jobs_their_price_and_window_are_told(fresh) -> None:
    spend = estimate_spend(fresh.with_settings(**OWN, route="batch", batch_factor=0.5, batch_enqueued_tokens=2_000))
    batch = spend.routes[-1]
    assert batch.chosen
    assert batch.cost_usd == spend.configured.estimate.cost_usd
    assert batch.jobs is not None
    assert batch.jobs.rounds == batch.jobs.jobs > 2, "the queue holds one of these jobs"
    assert spend.configured.duration.seconds == batch.jobs.rounds * 86_400
    text = estimate_markdown(spend)
    assert "cost, batch jobs" in text
    assert "**batch jobs** (configured)" in text
    assert "the account may queue 2,000 of" in text
    assert "would cost" not in text
    said = price_text(spend)
    assert f"route      online: {usd(spend.routes[0].cost_usd.expected)}" in said
    assert "batch jobs (configured)" in said


def test_where_each_run_chooses_the_route_of_the_largest_bucket_is_priced(fresh) -> None:
    auto = {**OWN, "route": "auto", "batch_factor": 0.5}
    few = estimate_spend(fresh.with_settings(**auto))
    assert [route.chosen for route in few.routes] == [True, False]
    assert "auto: the run of the bucket with the most authors to ask goes online: the number" in estimate_markdown(few)
    many = estimate_spend(fresh.with_settings(**auto, batch_min_requests=1))
    assert [route.chosen for route in many.routes] == [False, True]
    assert many.configured.estimate.cost_usd == many.routes[1].cost_usd
    assert many.configured.duration.at_most
    assert "goes by batch jobs" in estimate_markdown(many)


def test_nothing_is_said_of_batch_jobs_where_there_are_none(fresh) -> None:
    embedded = {name: value for name, value in fresh.given.items() if not name.startswith("llm_")}
    spend = estimate_spend(Summarizer(load_settings(None, **embedded)))
    assert [route.route for route in spend.routes] == ["online"]
    assert "batch" not in estimate_markdown(spend)
    assert "route" not in price_text(spend)


def test_that_no_discount_is_known_is_said(fresh) -> None:
    assert "SUMMARIZER_BATCH_FACTOR tells it" in estimate_markdown(estimate_spend(fresh.with_settings(**OWN)))


def test_the_limit_and_the_excluded_are_not_priced(fresh, tmp_path) -> None:
    excluded = tmp_path / "excluded.txt"
    excluded.write_text("1\n2\n3\n")
    assert estimate_spend(fresh.with_settings(exclude=str(excluded))).pending.asked == AUTHORS - 3
    limited = estimate_spend(fresh.with_settings(limit=7))
    assert (limited.pending.asked, limited.pending.held_back) == (7, AUTHORS - 7)
    assert limited.configured.estimate.authors.expected == 7
    assert "SUMMARIZER_LIMIT=7" in estimate_markdown(limited)


def test_token_budgets_cut_the_groups_and_it_is_said(fresh) -> None:
    narrow = estimate_spend(fresh.with_settings(group_tokens=500, max_output_tokens=1000))
    largest = narrow.options[-1]
    assert largest.authors_a_call < 10
    assert "SUMMARIZER_GROUP_TOKENS" in estimate_markdown(narrow)


def test_what_is_left_of_the_budget_is_compared(fresh) -> None:
    tight = estimate_spend(fresh.with_settings(**OWN, budget_usd=0.001))
    assert tight.beyond_budget_usd == pytest.approx(tight.configured.estimate.cost_usd.expected - 0.001)
    assert "exceeds what is left" in estimate_markdown(tight)
    assert "covers it" in estimate_markdown(estimate_spend(fresh.with_settings(**OWN, budget_usd=5)))


def test_the_accounts_limits_bound_the_time(fresh) -> None:
    paced = estimate_spend(fresh.with_settings(rpm=6))
    assert paced.configured.duration.seconds == pytest.approx(10 * paced.configured.estimate.calls.expected)
    assert paced.configured.duration.at_least
    assert "at least" in estimate_markdown(paced)
    unknown = estimate_spend(fresh.with_settings())
    assert unknown.configured.duration.seconds is None


def test_after_a_pilot_the_estimate_is_near_what_the_rest_comes_to(tmp_path, url) -> None:
    place = Place(tmp_path, url)
    house = place.with_settings(**OWN)
    assert reconcile(house) is None
    beforehand = estimate_spend(house)
    summarise(place.with_settings(**OWN, limit=20), "pilot")
    spend = estimate_spend(house)
    keep(house, spend)
    before = house.ledger.totals()
    unanswered = reconcile(house)
    assert unanswered is not None
    assert (unanswered.authors_answered, unanswered.inside) == (0, None)
    calls = summarise(house, "all")
    after = house.ledger.totals()
    tokens = sum(after[name] - before[name] for name in ("prompt_tokens", "completion_tokens"))
    assert spend.pending.asked == AUTHORS - 20
    assert _width(spend) < _width(beforehand) / 2
    assert spend.configured.estimate.tokens.expected == pytest.approx(tokens, rel=0.1)
    assert calls in spend.configured.estimate.calls
    found = reconcile(house)
    assert found is not None
    assert (found.authors_expected, found.authors_answered, found.authors_failed) == (40, 40, 0)
    assert (found.tokens, found.calls) == (tokens, calls)
    assert found.cost_usd == pytest.approx((after["spent"] - before["spent"]) / 1e9)
    assert found.inside
    assert "inside the interval" in reconciliation_markdown(found)
    assert estimate_spend(house).pending.asked == 0


def test_after_a_pilot_by_batch_jobs_the_estimate_is_within_a_tenth_of_tokens_and_dollars(tmp_path) -> None:
    app = FaultyProvider(answer, Plan(batch=BatchTerms(running_s=7_200)))
    with serving(app) as base_url:
        place = Place(tmp_path, base_url)
        given = {**OWN, "route": "batch", "batch_factor": 0.5}

        def by_jobs(house: Summarizer, name: str) -> None:
            summarise(house, f"{name}-sent")
            under_way = estimate_spend(place.with_settings(**given))
            asked = under_way.pending.asked
            assert asked + under_way.in_batch == AUTHORS - len(house.tables.summaries.read().collect())
            assert under_way.in_batch == 20 if name == "pilot" else asked == 0
            assert f"{under_way.in_batch} more are in batch jobs" in estimate_markdown(under_way)
            app.batches.advance(7_200)
            summarise(house, f"{name}-collected")

        house = place.with_settings(**given)
        by_jobs(place.with_settings(**given, limit=20), "pilot")
        spend = estimate_spend(house)
        keep(house, spend)
        before = house.ledger.totals()
        by_jobs(house, "all")
        after = house.ledger.totals()
        found = reconcile(house)
    assert (spend.pending.asked, estimate_spend(house).pending.asked) == (AUTHORS - 20, 0)
    assert spend.model.learnt
    tokens = sum(after[name] - before[name] for name in ("prompt_tokens", "completion_tokens"))
    dollars = (after["spent"] - before["spent"]) / 1e9
    estimate = spend.configured.estimate
    assert estimate.cost_usd is not None
    assert estimate.tokens.expected == pytest.approx(tokens, rel=0.1)
    assert estimate.cost_usd.expected == pytest.approx(dollars, rel=0.1)
    assert found is not None
    assert found.cost_usd == pytest.approx(dollars)
    assert found.inside


def test_changed_authors_and_due_failures_are_pending_again(tmp_path, url) -> None:
    place = Place(tmp_path, url)
    house = place.with_settings()
    summarise(house, "all")
    source = Path(place.given["source"])
    authors = pl.read_parquet(source)
    changed = pl.when(pl.col("daisngid") <= 4).then(pl.lit("Somebody Else")).otherwise(pl.col("author_name"))
    authors.with_columns(author_name=changed).write_parquet(source)
    persist(house.tables.authors, house.ingest(KEYS, log=lambda _: None, describe=lambda *_: None))
    limited = estimate_spend(place.with_settings(limit=1))
    assert limited.pending.asked == 4  # who was asked before may be asked again
    assert sum(limited.pending.known.values()) == 4


def test_the_command_tells_the_price_keeps_it_when_told_to_and_names_what_is_missing(
    fresh, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in fresh.given.items():
        monkeypatch.setenv(PREFIX + name.upper(), str(value))
    assert run_command("estimate") == 0
    assert "No earlier estimate is kept" in capsys.readouterr().out
    assert run_command("estimate", "--record", "--picture", str(tmp_path / "chart.svg")) == 0
    assert (tmp_path / "chart.svg").read_bytes().startswith(b"<?xml")
    capsys.readouterr()
    assert run_command("estimate") == 0
    assert "Nobody was answered since" in capsys.readouterr().out
    assert run_command("estimate", "--json", "--other-prompt-or-model") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["authors"]["asked"] == AUTHORS
    assert found["configured"]["requests"]["low"] <= found["configured"]["requests"]["expected"]
    assert found["last_estimate"]["authors_expected"] == AUTHORS
    assert found["anew"]["summaries"] == 0
    monkeypatch.setenv("SUMMARIZER_ROOT", str(tmp_path / "nothing"))
    assert run_command("estimate") == 2
    assert "materialise the asset `authors` first" in capsys.readouterr().err


def _width(spend: SpendEstimate) -> float:
    tokens = spend.configured.estimate.tokens
    return (tokens.high - tokens.low) / tokens.expected
