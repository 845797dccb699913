"""The cost by model and route: the price list's, for any job."""

import pytest

from summarizer_assets.capacity.by_model import by_model_json, by_model_markdown, cost_by_model, jobs_by_queue
from summarizer_assets.capacity.fleet import Job
from summarizer_assets.llm.budget.prices import list_taken

JOB = Job(20_000_000, 20, 158, 89)


def test_every_model_costs_what_its_list_price_makes_it_by_each_route() -> None:
    costs = {cost.model: cost for cost in cost_by_model(JOB)}
    mini = costs["gpt-4o-mini"]
    assert mini.online_usd == pytest.approx(20_000_000 * (158 * 0.15 + 89 * 0.60) / 1e6)
    assert mini.flex_usd is None
    assert mini.batch_usd == pytest.approx(mini.online_usd / 2)
    assert mini.ends == "2027-01-14"
    assert costs["grok-4.3"].batch_usd is None


def test_the_cheapest_is_first_and_the_day_of_the_list_is_told() -> None:
    least = [cost.least for cost in cost_by_model(JOB)]
    assert least == sorted(least)
    text = by_model_markdown(JOB, 256)
    assert f"List prices of {list_taken()}" in text
    assert text.count("| `") == len(least) == len(by_model_json(JOB, 256)["models"])


def test_a_smaller_queue_makes_more_days() -> None:
    days = [jobs.seconds / 86_400 for jobs in jobs_by_queue(JOB, 256).values()]
    assert days == sorted(days, reverse=True)
    assert days[-1] == 1
