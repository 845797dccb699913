"""The second model: whom the first failed is asked once more, of another; what is journaled, booked and told."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from summarizer_assets.bucket_run.results import Outcomes
from summarizer_assets.bucket_run.run import BucketRun
from summarizer_assets.cli.status import status_text
from summarizer_assets.core.authors.redrive import Choice, Redrive, Resummarize
from summarizer_assets.core.money.amounts import Price, Usage
from summarizer_assets.core.quality_breaker import Trust
from summarizer_assets.core.records import FAILURES, WITH_A_VALUE
from summarizer_assets.estimate.markdown import estimate_markdown
from summarizer_assets.estimate.spend import estimate_spend
from summarizer_assets.overview.facts import BySecond
from summarizer_assets.overview.gather import overview
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.report.gather import gather
from summarizer_assets.report.markdown import numbers
from summarizer_assets.report.page import page
from summarizer_assets_tests.bucket_run.batches.jobs_house import jobs_housed
from summarizer_assets_tests.bucket_run.house import Fuse, House, Killed, housed
from testing.provider import answer, serving

FIRST, SECOND = "test-model", "second-model"
PRICES = {FIRST: Price.per_million(1, 2), SECOND: Price.per_million(10, 30)}
SETTINGS: dict[str, Any] = {
    "price_input_usd": 1,
    "price_output_usd": 2,
    "second_model": SECOND,
    "second_price_input_usd": 10,
    "second_price_output_usd": 30,
}
BOTH_FAIL = "4"
#: What the first model does not do, by author; the second does not do BOTH_FAIL.
UNDONE = {"2": "refusal", BOTH_FAIL: "content_filter", "6": "finish_length", "8": "link"}
RULES = tuple(Rule(fault, authors=(author,)) for author, fault in UNDONE.items())


def said(body: bytes) -> bytes:
    return answer(body).replace(FIRST.encode(), SECOND.encode())


@dataclass
class Two:
    """A house whose authors are asked of `house.app`, and then of `second`."""

    house: House
    second: FaultyProvider

    def asked_of_second(self) -> Counter[str]:
        return Counter(author for entry in self.second.entries for author in entry.ids)

    def billed(self) -> int:
        return sum(
            PRICES[name].cost(Usage(entry.prompt_tokens, entry.completion_tokens))
            for name, app in ((FIRST, self.house.app), (SECOND, self.second))
            for entry in app.entries
        )

    def booked(self) -> int:
        ledger = self.house.summarizer.ledger
        assert ledger.audit() == []
        totals = ledger.totals()
        assert totals["reserved"] == totals["uncertain"] == 0
        return totals["spent"]

    def by_model(self) -> dict[str, set[str]]:
        frame = self.house.frame("summaries")
        return {model: set(frame.filter(pl.col("model") == model)["author_id"]) for model in (FIRST, SECOND)}

    def failure(self, author: str) -> dict[str, Any]:
        return self.house.frame("failures").filter(pl.col("author_id") == author).row(0, named=True)


@contextmanager
def two_models(folder: Path, authors: int = 10, *rules: Rule, **settings: Any) -> Iterator[Two]:
    second = FaultyProvider(said, Plan(rules=(Rule("refusal", authors=(BOTH_FAIL,)),)))
    given = {**SETTINGS, **settings}
    with serving(second) as url, housed(folder, authors, answer, second_base_url=url, **given) as house:
        house.app.use(Plan(rules=rules or RULES))
        house.ingest()
        yield Two(house, second)


def columns_of_failures(house: House) -> set[str]:
    """As any reader finds them."""
    table = house.summarizer.tables.failures.open()
    assert table is not None
    return {field.name for field in table.schema().fields}


def told_by(run: BucketRun) -> dict[str, Any]:
    return dict(run._metadata())


def test_whom_the_first_model_fails_the_second_summarises_once_and_everybody_is_told_by_name(tmp_path):
    with two_models(tmp_path, budget_usd=50) as two:
        run = two.house.work()
        everybody = {str(number) for number in range(1, 11)}
        assert two.by_model() == {FIRST: everybody - UNDONE.keys(), SECOND: UNDONE.keys() - {BOTH_FAIL}}
        summaries = two.house.frame("summaries")
        assert not summaries["flags"].explode().drop_nulls().to_list(), "no doubt arises from the other model"
        row = two.failure(BOTH_FAIL)
        assert (row["model"], row["reason"], row["attempts"]) == (FIRST, "content_filter", 1)
        assert (row["second_model"], row["second_reason"]) == (SECOND, "refusal")
        assert "second-model failed too: refusal" in row["detail"]
        assert not row["retryable"]
        assert row["next_retry_at"] is None
        told = told_by(run)
        assert [told["second_model_asked"], told["second_model_answered"], told["failed_by_both_models"]] == [4, 3, 1]
        assert told["failures_by_reason"] == {"content_filter": 1}
        assert columns_of_failures(two.house) == set(FAILURES.names())
        # Each answer is booked at its own model's price, and all of them under the one budget.
        assert two.billed() == two.booked()
        by_second = summaries.filter(pl.col("model") == SECOND)
        used = zip(by_second["prompt_tokens"], by_second["completion_tokens"], strict=True)
        assert round(by_second["cost_usd"].sum() * 1e9) == sum(PRICES[SECOND].cost(Usage(*one)) for one in used)
        asked = two.asked_of_second()
        two.house.assert_settled()
        assert two.asked_of_second() == asked == dict.fromkeys(UNDONE, 1)


def test_by_themselves_later_runs_ask_the_first_alone_and_a_person_has_both_asked_again(tmp_path):
    undone = Rule("refusal", authors=(BOTH_FAIL,))
    with two_models(tmp_path, 5, undone) as two:
        two.house.work()
        again = two.house.asked_by(lambda: two.house.work(retry_all=True))
        assert (again, two.asked_of_second()) == ({BOTH_FAIL: 1}, {BOTH_FAIL: 1})
        row = two.failure(BOTH_FAIL)
        assert (row["attempts"], row["second_model"], row["second_reason"]) == (2, SECOND, "refusal")
        assert "second-model failed before: refusal" in row["detail"]
        # Another second model is asked about them when a person has them asked again, not before.
        third = two.house.with_settings(second_model="third-model")
        third.work(retry_all=True)
        assert two.failure(BOTH_FAIL)["second_model"] == SECOND
        assert sum(two.asked_of_second().values()) == 1
        two.second.heal()
        third.work(run=third.prepare(choice=Choice(redrive=Redrive(reasons=frozenset({"refusal"})))))
        assert sum(two.asked_of_second().values()) == 2
        model = dict(two.house.frame("summaries").select("author_id", "model").iter_rows())
        assert model[BOTH_FAIL] == "third-model"


def test_the_price_of_a_choice_includes_the_second_model_and_its_summaries_are_of_the_present_models(tmp_path):
    with two_models(tmp_path, 9) as two:
        two.house.work()
        other = Choice(resummarize=Resummarize(other_identity=True), spend=False)
        with two.house.prepare(choice=other) as run:
            assert run.offer["would_renew"] == 0
        redrive = Choice(redrive=Redrive(authors=frozenset({BOTH_FAIL})), spend=False)
        with two.house.prepare(choice=redrive) as run:
            both = run.offer["would_cost_usd_at_most"]
        alone = two.house.with_settings(
            second_model=None, second_base_url=None, second_price_input_usd=None, second_price_output_usd=None
        )
        with alone.prepare(choice=redrive) as run:
            assert 5 * run.offer["would_cost_usd_at_most"] < both
        with alone.prepare(choice=other) as run:
            assert run.offer["would_renew"] == 3, "without a second model they are of another one"


def test_estimate_status_and_report_tell_what_the_second_model_costs_and_did(tmp_path):
    with two_models(tmp_path, 9) as two:
        spend = estimate_spend(two.house.summarizer)
        assert spend.second is not None
        assert spend.second.cost_usd is not None
        assert (spend.second.model, spend.second.authors) == (SECOND, 9)
        assert "for second-model: $" in estimate_markdown(spend)
        two.house.work()
        now = overview(two.house.summarizer)
        assert now.second == BySecond(SECOND, summaries=3, failed_by_both=1)
        text = status_text(now)
        assert "3  by the second model, second-model" in text
        assert "1  of these by both models" in text
        report = gather(two.house.summarizer)
        assert numbers(report)["summaries_by_second_model"] == 3
        assert b"second-model</bdi> (the second model)" in page(report, {})


#: Where a run may die, by a call of `Outcomes` and its number, before the call or after it.
DEATHS = [
    ("failed", 2, True),
    ("for_second", 1, True),
    ("take", -1, False),  # the last answer, which is one of the second model's
    ("take", -2, True),
    ("failed_too", 1, False),
    ("failed_too", 1, True),
]


@pytest.mark.parametrize(("name", "number", "after"), DEATHS)
def test_a_run_killed_between_the_two_models_loses_nothing_and_pays_for_nothing_twice(
    tmp_path, monkeypatch, name, number, after
):
    whole, calls = getattr(Outcomes, name), [0]

    def dies(self: Outcomes, *args: Any) -> Any:
        calls[0] += 1
        if calls[0] == number and not after:
            raise Killed
        result = whole(self, *args)
        if calls[0] == number:
            raise Killed
        return result

    with two_models(tmp_path, 8, max_in_flight=1, group_size=2) as two:
        if number < 0:  # the answers of an unbroken run: four of the first model's, three of the second's
            number = 4 + 3 + 1 + number
        with monkeypatch.context() as patched:
            patched.setattr(Outcomes, name, dies)
            with pytest.raises(Killed):
                two.house.work()
        two.house.work()
        assert two.by_model() == {FIRST: {"1", "3", "5", "7"}, SECOND: {"2", "6", "8"}}
        row = two.failure(BOTH_FAIL)
        assert (row["attempts"], row["second_model"], row["second_reason"]) == (1, SECOND, "refusal")
        answers = Counter(author for entry in two.house.app.entries if not entry.fault for author in entry.ids)
        in_flight = int(not after)
        assert sum(answers.values()) - 4 <= in_flight
        asked = two.asked_of_second()
        assert asked.keys() == UNDONE.keys()
        assert sum(asked.values()) - 4 <= in_flight
        two.house.assert_settled()


@pytest.mark.parametrize(("at", "after"), [(1, False), (2, True), (3, False)])
def test_a_run_killed_at_a_commit_asks_neither_model_again(tmp_path, at, after):
    with two_models(tmp_path, 8) as two:
        two.house.killed(Fuse(at, after))
        before = two.house.asked() + two.asked_of_second()
        two.house.work()
        assert two.house.asked() + two.asked_of_second() == before
        assert two.by_model() == {FIRST: {"1", "3", "5", "7"}, SECOND: {"2", "6", "8"}}
        assert two.house.failures() == {BOTH_FAIL: "content_filter"}
        two.house.assert_settled()


def test_a_budget_that_ends_between_the_models_stops_the_run_and_nobody_is_lost(tmp_path):
    with two_models(tmp_path, 8, budget_usd=0.2, second_price_output_usd=1000) as two:
        run = two.house.work()
        assert run.stop is not None
        assert run.stop.cause == "budget"
        assert "second-model" in run.stop.message
        assert two.house.failures().keys() == UNDONE.keys()
        assert not two.second.entries
        rows = two.house.frame("failures")
        assert rows["retryable"].all(), "a later run may ask the second model, also about the filtered"
        assert rows["second_model"].null_count() == 4
        richer = two.house.with_settings(budget_usd=200)
        richer.work(retry_all=True)
        assert two.by_model()[SECOND] == UNDONE.keys() - {BOTH_FAIL}
        richer.assert_settled()


@pytest.mark.parametrize("fault", ["unauthorized", "server_error"])
def test_a_second_provider_that_is_not_there_is_told_and_costs_nobody_an_attempt(tmp_path, fault):
    with two_models(tmp_path, 8, no_progress_s=0.5) as two:
        two.second.use(Plan(rules=(Rule(fault, share=1),)))
        warned: list[str] = []
        run = two.house.summarizer.bucket_run("0000", "run1", log=lambda _: None, warn=warned.append)
        two.house.work(run=run)
        assert run.stop is None
        assert any("the second model, second-model, could not be asked" in line for line in warned)
        told = told_by(run)
        assert told["second_model_answered"] == 0
        assert told["second_model_stopped"].startswith({"unauthorized": "auth", "server_error": "outage"}[fault])
        rows = two.house.frame("failures")
        expected = {"2": "refusal", BOTH_FAIL: "content_filter", "6": "truncated", "8": "unsafe_text"}
        assert dict(rows.select("author_id", "reason").iter_rows()) == expected
        assert rows["attempts"].to_list() == [1] * 4
        assert rows["second_model"].null_count() == 4
        assert two.house.last_record().stop is None, "the sensors hold no bucket back for it"
        two.second.use(Plan())
        two.house.work(retry_all=True)
        assert two.by_model()[SECOND] == UNDONE.keys()


def test_each_model_has_its_own_quality_breaker(tmp_path):
    hard = tuple(str(number) for number in range(1, 41))
    with two_models(tmp_path, 80, Rule("refusal", authors=hard), group_size=1, max_in_flight=1) as two:
        two.second.use(Plan(rules=(Rule("refusal", share=1),)))
        # The good ones first, so that the first model is seen to work.
        two.house.app.use(Plan(rules=(Rule("refusal", authors=hard[::2]),)))
        run = two.house.work()
        assert run.stop is None
        told = told_by(run)
        assert told["second_model_asked"] == 20
        assert told["failed_by_both_models"] == 20, "too few to say that the second is of no use"
        assert two.house.summarizer.state.trust(two.house.summarizer.fingerprint) is Trust.PROVEN


def test_a_second_model_of_no_use_is_asked_no_more_and_the_run_goes_on(tmp_path):
    hard = tuple(str(number) for number in range(1, 101, 3))
    with two_models(tmp_path, 100, Rule("refusal", authors=hard), group_size=1, max_in_flight=1) as two:
        two.second.use(Plan(rules=(Rule("refusal", share=1),)))
        run = two.house.work()
        assert run.stop is None
        told = told_by(run)
        assert told["second_model_asked"] == 34
        assert told["second_model_stopped"].startswith("unusable")
        assert "have failed with both models" in told["second_model_stopped"]
        assert 23 <= told["failed_by_both_models"] <= len(two.second.entries) < 34
        assert run.counts.failed == 34
        assert two.house.frame("failures")["attempts"].to_list() == [1] * 34


def test_where_the_first_model_is_of_no_use_the_second_is_not_asked(tmp_path):
    with two_models(tmp_path, 30, Rule("refusal", share=1), group_size=1) as two:
        run = two.house.work()
        assert run.stop is not None
        assert run.stop.cause == "unusable"
        assert not two.second.entries


def test_a_run_told_to_end_while_the_second_model_works_keeps_what_was_answered(tmp_path):
    with two_models(tmp_path, 8, max_in_flight=1) as two:
        two.second.use(Plan(latency_s=0.4))
        run = two.house.prepare()

        def end() -> None:
            while not two.second.entries:
                time.sleep(0.01)
            run.interrupt(signal.SIGTERM)

        thread = threading.Thread(target=end)
        thread.start()
        two.house.work(run=run)
        thread.join()
        assert run.stop is not None
        assert run.stop.cause == "terminated"
        answered = two.by_model()[SECOND]
        assert len(answered) in (1, 2)
        assert two.house.failures().keys() == UNDONE.keys() - answered
        two.house.work(retry_all=True)
        assert two.by_model()[SECOND] == UNDONE.keys()
        assert max(two.asked_of_second().values()) == 1


def test_after_a_batch_job_the_second_model_is_asked_by_requests_that_the_run_waits_for(tmp_path, monkeypatch):
    second = FaultyProvider(said)
    with serving(second) as url:
        given = {**SETTINGS, "second_base_url": url, "group_size": 1, "batch_factor": 0.5}
        with jobs_housed(tmp_path, monkeypatch, 4, **given) as it:
            it.offer(None, Rule("finish_length", authors=("2",)))
            assert it.cause() == "in_batch"
            assert not second.entries
            it.wait(86_400)
            run = it.run()
            assert run.stop is None
            assert [entry.ids for entry in second.entries] == [("2",)]
            models = dict(it.house.frame("summaries").select("author_id", "model").iter_rows())
            assert models == {"1": FIRST, "2": SECOND, "3": FIRST, "4": FIRST}
            (entry,) = second.entries
            own = PRICES[SECOND].cost(Usage(entry.prompt_tokens, entry.completion_tokens))
            assert it.money["spent"] == it.bill + own
            it.assert_settled()


def test_without_a_second_model_nothing_is_different(tmp_path):
    assert not [name for name in os.environ if name.startswith("SUMMARIZER_SECOND")]
    nothing = dict.fromkeys(("second_model", "second_price_input_usd", "second_price_output_usd"))
    with housed(tmp_path, 8, answer, **{**SETTINGS, **nothing}) as house:
        house.app.use(Plan(rules=RULES))
        house.ingest()
        run = house.work()
        assert not [name for name in told_by(run) if "second_model" in name]
        rows = house.frame("failures")
        assert rows["second_model"].null_count() == rows.height == 4
        assert columns_of_failures(house) == set(FAILURES.names()) - WITH_A_VALUE, "an older version can be put back"
        assert rows.filter(~pl.col("retryable"))["author_id"].to_list() == [BOTH_FAIL]
