"""A provider that fails in every way, over real sockets: what becomes of each author, at how many requests."""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.authors.redrive import Choice
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.storage.delta.stream import persist
from testing.installation import Installation, write_authors
from testing.provider import answer, serving
from testing.waits import short_waits

__all__ = ["short_waits"]  # a fixture of all tests here

GROUP = 5
AUTHORS = 200


@dataclass(frozen=True)
class Fate:
    """What becomes of the one author that brings a fault on for ever, asked in a group of five.

    `reason` None: a summary all the same. `requests`: the most that may hold the author in the first run.
    `mates`: whether the four others have their summaries after that run already.
    """

    reason: str | None
    requests: int
    mates: bool = True


_HALVED = 4  # groups of 5, 3, 2 and 1
_REFUSED = 5  # the same, and alone for a second time
_HALVED_AND_RETRIED = 8
_ASKED_AGAIN = 2  # in its group, then alone with the reason
_MISSING = 3  # in its group, then alone, then with the reason
_TRIES = 2 * 5  # of the group, and of its half where nothing was answered after it

FATES = {
    "truncated_json": Fate("bad_json", _HALVED_AND_RETRIED),
    "truncated_body": Fate("bad_json", _HALVED_AND_RETRIED),
    "finish_length": Fate("truncated", _HALVED),
    "content_filter": Fate("content_filter", _HALVED),
    "refusal": Fate("refusal", _HALVED),
    "null_content": Fate("refusal", _HALVED_AND_RETRIED),
    "no_choices": Fate("no_choice", _HALVED_AND_RETRIED),
    "empty_text": Fate("empty_summary", _HALVED_AND_RETRIED),
    "empty_summary": Fate("empty_summary", _ASKED_AGAIN),
    "tool_calls": Fate("bad_shape", _HALVED_AND_RETRIED),
    "unknown_id": Fate("id_mismatch", _MISSING),
    "swapped": Fate(None, _ASKED_AGAIN),  # alone, there is nobody to be taken for
    "duplicate_same": Fate(None, 1),
    "duplicate_different": Fate("id_mismatch", _MISSING),
    "missing_id": Fate("id_mismatch", _MISSING),
    "positions_for_ids": Fate("id_mismatch", _HALVED + 1),
    "summary_list": Fate("bad_type", _ASKED_AGAIN),
    "bidi": Fate("bad_text", _ASKED_AGAIN),
    "link": Fate("unsafe_text", _ASKED_AGAIN),
    "huge_summary": Fate("too_long", _ASKED_AGAIN),
    "usage_missing": Fate(None, 1),
    "other_model": Fate(None, 1),
    "context_length": Fate("too_large", 1 + _REFUSED),  # once more where the run learns the context from it
    "request_too_large": Fate("too_large", _REFUSED),
    "bad_request": Fate("rejected", _REFUSED),
    "unprocessable": Fate("rejected", _REFUSED),
    # Between us and the model: halved at most once, to tell it from an outage; else smaller from run to run.
    "server_error": Fate("server_error", _TRIES, mates=False),
    "conflict": Fate("server_error", _TRIES, mates=False),
    "bad_gateway": Fate("server_error", _TRIES, mates=False),
    "unavailable": Fate("server_error", _TRIES, mates=False),
    "request_timeout": Fate("timeout", _TRIES, mates=False),
    "gateway_timeout": Fate("timeout", _TRIES, mates=False),
    "html_page": Fate("gateway_body", _TRIES, mates=False),
    "error_under_200": Fate("server_error", _TRIES, mates=False),
}
_OUTSIDE = [fault for fault, fate in FATES.items() if not fate.mates]
FATAL = ("unauthorized", "insufficient_quota", "payment_required", "model_not_found", "forbidden")


def run_buckets(house: Installation, keys: Sequence[str], *, retry_all: bool = False) -> None:
    """What the asset does, without Dagster's cost of a run; the buckets side by side."""
    tables = house.summarizer.tables

    def work(key: str) -> None:
        with house.summarizer.bucket_run(
            key, f"run-{key}", log=lambda _: None, choice=Choice(retry_all=retry_all)
        ) as run:
            persist(tables.summaries, run.summaries)
            persist(tables.failures, run.failures)
            run.finish()

    with ThreadPoolExecutor(len(keys)) as pool:
        list(pool.map(work, keys))


class Outcome:
    """One poisoned author a fault, each in a group of its own; what one run made of them, and what the next ones."""

    def __init__(self, house: Installation, provider: FaultyProvider) -> None:
        self.house = house
        self.mates: dict[str, set[str]] = {}
        # Few of those that look like an outage in each bucket, so that others succeed after them.
        keys = house.keys
        outside = {fault: keys[1 + place % (len(keys) - 1)] for place, fault in enumerate(_OUTSIDE)}
        rules = []
        taken = dict.fromkeys(keys, 0)
        authors = house.frame("authors").sort("author_id")
        for fault in FATES:
            key = outside.get(fault, keys[0])
            place = taken[key]
            taken[key] += GROUP
            group = authors.filter(bucket=key)["author_id"].slice(place, GROUP).to_list()
            assert len(group) == GROUP
            rules.append(Rule(fault, authors=(group[2],)))
            self.mates[fault] = set(group) - {group[2]}
        self.poisoned = {rule.fault: rule.authors[0] for rule in rules}
        provider.use(Plan(rules=tuple(rules)))
        run_buckets(house, keys)
        self.entries = list(provider.entries)
        self.failures = {row["author_id"]: row for row in house.frame("failures").to_dicts()}
        self.summaries = house.frame("summaries")
        run_buckets(house, keys, retry_all=True)
        self.later_failures = {row["author_id"]: row for row in house.frame("failures").to_dicts()}


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return write_authors(tmp_path_factory.mktemp("source") / "authors.parquet", 6 * AUTHORS)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory, source) -> Iterator[Outcome]:
    provider = FaultyProvider(answer)
    with serving(provider) as url:
        house = Installation(
            tmp_path_factory.mktemp("healing") / "root",
            source,
            buckets=6,
            group_size=GROUP,
            max_in_flight=8,
            llm_base_url=url,
            llm_model="test-model",
        )
        house.ingest()
        yield Outcome(house, provider)


def test_after_faults_of_all_kinds_each_author_is_in_one_place(outcome):
    outcome.house.assert_each_author_in_one_place()


@pytest.mark.parametrize("fault", FATES)
def test_an_author_that_always_brings_on_a_fault_ends_with_its_reason(outcome, fault):
    fate, author = FATES[fault], outcome.poisoned[fault]
    if fate.reason is None:
        assert author not in outcome.failures
        assert author in set(outcome.summaries["author_id"])
    else:
        assert (outcome.failures[author]["reason"], outcome.failures[author]["attempts"]) == (fate.reason, 1)


@pytest.mark.parametrize("fault", FATES)
def test_a_fault_costs_no_more_requests_than_it_must(outcome, fault):
    author = outcome.poisoned[fault]
    asked = [entry for entry in outcome.entries if author in entry.ids]
    assert len(asked) <= FATES[fault].requests
    assert len(asked[0].ids) == GROUP


@pytest.mark.parametrize("fault", FATES)
def test_the_others_of_a_group_have_their_summaries(outcome, fault):
    """At once where the fault is an author's; where it looks like the provider's, after the next run."""
    mates = outcome.mates[fault]
    if FATES[fault].mates:
        assert mates <= set(outcome.summaries["author_id"])
    else:
        assert mates <= outcome.failures.keys() | set(outcome.summaries["author_id"])
        assert not mates & outcome.later_failures.keys()
        assert outcome.later_failures[outcome.poisoned[fault]]["attempts"] == 2


def test_failures_that_asking_again_cannot_help_are_not_asked_again(outcome):
    final = {"content_filter", "too_large", "rejected"}
    for author, row in outcome.failures.items():
        if row["reason"] in final:
            assert not row["retryable"]
            assert row["next_retry_at"] is None
            assert outcome.later_failures[author]["attempts"] == 1


# Stops.


@pytest.fixture
def provider() -> FaultyProvider:
    return FaultyProvider(answer)


@pytest.fixture(scope="module")
def ingested(tmp_path_factory) -> Path:
    """A root with one bucket of authors and nothing else, to be copied."""
    folder = tmp_path_factory.mktemp("ingested")
    house = Installation(folder / "root", write_authors(folder / "authors.parquet", AUTHORS))
    house.ingest()
    return folder


def copy_of(ingested: Path, to: Path, url: str, **given: object) -> Installation:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(ingested / "root" / "authors", to / "authors")
    return Installation(
        to, ingested / "authors.parquet", llm_base_url=url, llm_model="test-model", retry_after_s=0, **given
    )


@pytest.mark.parametrize("fault", FATAL)
def test_what_no_request_can_escape_stops_the_run_and_charges_nobody(tmp_path, ingested, provider, fault):
    provider.use(Plan(rules=(Rule(fault, share=1.0),)))
    with serving(provider) as url:
        house = copy_of(ingested, tmp_path / "root", url, max_in_flight=4)
        (stopped,) = house.summarize()
        assert not stopped.success
        assert 1 <= len(provider.entries) <= 4  # those in flight when the first was answered
        assert house.frame("failures").is_empty()
        assert house.summarizer.state.recent_runs()["0000"][0].pending_after == AUTHORS
        provider.heal()
        run_buckets(house, house.keys)
        assert house.frame("summaries").height == AUTHORS


def test_a_request_that_is_refused_alike_from_the_start_is_the_settings_fault_not_the_authors(
    tmp_path, ingested, provider
):
    provider.use(Plan(rules=(Rule("bad_request", share=1.0),)))
    with serving(provider) as url:
        house = copy_of(ingested, tmp_path / "root", url, max_in_flight=2)
        (stopped,) = house.summarize()
        assert not stopped.success
        assert len(provider.entries) <= 5 + 2
        assert house.frame("failures").is_empty()


@pytest.mark.parametrize("fault", ["throttled_ms", "overloaded", "server_error", "unavailable", "html_page"])
def test_a_fault_that_passes_is_not_even_noticed_in_the_tables(tmp_path, ingested, provider, fault):
    provider.use(Plan(rules=(Rule(fault, share=0.2, times_per_group=1),)))
    with serving(provider) as url:
        house = copy_of(ingested, tmp_path / "root", url, group_size=10)
        run_buckets(house, house.keys)
        assert any(entry.fault == fault for entry in provider.entries)
        assert house.frame("failures").is_empty()
        assert house.frame("summaries").height == AUTHORS


# Any mixture.

_FAST = [fault for fault in FATES if fault not in _OUTSIDE]
rules = st.builds(
    Rule,
    fault=st.sampled_from(_FAST),
    share=st.sampled_from([0.1, 0.2, 0.5]),
    larger_than=st.sampled_from([0, 0, 1]),
    times_per_group=st.sampled_from([None, None, 1]),
)


@given(
    mixture=st.lists(rules, min_size=1, max_size=6),
    group_size=st.sampled_from([1, 3, 20, 200]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=12, deadline=None, derandomize=True)
def test_after_any_mixture_of_faults_and_healing_each_author_is_in_one_place(
    tmp_path_factory, ingested, mixture, group_size, seed
):
    provider = FaultyProvider(answer, Plan(rules=tuple(mixture), seed=seed))
    with serving(provider) as url:
        folder = tmp_path_factory.mktemp("mixture")
        house = copy_of(ingested, folder / "root", url, group_size=group_size, max_output_tokens=200_000)
        run_buckets(house, house.keys)
        summaries, failures = house.frame("summaries"), house.frame("failures")
        assert summaries["author_id"].is_unique().all()
        assert failures["author_id"].is_unique().all()
        assert not set(summaries["author_id"]) & set(failures["author_id"])
        pending = house.summarizer.state.recent_runs()["0000"][0].pending_after
        assert summaries.height + failures.height + pending == AUTHORS

        provider.heal()
        run_buckets(house, house.keys)
        house.assert_each_author_in_one_place()
        assert not house.frame("failures")["retryable"].any()
        kept = house.frame("summaries").join(summaries.select("author_id"), on="author_id", how="semi")
        assert kept.sort("author_id").equals(summaries.sort("author_id"))  # nobody was asked again after success


# Of the way to the model, drawn anew for each request: tries, throttles and, where they pile up, the breaker.

passing = st.builds(
    Rule,
    fault=st.sampled_from(
        ["server_error", "reset", "reset_in_body", "short_body", "html_page", "throttled_ms", "slow"]
    ),
    share=st.sampled_from([0.05, 0.1, 0.2]),
    each_request=st.just(True),
)


@given(
    mixture=st.lists(rules, max_size=3),
    on_the_way=st.lists(passing, min_size=1, max_size=3),
    group_size=st.sampled_from([3, 20]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=8, deadline=None, derandomize=True)
def test_faults_on_the_way_to_the_model_lose_and_double_nobody_either(
    tmp_path_factory, ingested, mixture, on_the_way, group_size, seed
):
    provider = FaultyProvider(answer, Plan(rules=(*mixture, *on_the_way), seed=seed, latency_s=0.005))
    with serving(provider) as url:
        folder = tmp_path_factory.mktemp("mixture")
        house = copy_of(ingested, folder / "root", url, group_size=group_size)
        run_buckets(house, house.keys)
        summaries, failures = house.frame("summaries"), house.frame("failures")
        pending = house.summarizer.state.recent_runs()["0000"][0].pending_after
        assert summaries["author_id"].is_unique().all()
        assert not set(summaries["author_id"]) & set(failures["author_id"])
        assert summaries.height + failures.height + pending == AUTHORS

        provider.heal()
        run_buckets(house, house.keys, retry_all=True)
        house.assert_each_author_in_one_place()
        kept = house.frame("summaries").join(summaries.select("author_id"), on="author_id", how="semi")
        assert kept.sort("author_id").equals(summaries.sort("author_id"))
