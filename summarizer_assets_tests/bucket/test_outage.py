"""Authors that make the provider fail are told from a provider that is out, and nobody pays for an outage."""

import pytest

from summarizer_assets.llm.fault_plan import Plan, Rule
from summarizer_assets.llm.faults import FaultyProvider
from summarizer_assets_tests.installation import Installation, metadata_of, write_authors
from summarizer_assets_tests.provider import answer, serving

AUTHORS = 60


@pytest.fixture
def provider():
    return FaultyProvider(answer)


@pytest.fixture
def installation(tmp_path, provider):
    with serving(provider) as url:
        house = Installation(
            tmp_path / "root",
            write_authors(tmp_path / "authors.parquet", AUTHORS),
            llm_base_url=url,
            llm_model="test-model",
            group_size=5,
            max_in_flight=6,
            retry_after_s=0,
        )
        house.ingest()
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


@pytest.mark.parametrize("group_size", [1, 5])
def test_an_outage_from_the_start_charges_nobody_and_is_bounded(installation, provider, group_size):
    installation.given["group_size"] = group_size
    house = Installation(**installation.given)
    provider.use(Plan(rules=(Rule("stall", share=1.0),)))
    house = Installation(**{**installation.given, "request_timeout_s": 0.2, "no_progress_s": 5})

    (run,) = house.summarize()

    assert not run.success
    assert house.frame("summaries").is_empty()
    assert house.frame("failures").is_empty()
    assert len(provider.entries) <= 200


def test_an_outage_in_the_middle_keeps_what_was_answered_and_leaves_the_rest_pending(installation, provider):
    ids = installation.frame("authors")["author_id"].to_list()
    provider.use(Plan(rules=(Rule("stall", authors=tuple(ids[20:])),)))
    house = Installation(**{**installation.given, "request_timeout_s": 0.2, "max_in_flight": 2})

    (run,) = house.summarize()

    assert not run.success
    assert set(house.frame("summaries")["author_id"]) == set(ids[:20])
    assert house.frame("failures").is_empty()
    provider.heal()
    (again,) = house.summarize()
    assert again.success
    house.assert_each_author_in_one_place()
