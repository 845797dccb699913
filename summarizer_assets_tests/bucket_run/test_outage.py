"""Authors that make the provider fail are told from a provider that is out, and nobody pays for an outage."""

import pytest

from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from testing.installation import Installation, ingested, metadata_of, statuses
from testing.provider import answer
from testing.waits import short_waits

__all__ = ["short_waits"]  # a fixture of all tests here

AUTHORS = 60


@pytest.fixture
def provider():
    return FaultyProvider(answer)


@pytest.fixture
def installation(tmp_path, provider):
    with ingested(provider, tmp_path, AUTHORS, group_size=5, max_in_flight=6, retry_after_s=0) as house:
        yield house


def test_many_groups_with_a_poison_author_each_do_not_look_like_an_outage(installation, provider):
    ids = installation.frame("authors")["author_id"].to_list()
    poison = set(ids[2::10])
    provider.use(Plan(rules=(Rule("should_not_retry", authors=tuple(poison)),)))

    first = installation.summarize()[0]
    for _ in range(4):
        installation.summarize()

    assert first.success
    assert metadata_of(first)["pending"] == 0
    installation.assert_each_author_in_one_place()
    failures = installation.frame("failures")
    assert set(failures["author_id"]) == poison
    assert failures["reason"].unique().to_list() == ["server_error"]


def test_poison_authors_that_are_all_that_is_left_are_charged_and_hold_nobody_up(installation, provider):
    ids = installation.frame("authors")["author_id"].to_list()
    poison = set(ids[:8])
    provider.use(Plan(rules=(Rule("server_error", authors=tuple(poison)),)))
    installation.given["group_size"] = 1
    house = Installation(**installation.given)

    (run,) = house.summarize()

    assert run.success
    assert set(house.frame("failures")["author_id"]) == poison
    house.assert_each_author_in_one_place()


@pytest.mark.parametrize("group_size", [1, 5])
def test_an_outage_without_end_charges_nobody_and_is_bounded(installation, provider, group_size):
    provider.use(Plan(rules=(Rule("stall", share=1.0),)))
    quick = {"request_timeout_s": 0.2, "no_progress_s": 4, "group_size": group_size}
    house = Installation(**{**installation.given, **quick})

    (run,) = house.summarize()

    assert not run.success
    assert "the provider is down" in metadata_of(run)["stopped"]
    assert statuses(house) == {"0000": "FAILED"}
    assert house.frame("summaries").is_empty()
    assert house.frame("failures").is_empty()
    assert len(provider.entries) <= 40  # of which 5 are the first request's own, 6 in flight, the rest probes
    provider.heal()
    (again,) = house.summarize()
    assert again.success
    house.assert_each_author_in_one_place()


@pytest.mark.parametrize("fault", ["unavailable", "stall", "html_page"])
def test_an_outage_in_the_middle_that_ends_costs_nobody_anything_and_needs_nobody(installation, provider, fault):
    ids = installation.frame("authors")["author_id"].to_list()
    provider.use(Plan(rules=(Rule(fault, authors=tuple(ids[20:]), heal_after_s=5.0),)))  # the first 20 are answered
    house = Installation(**{**installation.given, "request_timeout_s": 0.3})

    (run,) = house.summarize()

    facts = metadata_of(run)
    assert run.success
    assert facts["outages"] >= 1
    assert set(house.frame("summaries")["author_id"]) == set(ids)
    assert house.frame("failures").is_empty()
    failed = [entry for entry in provider.entries if entry.fault]
    assert len(failed) <= 40


def test_replies_over_the_cap_are_no_outage_and_charge_none_but_their_own_authors(installation, provider):
    ids = installation.frame("authors")["author_id"].to_list()
    poison = set(ids[2::5])
    provider.use(Plan(rules=(Rule("gzip_bomb", authors=tuple(poison)),)))

    (run,) = installation.summarize()

    facts = metadata_of(run)
    assert run.success
    assert "outages" not in facts
    failures = installation.frame("failures")
    assert set(failures["author_id"]) == poison
    assert failures["reason"].unique().to_list() == ["body_too_big"]
    installation.assert_each_author_in_one_place()


def test_a_provider_all_of_whose_replies_are_over_the_cap_ends_the_run_and_charges_nobody(installation, provider):
    provider.use(Plan(rules=(Rule("gzip_bomb", share=1.0),)))

    (run,) = installation.summarize()

    facts = metadata_of(run)
    assert not run.success
    assert "outages" not in facts
    assert "nothing usable comes from the model" in facts["stopped"]
    assert "body_too_big" in facts["stopped"]
    assert installation.frame("failures").is_empty()
    assert len(provider.entries) <= 2 * AUTHORS
    provider.heal()
    assert installation.summarize()[0].success
    installation.assert_each_author_in_one_place()


def test_what_was_answered_before_an_outage_is_kept_and_the_rest_stays_pending(installation, provider):
    ids = installation.frame("authors")["author_id"].to_list()
    provider.use(Plan(rules=(Rule("stall", authors=tuple(ids[20:])),)))
    house = Installation(**{**installation.given, "request_timeout_s": 0.2, "max_in_flight": 2, "no_progress_s": 4})

    (run,) = house.summarize()

    assert not run.success
    assert set(house.frame("summaries")["author_id"]) == set(ids[:20])
    assert house.frame("failures").is_empty()
    provider.heal()
    (again,) = house.summarize()
    assert again.success
    house.assert_each_author_in_one_place()
