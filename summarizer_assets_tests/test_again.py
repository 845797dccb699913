"""Asking again by choice: the price first, only the chosen, and a summary stays until there is a better one."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from summarizer_assets.core.authors.redrive import Choice, Redrive, Resummarize
from summarizer_assets.estimate.renewal import renewals, renewals_markdown
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets_tests.bucket_run.house import Fuse, House, housed
from summarizer_assets_tests.ticking import Ticking
from testing.installation import Installation, metadata_of

AUTHORS = 12
PRICES = {"price_input_usd": 1.0, "price_output_usd": 2.0}
OTHERS = Choice(resummarize=Resummarize(other_identity=True))


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    """All but two authors have a summary, made with an older prompt; two were refused."""
    with housed(tmp_path, AUTHORS, max_attempts=1, **PRICES) as first:
        first.ingest()
        first.app.use(Plan(rules=(Rule("refusal", authors=("11", "12")),)))
        first.work()
        first.app.heal()
        yield first.with_settings(words=60)


def prompts(house: House) -> dict[str, int]:
    counts = house.frame("summaries").group_by("prompt_version").len()
    return {
        ("new" if version == house.summarizer.identity.prompt_version else "old"): n for version, n in counts.rows()
    }


def told(house: House, choice: Choice) -> dict[str, object]:
    run = house.prepare(choice=choice)
    house.work(run=run)
    return dict(run.summaries.metadata())


def test_a_new_prompt_asks_nobody_by_itself_and_those_who_failed_with_it(house):
    assert set(house.asked_by(house.work)) == {"11", "12"}  # another prompt is another question
    assert prompts(house) == {"old": 10, "new": 2}


def test_a_run_that_may_not_spend_tells_what_it_would_ask_and_cost_and_changes_nothing(house):
    house.work()
    versions, runs = house.installation.versions(), house.summarizer.state.recent_runs()
    lines: list[str] = []
    unpaid = Choice(resummarize=Resummarize(other_identity=True), spend=False)
    run = house.prepare(choice=unpaid, log=lines.append)
    assert house.asked_by(lambda: house.work(run=run)) == {}
    facts = run.summaries.metadata()
    assert (facts["would_ask"], facts["would_renew"], facts["calls"]) == (10, 10, 0)
    assert 0 < facts["would_cost_usd"] <= facts["would_cost_usd_at_most"]
    assert any("would ask, with `spend: true`, 10 authors" in line for line in lines)
    assert house.installation.versions() == versions
    assert house.summarizer.state.recent_runs() == runs


def test_what_all_chosen_summaries_would_cost_is_what_they_used_at_the_price_of_now(house):
    house.work()
    held = house.frame("summaries")
    old = held.filter(pl.col("prompt_version") != house.summarizer.identity.prompt_version)
    (found,) = renewals(house.summarizer, OTHERS.resummarize)
    assert (found.summaries, found.model) == (10, "test-model")
    assert found.tokens == old["prompt_tokens"].sum() + old["completion_tokens"].sum()
    assert found.cost_usd == pytest.approx(old["cost_usd"].sum())
    assert len(renewals(house.summarizer, Resummarize(models=frozenset({"test-model"})))) == 2
    assert renewals_markdown(renewals(house.summarizer, Resummarize(models=frozenset({"none"})))) == (
        "No summary is chosen."
    )


def test_summaries_are_made_anew_once_and_the_price_told_before_was_right(house):
    house.work()
    expected = told(house, Choice(resummarize=Resummarize(other_identity=True), spend=False))
    asked = house.asked_by(lambda: house.work(run=house.prepare(choice=OTHERS)))
    assert set(asked) == {str(number) for number in range(1, 11)}
    assert len(house.app.entries) >= expected["would_make_calls"]
    assert prompts(house) == {"new": AUTHORS}
    house.assert_settled()
    assert house.asked_by(lambda: house.work(run=house.prepare(choice=OTHERS))) == {}


@pytest.mark.parametrize("at", range(1, 4))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_answers_paid_for_before_a_crash_are_stored_by_the_next_run_whoever_starts_it(house, at, after):
    house.work()
    house.app.use(Plan())
    house.killed_with(Fuse(at, after), choice=OTHERS)
    known = house.journaled()
    assert set(house.frame("summaries")["author_id"]) == {str(number) for number in range(1, AUTHORS + 1)}
    assert house.asked_by(house.work) == {}  # an ordinary run pays for nobody, and loses nothing
    renewed = house.frame("summaries").filter(prompt_version=house.summarizer.identity.prompt_version)["author_id"]
    assert known <= set(renewed)
    rest = house.asked_by(lambda: house.work(run=house.prepare(choice=OTHERS)))
    assert not set(rest) & known
    assert prompts(house) == {"new": AUTHORS}
    house.assert_settled()


def test_when_asking_again_fails_the_old_summary_stays_and_the_run_says_so(house):
    house.work()
    before = house.summaries()
    house.app.use(Plan(rules=(Rule("refusal", authors=("3",)),)))
    facts = told(house, OTHERS)
    assert (facts["renewed_by_choice"], facts["kept_old_summary_since"]) == (9, {"refusal": 1})
    assert (facts["summaries"], facts["failed"], facts["pending"]) == (AUTHORS, 0, 0)
    assert house.summaries()["3"] == before["3"]
    assert "3" not in house.failures()
    house.assert_settled()


def test_a_stop_while_asking_again_leaves_the_rest_for_a_run_to_come(house):
    house.work()
    one_by_one = house.with_settings(words=60, max_in_flight=1)
    house.app.use(Plan(rules=(Rule("unauthorized", share=1.0, after_requests=1),)))
    run = one_by_one.work(run=one_by_one.prepare(choice=OTHERS))
    assert run.stop is not None
    assert one_by_one.last_record().pending_after == 10 - prompts(house)["new"] + 2
    one_by_one.installation.assert_each_author_in_one_place()


def test_failures_are_driven_again_by_reason_and_author_whatever_their_attempts(house):
    old = house.with_settings(words=80)
    assert old.asked_by(old.work) == {}  # their one attempt is used up
    by_author = Choice(redrive=Redrive(frozenset({"refusal"}), frozenset({"11"})))
    assert set(old.asked_by(lambda: old.work(run=old.prepare(choice=by_author)))) == {"11"}
    by_reason = Choice(redrive=Redrive(frozenset({"refusal", "timeout"})))
    assert set(old.asked_by(lambda: old.work(run=old.prepare(choice=by_reason)))) == {"12"}
    assert old.failures() == {}
    old.assert_settled()


@pytest.mark.parametrize(
    "choice",
    [
        {"resummarize": {"older_than_days": 0.0}},
        {"resummarize": {"models": ["test-model"]}},
        {"redrive": {"reasons": ["refusal"]}, "resummarize": {"other_prompt_or_model": True}},
    ],
    ids=["by age", "by model", "failures too"],
)
def test_the_sensor_goes_on_with_what_was_chosen_and_pays_for_nobody_twice(house, choice):
    """The key is refused after the first of three groups."""
    house.work()
    one_by_one = house.with_settings(words=60, retry_probe_s=0, retry_after_s=3600, max_in_flight=1)
    house.app.use(Plan(rules=(Rule("unauthorized", share=1.0, after_requests=1),)))
    ticking = Ticking(one_by_one.installation)
    (stopped,) = one_by_one.installation.summarize(**choice, spend=True)
    assert not stopped.success
    renewed = set(one_by_one.frame("summaries").filter(run_id=stopped.run_id)["author_id"])
    assert 0 < len(renewed) < AUTHORS
    house.app.heal()
    ticking.fail_unbegun(ticking.tick())
    asked = house.asked_by(ticking.until_quiet)
    chosen = 10 if "redrive" in choice else AUTHORS  # 11 and 12 were asked with the new prompt already
    assert set(asked) == {str(number) for number in range(1, chosen + 1)} - renewed
    assert max(asked.values()) == 1
    one_by_one.assert_settled()


def test_failures_chosen_and_not_reached_are_asked_by_the_sensor_though_they_are_given_up(house):
    old = house.with_settings(words=80, group_size=1, max_in_flight=1, retry_probe_s=0)
    house.app.use(Plan(rules=(Rule("unauthorized", share=1.0),)))
    ticking = Ticking(old.installation)
    (stopped,) = old.installation.summarize(redrive={"reasons": ["refusal"]}, spend=True)
    assert not stopped.success
    assert old.last_record().pending_after == 2
    house.app.heal()
    assert house.asked_by(ticking.until_quiet) == {"11": 1, "12": 1}
    assert old.failures() == {}


def test_a_look_at_a_price_starts_nothing_and_hides_nothing_from_the_sensor(house):
    """Neither when it fails, in a bucket that nobody materialised, nor when it succeeds after a stopped run."""
    folder = Path(house.installation.given["root"]).parent / "other"
    folder.mkdir()
    with housed(folder, AUTHORS) as other:
        other.ingest()
        (mistyped,) = other.installation.summarize(resummarize={"before": "soon"})
        assert not mistyped.success
        assert Ticking(other.installation).tick().requests == []
    house.work()
    one_by_one = house.with_settings(words=60, retry_probe_s=0, max_in_flight=1)
    house.app.use(Plan(rules=(Rule("unauthorized", share=1.0, after_requests=1),)))
    one_by_one.installation.summarize(resummarize={"other_prompt_or_model": True}, spend=True)
    house.app.heal()
    one_by_one.installation.summarize(resummarize={"other_prompt_or_model": True})
    Ticking(one_by_one.installation).until_quiet()
    assert prompts(one_by_one) == {"new": AUTHORS}


# In Dagster.


@pytest.fixture
def installation(house) -> Installation:
    return house.installation


def observed(result: dg.ExecuteInProcessResult) -> list[dg.AssetObservation]:
    return [event.asset_observation_data.asset_observation for event in result.get_asset_observation_events()]


def test_the_launchpad_shows_the_price_until_it_may_spend(house, installation):
    choice = {"resummarize": {"other_prompt_or_model": True}, "redrive": {"reasons": ["refusal"]}}
    (shown,) = installation.summarize(**choice)
    assert (metadata_of(shown)["would_ask"], metadata_of(shown)["calls"]) == (12, 0)
    (done,) = installation.summarize(**choice, spend=True)
    assert done.success
    assert (metadata_of(done)["answered"], metadata_of(done)["renewed_by_choice"]) == (12, 10)
    assert prompts(house) == {"new": AUTHORS}


@pytest.mark.parametrize("choice", [{}, {"redrive": {"reasons": []}}, {"retry_all": True}])
def test_a_run_that_is_told_not_to_spend_asks_nobody_whatever_else_it_is_told(house, installation, choice):
    (run,) = installation.summarize(**choice, spend=False)
    assert run.success
    assert (metadata_of(run)["calls"], metadata_of(run)["would_ask"]) == (0, 2)


@pytest.mark.parametrize("reason", ["refusals", "no_papers"])
def test_the_launchpad_refuses_a_reason_that_does_not_exist_or_that_no_request_mends(house, installation, reason):
    with pytest.raises(dg.DagsterInvalidConfigError, match=reason):
        installation.summarize(redrive={"reasons": [reason]}, spend=True)


def test_a_long_run_tells_on_the_page_of_its_asset_how_far_it_is(house):
    house.app.use(Plan(latency_s=0.7))
    slow = house.with_settings(words=80, progress_interval_s=0.1, group_size=1, max_in_flight=1)
    (run,) = slow.installation.summarize(redrive={"reasons": ["refusal"]}, spend=True)
    seen = observed(run)
    assert {(one.asset_key, one.partition) for one in seen} == {(dg.AssetKey("author_summaries"), "0000")}
    done = [one.metadata["done"].value for one in seen]
    assert done == sorted(done)
    assert done[-1] == 2
    for one in seen:
        picture = one.metadata["progress"].value
        assert len(picture) < 1000  # else Dagster hides it behind a link
        assert picture.startswith("![")
