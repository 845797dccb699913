"""Four runs at once under one budget: it is kept, whatever happens, and nothing is lost."""

import itertools
import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from summarizer_assets.core.money.amounts import Price, Usage, nano_of
from summarizer_assets.core.outcome import Stop
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.storage.delta.paid import Paid, paid_for
from summarizer_assets.storage.delta.stream import persist
from testing.command_line import run_command
from testing.installation import Installation, metadata_of, write_authors
from testing.provider import answer, serving

AUTHORS = 400
PRICE = Price.per_million(1, 10)
BUDGET, MORE = 0.1, 2.0  # dollars; all authors cost between the two
PRICES = {"price_input_usd": 1, "price_output_usd": 10}


@pytest.fixture
def provider() -> FaultyProvider:
    return FaultyProvider(answer, Plan(latency_s=0.03, latency_spread_s=0.03))


@pytest.fixture
def house(tmp_path: Path, provider: FaultyProvider) -> Iterator[Installation]:
    with serving(provider) as url:
        house = Installation(
            tmp_path / "root",
            write_authors(tmp_path / "authors.parquet", AUTHORS),
            buckets=4,
            llm_base_url=url,
            llm_model="test-model",
            group_size=5,
            max_output_tokens=1000,
            max_in_flight=6,
            **PRICES,
        )
        house.ingest()
        yield house


def with_settings(house: Installation, **settings: Any) -> Installation:
    given = {name: value for name, value in house.given.items() if name not in {"root", "source"}}
    return Installation(house.given["root"], house.given["source"], **{**given, **settings})


def run_one(house: Installation, bucket: str, budget: float) -> Stop | None:
    """One run of a bucket, which shares nothing with the others but the root; why it stopped."""
    summarizer = with_settings(house, budget_usd=budget).summarizer
    run = summarizer.bucket_run(bucket, f"run-{uuid.uuid4().hex}", log=lambda _: None)
    with run:
        persist(summarizer.tables.summaries, run.summaries)
        persist(summarizer.tables.failures, run.failures)
        run.finish()
    return run.stop


def run_all(house: Installation, budget: float) -> list[Stop | None]:
    """All buckets at once."""
    with ThreadPoolExecutor(len(house.keys)) as pool:
        return list(pool.map(lambda bucket: run_one(house, bucket, budget), house.keys))


def start(house: Installation, bucket: str, budget: float) -> "subprocess.Popen[str]":
    """A run in a process of its own."""
    command = [sys.executable, "-m", "testing.worker", bucket]
    environment = {**os.environ, **house.environment(), "SUMMARIZER_BUDGET_USD": str(budget)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def billed(provider: FaultyProvider) -> int:
    """Nano-dollars of all answers the model worked on, whatever became of them."""
    stats = provider.stats()
    return PRICE.cost(Usage(stats["prompt_tokens"], stats["completion_tokens"]))


def money(house: Installation) -> tuple[int, int, int]:
    """Spent, uncertain, wasted, in all."""
    assert house.summarizer.ledger.audit() == []
    totals = house.summarizer.ledger.totals()
    assert totals["reserved"] == 0
    return totals["spent"], totals["uncertain"], totals["wasted"]


def stored_costs(house: Installation) -> int:
    return sum(round(usd * 10**9) for usd in house.frame("summaries")["cost_usd"])


def asked(provider: FaultyProvider) -> Counter[str]:
    return Counter(author_id for entry in provider.entries for author_id in entry.ids)


def test_a_budget_reached_in_the_middle_is_kept_to_and_a_higher_one_goes_on(
    house: Installation, provider: FaultyProvider
) -> None:
    ended = run_all(house, BUDGET)
    assert any(ended)
    for stop in ended:
        assert stop is None or (stop.cause == "budget" and "the budget is used up" in stop.message)
    spent, uncertain, wasted = money(house)
    assert (uncertain, wasted) == (0, 0)
    assert spent == billed(provider) == stored_costs(house)
    assert nano_of(BUDGET) * 4 // 5 < spent <= nano_of(BUDGET)
    stored = set(house.frame("summaries")["author_id"])
    assert stored == asked(provider).keys()
    assert 0 < len(stored) < AUTHORS
    assert house.frame("failures").is_empty()

    run_all(house, BUDGET)
    assert money(house)[0] <= nano_of(BUDGET)

    assert run_all(house, MORE) == [None] * 4
    house.assert_each_author_in_one_place()
    assert house.frame("summaries").height == AUTHORS
    assert set(asked(provider).values()) == {1}
    assert money(house) == (billed(provider), 0, 0)
    assert stored_costs(house) == billed(provider)


def test_answers_that_bring_nothing_and_connections_that_break_count_to_the_budget_too(
    house: Installation, provider: FaultyProvider
) -> None:
    faults = (
        Rule("truncated_json", share=0.2, each_request=True),
        Rule("reset_in_body", share=0.1, each_request=True),
        Rule("server_error", share=0.1, each_request=True),
    )
    provider.use(Plan(rules=faults, latency_s=0.03, latency_spread_s=0.03))
    ended = run_all(house, BUDGET)
    assert any(stop is not None and stop.cause == "budget" for stop in ended)
    spent, uncertain, wasted = money(house)
    assert spent + uncertain <= nano_of(BUDGET)
    assert billed(provider) <= spent + uncertain
    assert uncertain > 0
    assert wasted > 0
    assert stored_costs(house) == spent - wasted

    provider.heal()
    assert run_all(house, MORE) == [None] * 4
    house.assert_each_author_in_one_place()
    spent, uncertain, wasted = money(house)
    assert stored_costs(house) == spent - wasted
    assert billed(provider) <= spent + uncertain


def test_a_killed_run_leaves_what_it_may_have_spent_in_the_budget(
    house: Installation, provider: FaultyProvider
) -> None:
    workers = [start(house, bucket, BUDGET) for bucket in house.keys]
    while len(provider.entries) < 15:
        assert any(worker.poll() is None for worker in workers), "all ended too early"
        time.sleep(0.01)
    for worker in workers[:2]:
        worker.kill()
    for worker in workers:
        worker.communicate(timeout=120)
    run_all(house, BUDGET)
    spent, uncertain, _ = money(house)
    assert billed(provider) <= spent + uncertain <= nano_of(BUDGET)

    assert run_all(house, MORE) == [None] * 4
    house.assert_each_author_in_one_place()
    spent, uncertain, _ = money(house)
    assert billed(provider) <= spent + uncertain <= nano_of(MORE)


def test_a_store_that_knows_nothing_of_what_was_paid_stops_each_run_before_it_asks_until_that_is_booked(
    house: Installation,
    provider: FaultyProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_one(house, "0000", BUDGET)
    cost, asked_until_now = stored_costs(house), len(provider.entries)
    assert cost > 0
    lost = with_settings(house, state=str(tmp_path / "another.sqlite"))
    for _ in range(2):
        stop = run_one(lost, "0001", BUDGET)
        assert stop is not None
        assert stop.cause == "budget"
        for said in ("another.sqlite", "SUMMARIZER_STATE", "summarizer spend --book-tables"):
            assert said in stop.message
    assert len(provider.entries) == asked_until_now
    ended = lost.summarizer.state.recent_runs()["0001"][0]
    assert (ended.pending_after, ended.stop) == (ended.pending_before, "budget")

    for name, value in lost.environment().items():
        monkeypatch.setenv(name, value)
    assert run_command("spend", "--book-tables") == 0
    assert "not booked" not in capsys.readouterr().out
    assert run_one(lost, "0001", MORE) is None
    assert money(lost) == (billed(provider), 0, 0)


def test_replies_that_tell_no_usage_cost_in_the_tables_what_the_ledger_booked_for_them(
    house: Installation,
) -> None:
    usages = itertools.cycle([None, {"prompt_tokens": 700, "completion_tokens": 10**9}, {"prompt_tokens": -1}, {}])

    def strange(body: bytes) -> bytes:
        reply = json.loads(answer(body))
        usage = next(usages)
        return json.dumps(reply if usage == {} else {**reply, "usage": usage}).encode()

    with serving(FaultyProvider(strange)) as url:
        assert run_one(with_settings(house, llm_base_url=url), "0000", MORE) is None
    rows, (spent, _, wasted) = house.frame("summaries"), money(house)
    assert rows["cost_usd"].null_count() == 0
    assert stored_costs(house) == spent - wasted == spent
    untold = rows.filter(pl.col("flags").list.contains("usage_missing"))
    assert 0 < untold["prompt_tokens"].null_count() < untold.height < rows.height
    assert paid_for(house.summarizer.tables.summaries) == Paid(spent, 0)


def test_answers_that_lie_only_in_the_journal_count_when_the_ledger_is_lost(
    house: Installation, provider: FaultyProvider, tmp_path: Path
) -> None:
    late = with_settings(house, commit_rows=10**6, commit_interval_s=600)
    worker = start(late, "0000", MORE)
    while sum(entry.answered_s is not None for entry in provider.entries) < 10:
        assert worker.poll() is None, "it ended too early"
        time.sleep(0.005)
    worker.kill()
    worker.communicate(timeout=120)
    assert house.frame("summaries").is_empty()

    lost = with_settings(house, state=str(tmp_path / "another.sqlite"))
    asked_until_now, paid = len(provider.entries), lost.summarizer.paid
    assert 0 < paid.cost <= billed(provider)
    stop = run_one(lost, "0001", MORE)
    assert stop is not None
    assert "--book-tables" in stop.message
    assert len(provider.entries) == asked_until_now
    assert lost.summarizer.ledger.raise_to(paid.cost) == paid.cost

    assert run_one(lost, "0000", MORE) is None  # the journal's answers go into the table, and are not counted twice
    assert lost.summarizer.paid.cost == stored_costs(lost) == money(lost)[0]


def shown(house: Installation, **settings: Any) -> dict[str, Any]:
    return metadata_of(with_settings(house, **settings).summarize("0000")[0])


def test_a_partition_s_page_tells_what_its_run_cost_and_what_is_left(
    house: Installation, provider: FaultyProvider
) -> None:
    page = shown(house, budget_usd=MORE)
    assert page["spent_usd"] == page["spent_in_all_usd"] == billed(provider) / 10**9 > 0
    assert not page.keys() & {"wasted_usd", "uncertain_usd", "uncertain_in_all_usd"}  # they are zero
    assert page["budget_usd"] == MORE
    assert "price" not in page
    page = shown(house)  # no work: nothing spent
    assert page["spent_usd"] == 0
    assert "spent_in_all_usd" not in page


def test_a_price_that_nobody_knows_is_said_and_never_taken_as_nothing(house: Installation) -> None:
    page = shown(house, price_input_usd=None, price_output_usd=None)
    assert page["price"].startswith("not known: nothing is counted")
    assert "spent_usd" not in page
    summaries = house.frame("summaries").height
    assert house.frame("summaries")["cost_usd"].null_count() == summaries > 0
    assert paid_for(house.summarizer.tables.summaries) == Paid(0, summaries)
    assert house.summarizer.ledger.totals()["spent"] == 0
