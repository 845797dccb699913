import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from summarizer_assets.core.money.amounts import Price, Usage
from summarizer_assets.llm.budget import prices
from summarizer_assets.llm.budget.prices import list_price, listed_models

MINI = Price.per_million(0.15, 0.60, cached_input_usd=0.075)


def price_of(model: str, **request: Any) -> Price | None:
    found = list_price(model, **request)
    return None if found is None else found.price


@pytest.mark.parametrize(
    "model", ["gpt-4o-mini", "openai/gpt-4o-mini", "gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini-20240718"]
)
def test_a_model_is_found_by_its_name_also_with_its_provider_s_prefix_and_a_date(model: str) -> None:
    found = list_price(model)
    assert found is not None
    assert (found.price, found.model) == (MINI, "gpt-4o-mini")
    assert date(2025, 1, 1) < found.taken < date(2100, 1, 1)


@pytest.mark.parametrize(
    "model",
    [
        "",
        "gpt",
        "gpt-4o-min",
        "gpt-4o-minimal",
        "GPT-4o-mini",
        "my-gpt-4o-mini",
        "gpt-4o-mini-audio-preview",
        "gpt-4o-mini-2024",
        "gpt-4o-mini-1999-01-01",
        "anthropic/gpt-4o-mini",
        "openai/openai/gpt-4o-mini",
        "ft:gpt-4o-mini",
        "2024-07-18",
        "template",
    ],
)
def test_a_model_that_is_only_alike_has_no_price(model: str) -> None:
    assert list_price(model) is None


def test_a_dated_model_with_a_price_of_its_own_has_that_one() -> None:
    assert price_of("gpt-4o-2024-05-13") == Price.per_million(5, 15)
    assert price_of("gpt-4o-2024-08-06") == Price.per_million(2.5, 10, cached_input_usd=1.25)


def test_flex_is_cheaper_where_the_list_says_so_and_any_other_tier_has_no_price() -> None:
    assert price_of("gpt-5-nano", tier="flex") == Price.per_million(0.025, 0.2, cached_input_usd=0.0025)
    assert price_of("gpt-5-nano", tier="default") == price_of("gpt-5-nano", tier="auto") == price_of("gpt-5-nano")
    assert price_of("gpt-4o", tier="flex") is None
    assert price_of("gpt-5-nano", tier="priority") is None
    assert price_of("gpt-5-nano", tier=7) is price_of("gpt-5-nano", tier=["flex"]) is None
    assert (
        price_of("gpt-6-luna", tier="fast")
        == price_of("gpt-6-luna", tier="priority")
        == Price.per_million(0.2, 1, cached_input_usd=0.02, cache_write_usd=0.25)
    )


def test_a_price_holds_only_for_requests_of_the_size_it_was_made_for() -> None:
    assert price_of("gpt-5.4", largest_request=272_000) is not None
    assert price_of("gpt-5.4", largest_request=272_001) is None
    assert price_of("gpt-4o-mini", largest_request=10**6) == MINI


KINDS = {"input", "cached_input", "cache_write", "output", "flex", "priority", "most_input"}
ENDS = {"ended", "ends", "instead", "answered_by"}


def the_list() -> dict[str, Any]:
    return tomllib.loads(Path(prices.__file__).with_name("prices.toml").read_text(), parse_float=Decimal)


def test_every_price_of_the_list_is_whole_and_of_a_known_kind() -> None:
    table = the_list()
    assert table.pop("taken") < date(2100, 1, 1)
    named = [
        (host, name)
        for section in table.values()
        for host in section.get("hosts", [None])
        for name in section["models"]
    ]
    assert len(named) == len(set(named)) > 20
    for section in table.values():
        assert set(section) <= {"maker", "prefixes", "hosts", "source", "home", "models"}
        for name, entry in section["models"].items():
            assert set(entry) <= KINDS | ENDS, name
            price = price_of(name, host=section.get("hosts", [None])[0])
            assert price is not None
            assert 0 < price.cached_input <= price.input <= price.cache_write < price.output, name
            assert price.input == entry["input"] * 10**6
            assert price.output == entry["output"] * 10**6


def test_a_batch_job_costs_a_known_part_at_its_maker() -> None:
    listed = {model.name: model for model in listed_models()}
    luna = listed["gpt-6-luna"]
    assert luna.batch == luna.flex == luna.price.times(0.5)
    assert listed["grok-4.3"].batch is None
    assert "o4-mini" not in listed, "it has ended"


def test_the_models_of_today_have_the_prices_of_today() -> None:
    luna = price_of("gpt-6-luna")
    assert luna == Price.per_million(0.10, 0.50, cached_input_usd=0.01, cache_write_usd=0.125)
    assert price_of("gpt-6-luna", tier="flex") == Price.per_million(
        0.05, 0.25, cached_input_usd=0.005, cache_write_usd=0.0625
    )
    assert price_of("google/gemini-2.5-flash-lite") == Price.per_million(0.10, 0.40, cached_input_usd=0.01)
    assert price_of("deepseek-ai/deepseek-v4-flash", host="openrouter.ai") == Price.per_million(0.14, 0.28)


@pytest.mark.parametrize(
    ("model", "host", "price"),
    [
        ("openai/gpt-oss-20b", "api.inference.wandb.ai", (0.03, 0.13)),
        ("llama-3.1-8b-instant", "api.groq.com", (0.05, 0.08)),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "api.deepinfra.com", (0.02, 0.04)),
        ("openai/gpt-oss-20b", "api.elsewhere.com", None),
        ("openai/gpt-oss-20b", None, None),
        ("gpt-4o-mini", "my-gateway.example", (0.15, 0.60)),
    ],
)
def test_a_price_that_holds_at_one_host_is_known_there_alone(
    model: str, host: str | None, price: tuple[float, float] | None
) -> None:
    found = price_of(model, host=host)
    assert (found and (found.input, found.output)) == (price and tuple(round(usd * 10**6) for usd in price))


# Tiers: what a reply names is what it costs.


@pytest.mark.parametrize("asked", [None, "auto", "flex"])
@pytest.mark.parametrize(
    ("named", "factor"),
    [
        (None, 1),
        ("default", 1),
        ("auto", 1),
        ("standard", 1),
        ("on_demand", 1),
        ("flex", 0.5),
        ("priority", 2),
        ("fast", 2),
        ("scale", 2),  # nobody knows its price: the dearest known
        ("tier-of-next-year", 2),
        ("", 2),
    ],
)
def test_a_reply_costs_what_the_tier_that_it_names_costs_whatever_was_asked_for(
    asked: str | None, named: str | None, factor: float
) -> None:
    price = price_of("gpt-6-luna", tier=asked)
    assert price is not None
    million = Usage(1_000_000, 1_000_000, written_tokens=0, tier=named)
    assert price.cost(million) == factor * 0.6 * 10**9
    assert price.cost(million) <= price.most(1_000_000, 1_000_000)


def test_a_model_of_which_no_other_tier_is_known_costs_the_same_at_any() -> None:
    listed = price_of("gpt-4o-mini")
    assert listed is not None
    assert {listed.cost(Usage(1000, 1000, tier=tier)) for tier in (None, "flex", "priority")} == {
        MINI.cost(Usage(1000, 1000))
    }


# Ends.


def contradictions(table: Mapping[str, Any]) -> list[str]:
    """What cannot be true in a list taken on the day that it names; each with the model."""
    taken, wrong = table["taken"], []
    for section in (part for part in table.values() if isinstance(part, dict)):
        models = section["models"]
        for name, entry in models.items():
            ended, ends = entry.get("ended"), entry.get("ends")
            over, successor = ended or ends, entry.get("instead") or entry.get("answered_by")
            told = {
                "was to end before the list was taken: mark it `ended`, or mend the day": ends and ends <= taken,
                "ended after the list was taken: mark it `ends`": ended and ended > taken,
                "has two ends": ended and ends,
                "has an end without its source": over and not section.get("source"),
                "has an end without a model to choose": over and not successor,
                "has a successor and no end": successor and not over,
                "is to be replaced by a model that ends itself": {"ended", "ends"} & models.get(successor, {}).keys(),
            }
            wrong += [f"{name} {what}" for what, is_so in told.items() if is_so]
    return wrong


def test_the_list_does_not_contradict_itself() -> None:
    assert contradictions(the_list()) == []


SOUND = {"input": 1, "output": 2}


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"ends": date(2026, 11, 27), "instead": "b"}, "was to end before the list was taken"),
        ({"ends": date(2026, 11, 28), "instead": "b"}, "was to end before the list was taken"),
        ({"ended": date(2026, 11, 29), "instead": "b"}, "ended after the list was taken"),
        ({"ended": date(2026, 1, 1), "ends": date(2027, 1, 1), "instead": "b"}, "has two ends"),
        ({"ends": date(2027, 1, 1)}, "without a model to choose"),
        ({"instead": "b"}, "a successor and no end"),
        ({"ends": date(2027, 1, 1), "instead": "dead"}, "replaced by a model that ends itself"),
    ],
)
def test_a_list_that_contradicts_itself_is_told_with_the_model(entry: dict[str, Any], complaint: str) -> None:
    dead = {**SOUND, "ended": date(2026, 1, 1), "instead": "b"}
    models = {"a": {**SOUND, **entry}, "b": SOUND, "dead": dead}
    table = {"taken": date(2026, 11, 28), "x": {"source": "a page", "models": models}}
    (told,) = contradictions(table)
    assert told.startswith("a ")
    assert complaint in told
    assert any("without its source" in one for one in contradictions({**table, "x": {"models": {"dead": dead}}}))


def test_the_list_grows_contradictory_with_its_date_alone() -> None:
    """Whoever renews the date has to look at the ends that have come since."""
    later = {**the_list(), "taken": date(2026, 12, 15)}
    assert {told.partition(" ")[0] for told in contradictions(later)} == {
        "gpt-5", "gpt-5-mini", "gpt-5-nano", "gemini-2.5-pro", "gemini-2.5-flash",
        "claude-sonnet-4-5",
    }  # fmt: skip


def test_what_answers_instead_of_a_model_is_what_it_costs_from_that_day_on() -> None:
    assert price_of("gemini-2.5-pro", today=date(2026, 11, 30)) == price_of("gemini-2.5-pro")
    assert price_of("gemini-2.5-pro", today=date(2026, 12, 1)) is None  # of its heir the list has no price
    assert price_of("gemini-2.5-flash", today=date(2026, 12, 1)) == price_of("gemini-3.5-flash-lite")
    vertex = price_of("gemini-2.5-pro", host="aiplatform.googleapis.com", today=date(2026, 12, 1))
    assert vertex == price_of("gemini-2.5-pro")  # there it ends on another day
    itself = price_of("deepseek-v4-flash", host="api.deepseek.com", today=date(2026, 11, 28))
    assert itself == price_of("deepseek-flash", host="api.deepseek.com") != price_of("deepseek-v4-flash")
