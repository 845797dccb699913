"""Where a person reads that the model ends, or that its price is old: the settings' page, the estimate, the run."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from summarizer_assets.calibration.calibrate import offer
from summarizer_assets.calibration.markdown import offer_markdown
from summarizer_assets.estimate.markdown import estimate_notes
from summarizer_assets.estimate.spend import estimate_spend
from summarizer_assets.estimate.terms import prices_of
from summarizer_assets.llm.budget.prices import list_taken
from summarizer_assets.pricing import configured_price, model_notices
from summarizer_assets.settings import Settings, load_settings
from summarizer_assets.settings_page import settings_shown
from summarizer_assets.storage.delta.stream import persist
from summarizer_assets_tests.fake_provider import Fake, serving_fake
from testing.installation import Installation, write_authors

TODAY = date(2026, 11, 28)
OLD = list_taken() + timedelta(days=61)


def configured(**settings: Any) -> Settings:
    given = {"llm_base_url": "https://api.openai.com/v1", "llm_model": "gpt-6-luna"}
    return load_settings(None, **(given | settings))


def test_nothing_is_said_of_a_model_that_stays_at_a_price_of_these_days() -> None:
    assert model_notices(configured(), list_taken() + timedelta(days=60)) == []
    assert model_notices(load_settings(None), OLD) == []
    assert model_notices(configured(llm_model="my-own"), OLD) == []


def test_a_list_of_prices_older_than_60_days_says_so_where_it_is_relied_on() -> None:
    (told,) = model_notices(configured(), OLD)
    assert f"The list of prices is of {list_taken()}, 61 days old" in told
    assert "SUMMARIZER_PRICE_INPUT_USD" in told
    assert model_notices(configured(price_input_usd=1, price_output_usd=2), OLD) == []


@pytest.mark.parametrize(
    ("model", "told"),
    [("gpt-5-mini", "ends on 2026-12-11"), ("gpt-3.5-turbo", "ended on 2026-10-23"), ("gpt-4o-mini", "in 47 days")],
)
def test_the_settings_page_tells_the_end_of_the_model(model: str, told: str) -> None:
    page = settings_shown(configured(llm_model=model), TODAY)
    assert "**Mind:** " in page
    assert told in page
    assert "gpt-6-luna" in page


def test_an_alias_costs_what_answers_it_from_that_day_on() -> None:
    gemini = {"llm_base_url": "https://generativelanguage.googleapis.com/v1beta/openai", "llm_model": "gemini-2.5-pro"}
    assert configured_price(configured(**gemini), date(2026, 11, 30)) is not None
    assert configured_price(configured(**gemini), date(2026, 12, 1)) is None


@pytest.fixture
def house(tmp_path: Path) -> Callable[..., Installation]:
    write_authors(tmp_path / "a.parquet", 40)

    def made(url: str, **settings: Any) -> Installation:
        found = Installation(tmp_path / "root", tmp_path / "a.parquet", llm_base_url=url, buckets=1, **settings)
        stream = found.summarizer.ingest(["0000"], log=lambda _: None, describe=lambda *_: None)
        persist(found.summarizer.tables.authors, stream)
        return found

    return made


def test_the_estimate_tells_the_end_and_what_flex_would_save(house: Callable[..., Installation]) -> None:
    notes = estimate_notes(estimate_spend(house("http://127.0.0.1:9/v1", llm_model="gpt-5-nano").summarizer))
    assert "gpt-5-nano ends on 2026-12-11" in notes or "gpt-5-nano ended on 2026-12-11" in notes
    assert 'SUMMARIZER_LLM_EXTRA_BODY={"service_tier": "flex"} would cost 0.5 of that' in notes
    flex = house("http://127.0.0.1:9/v1", llm_model="gpt-5-nano", llm_extra_body={"service_tier": "flex"})
    notes = estimate_notes(estimate_spend(flex.summarizer))
    assert "what is not served as flex costs the list price" in notes
    assert "would cost" not in notes


def test_the_offer_of_a_calibration_tells_the_end_too(house: Callable[..., Installation]) -> None:
    offered = offer(house("http://127.0.0.1:9/v1", llm_model="gpt-3.5-turbo").summarizer, authors=5)
    assert "**gpt-3.5-turbo ended on 2026-10-23" in offer_markdown(offered)


def run(house: Installation) -> tuple[list[str], dict[str, Any]]:
    """What the log of a run was warned of, and the run's metadata."""
    warned: list[str] = []
    with house.summarizer.bucket_run("0000", "run1", log=lambda _: None, warn=warned.append) as made:
        summaries, failures = made.summaries, made.failures
        persist(house.summarizer.tables.summaries, summaries)
        told = dict(summaries.metadata())
        persist(house.summarizer.tables.failures, failures)
        made.finish()
    assert made.stop is None
    return warned, told


@pytest.fixture
def fake() -> Iterator[Fake]:
    with serving_fake(Fake(path="/v1")) as served:
        yield served


def test_a_run_is_warned_once_of_the_end_that_the_provider_s_own_list_announces(
    house: Callable[..., Installation], fake: Fake
) -> None:
    fake.models = {"data": [{"id": "my-own", "shutdown_date": "2099-01-14"}]}
    fake.answers_after_models = True
    warned, told = run(house(fake.url, llm_model="my-own", max_in_flight=1))
    (notice,) = warned
    assert notice.startswith("my-own ends on 2099-01-14, in ")
    assert told["model_notice"] == notice
    assert (told["summaries"], fake.listed) == (40, 1)


def test_a_run_is_warned_of_the_end_that_the_list_knows(house: Callable[..., Installation], fake: Fake) -> None:
    warned, told = run(house(fake.url, llm_model="gpt-3.5-turbo"))
    (notice,) = warned
    assert "gpt-3.5-turbo ended on 2026-10-23" in notice
    assert told["model_notice"] == notice


@pytest.mark.parametrize("listing", ["missing", "hangs", "breaks", "nonsense"])
def test_a_provider_without_a_list_or_with_a_broken_one_costs_a_run_nothing(
    house: Callable[..., Installation], fake: Fake, listing: str
) -> None:
    fake.listing = listing
    warned, told = run(house(fake.url, llm_model="my-own", max_in_flight=1))
    assert warned == []
    assert "model_notice" not in told
    assert (told["summaries"], told["failed"], told["retries"], told["calls"]) == (40, 0, 0, 2)


@pytest.mark.parametrize("asked", [None, "flex"])
def test_each_row_costs_what_the_ledger_booked_at_the_tier_that_its_reply_named(
    house: Callable[..., Installation], fake: Fake, asked: str | None
) -> None:
    tiers: list[object] = ["flex", "default", "priority", "flex", None, "tier-of-next-year", "default", 7]
    fake.tiers = list(tiers)
    extra = {} if asked is None else {"service_tier": asked}
    made = house(fake.url, llm_model="gpt-6-luna", llm_extra_body=extra, group_size=5, budget_usd=5)
    _, told = run(made)
    rows = made.frame("summaries")
    factor = {"flex": 0.5, "default": 1, "priority": 2, None: 1, "tier-of-next-year": 2, 7: 1}
    each = (1000 * 0.125 + 500 * 0.5) / 1e6  # its cache's share is not told
    expected = sum(factor[tier] for tier in tiers) * each
    assert rows["cost_usd"].sum() == pytest.approx(expected, abs=1e-12)
    assert told["spent_usd"] == pytest.approx(expected, abs=1e-12)
    assert made.summarizer.ledger.totals()["spent"] == round(expected * 1e9)
    assert made.summarizer.ledger.audit() == []


@pytest.mark.parametrize(
    ("asked", "here", "other"),
    [
        (None, "standard", "flex"),
        ("default", "standard", "flex"),
        ("flex", "flex", "standard"),
        ("fast", "priority", "flex"),
    ],
)
def test_the_estimate_s_columns_are_named_by_the_tier_that_is_asked_for(
    house: Callable[..., Installation], asked: str | None, here: str, other: str
) -> None:
    extra = {} if asked is None else {"service_tier": asked}
    made = house("http://127.0.0.1:9/v1", llm_model="gpt-6-luna", llm_extra_body=extra)
    prices = prices_of(made.summarizer)
    assert (prices.tier, prices.other_tier) == (here, other)
    factor = {"standard": 1, "flex": 0.5, "priority": 2}
    assert prices.price is not None
    assert prices.other is not None
    assert prices.price.output == factor[here] * 500_000
    assert prices.other.output == factor[other] * 500_000
