"""What goes wrong with batch jobs, one test a fault, over sockets. In the end nobody is lost and nobody paid for twice.

Numbers are those of the project's list of faults of batch jobs; the rest of it is about providers of other forms.
"""

from collections import Counter
from http import HTTPStatus

import pytest
import sqlalchemy as sa

from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.llm.batches.openai_batches import OpenAiBatches
from summarizer_assets.llm.embedded.app import RequestRefusedError
from summarizer_assets.rehearsal.batches.terms import BadLine, BatchTerms, CallFault
from summarizer_assets.rehearsal.plan import Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.storage.delta.writer import BucketWriter
from summarizer_assets.storage.errors import ClaimRefused
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs
from summarizer_assets_tests.bucket_run.batches.jobs_house import BUCKET, JobsHouse, jobs_housed
from summarizer_assets_tests.bucket_run.house import House, new_titles
from testing.command_line import run_command
from testing.newcomer import settings_of
from testing.provider import answer, serving

SLOW = BatchTerms(running_s=100)
QUICK = BatchTerms()
DAY_S = 86_400


@pytest.fixture
def it(tmp_path, monkeypatch):
    with jobs_housed(tmp_path, monkeypatch) as house:
        yield house


def ends_well(it: JobsHouse, runs: int = 6, paid: int = 1) -> None:
    """With a provider that works again, all is answered, and paid for at most so often."""
    it.offer(QUICK)
    for _ in range(runs):
        if it.cause() is None:
            break
        it.wait(1_000)
    assert len(it.house.summaries()) == 10
    assert set(it.billed().values()) <= set(range(1, paid + 1))
    assert it.money["spent"] <= it.bill
    it.assert_settled()


# The way to a job: killed before and after each step (1 to 5), and refused.

STEPS: list[tuple[type, str]] = [
    (BatchJobs, "plan"),
    (BatchJobs, "fund"),
    (OpenAiBatches, "upload"),
    (BatchJobs, "move"),
    (OpenAiBatches, "create"),
]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
def test_1_to_4_killed_at_any_step_a_job_is_made_once(it, monkeypatch, owner, name, after):
    it.offer(SLOW)
    it.kill_at(monkeypatch, owner, name, after=after)
    ends_well(it)
    assert len(it.house.app.batches.jobs()) == 1


def test_2_a_file_that_a_dead_run_uploaded_is_found_and_used(it, monkeypatch):
    it.offer(SLOW)
    it.kill_at(monkeypatch, OpenAiBatches, "upload", after=True)
    it.cause()
    assert len(it.house.app.batches.files(it_account(), "batch", oldest_first=True)) == 1
    assert it.states == ["open"]


@pytest.mark.parametrize(("fault", "files"), [("server_error", 1), ("model_not_found", 2)], ids=["broken", "missing"])
def test_2_a_list_of_files_that_fails_is_read_again_and_without_one_the_file_is_uploaded_again(
    it, monkeypatch, fault, files
):
    it.offer(SLOW)
    it.kill_at(monkeypatch, OpenAiBatches, "upload", after=True)
    it.offer(BatchTerms(running_s=100, calls=(CallFault("files", fault),)))
    assert it.cause() == IN_BATCH
    assert it.cause() == IN_BATCH
    assert it.states == ["open"]
    assert len(it.house.app.batches.files(it_account(), "batch", oldest_first=True)) == files
    assert len(it.house.app.batches.jobs()) == 1


def it_account() -> str:
    return "Bearer sk-one"


@pytest.mark.parametrize("done", [True, False], ids=["5 made", "6 not made"])
def test_5_and_6_a_create_that_nobody_heard_of_is_looked_for_and_never_repeated_at_once(it, done):
    it.offer(BatchTerms(running_s=100, calls=(CallFault("create", "gateway_timeout", done=done),)))
    assert it.cause() == IN_BATCH
    assert it.states == ["creating"]
    it.wait(60)
    assert it.cause() == IN_BATCH
    assert it.states == (["open"] if done else ["creating"])
    it.wait(900)
    it.cause()
    assert len(it.house.app.batches.jobs()) == 1
    ends_well(it)


def test_5_a_job_that_lists_show_late_is_not_made_twice(it):
    late = CallFault("create", "gateway_timeout", done=True)
    it.offer(BatchTerms(running_s=10_000, listed_after_s=600, calls=(late,)))
    for _ in range(3):
        assert it.cause() == IN_BATCH
        it.wait(400)
    assert it.states == ["open"]
    assert len(it.house.app.batches.jobs()) == 1


def test_6_a_list_that_fails_is_no_list_without_the_job(it):
    broken = CallFault("jobs", "server_error", after=1, times=None)
    it.offer(BatchTerms(running_s=10_000, calls=(CallFault("create", "gateway_timeout", done=True), broken)))
    for _ in range(4):
        assert it.cause() == IN_BATCH
        it.wait(1_000)
    assert it.states == ["creating"]
    assert len(it.house.app.batches.jobs()) == 1


def test_7_a_job_that_is_refused_is_billed_to_nobody(it):
    it.offer(BatchTerms(calls=(CallFault("create", "bad_request"),)))
    assert it.cause() == "batch_failed"
    assert (it.states, it.money["reserved"], it.house.failures()) == (["failed"], 0, {})
    ends_well(it)


def test_8_a_fresh_file_is_waited_for(it, monkeypatch):
    it.offer(BatchTerms(readable_after_s=3))

    async def sleep(seconds: float) -> None:
        it.wait(seconds)

    monkeypatch.setattr("summarizer_assets.bucket_run.batches.route.SLEEP", sleep)
    assert it.cause() == IN_BATCH
    assert it.states == ["open"]
    ends_well(it)


@pytest.mark.parametrize(
    ("call", "fault", "cause"),
    [("upload", "unauthorized", "auth"), ("create", "insufficient_quota", "quota"), ("jobs", "unauthorized", "auth")],
)
def test_9_an_account_that_is_refused_stops_the_run_and_keeps_the_job(it, call, fault, cause):
    if call == "jobs":
        it.offer(SLOW)
        it.cause()
    it.offer(BatchTerms(calls=(CallFault(call, fault),)))
    assert it.cause() == cause
    assert (len(it.jobs.live()), it.house.failures()) == (1, {})
    ends_well(it)


@pytest.mark.parametrize("call", ["upload", "create"])
def test_10_a_throttle_is_waited_out_by_a_later_run(it, call):
    it.offer(BatchTerms(calls=(CallFault(call, "throttled_silent"),)))
    assert it.cause() == IN_BATCH
    assert it.states == ["uploading" if call == "upload" else "uploaded"]
    ends_well(it)


def test_11_a_job_that_does_not_fit_into_the_account_s_queue_is_planned_again_in_smaller_ones(it):
    it.offer(BatchTerms(enqueued_tokens=1, running_s=10))
    assert it.cause() == IN_BATCH
    it.wait(1)
    tokens = it.rows[0].tokens
    it.offer(BatchTerms(running_s=10))
    it.cause()
    assert it.states[0] == "failed"
    assert len(it.rows) > 2
    assert all(row.tokens <= tokens // 2 or row.requests == 1 for row in it.rows[1:])
    assert it.house.failures() == {}
    ends_well(it, runs=12)


def test_12_a_job_that_fails_its_checks_stops_the_run_and_no_author_is_charged(it):
    it.offer(BatchTerms(most_requests=1))
    assert it.cause() == IN_BATCH
    assert it.cause() == "batch_failed"
    assert (it.states, it.house.failures(), it.money["reserved"]) == (["failed"], {}, 0)
    assert "too_many_tasks" in (it.rows[0].reason or "")
    ends_well(it)


def test_13_a_form_that_the_model_refuses_is_simpler_in_the_next_job(it):
    def strict(body: bytes) -> bytes:
        if b"json_schema" in body:
            raise RequestRefusedError(HTTPStatus.BAD_REQUEST, "no json_schema", param="response_format")
        return answer(body)

    provider = FaultyProvider(strict)
    with serving(provider) as url:
        other = JobsHouse(House(it.house.with_settings(llm_base_url=url).installation, provider, 100), it.ahead_s)
        assert [other.cause() for _ in range(3)] == [IN_BATCH, IN_BATCH, None]
        assert other.house.failures() == {}
        other.assert_settled()


# While it runs, and how it ends.


def test_14_and_15_a_job_that_takes_long_is_waited_for(it):
    it.offer(BatchTerms(validating_s=10_000, running_s=10, finalizing_s=10_000))
    for status in ("validating", "validating", "finalizing", "finalizing"):
        assert it.cause() == IN_BATCH
        assert it.house.app.batches.jobs()[0]["status"] == status
        it.wait(5_010)
    it.wait(5_010)
    ends_well(it)


def test_14_a_file_that_is_checked_for_hours_is_told_once_and_its_job_cancelled_at_the_deadline(it):
    late = JobsHouse(it.house.with_settings(deadline_h=30), it.ahead_s)
    late.offer(BatchTerms(validating_s=1e9, window_s=1e9))
    told: list[str] = []
    for hours in (0, 3, 4, 22):
        it.wait(hours * 3_600)
        assert late.cause(log=told.append) == IN_BATCH
    assert sum("has not begun with batch job" in line for line in told) == 1
    late.offer(QUICK)
    it.wait(3_600)
    assert late.cause() == IN_BATCH, "the next job is sent"
    assert late.house.app.batches.jobs()[0]["status"] == "cancelled"
    assert (late.states, late.house.failures()) == (["collected", "open"], {})
    assert (late.rows[0].reason or "").startswith("cancelled: its authors have waited for 30 h")
    ends_well(it)


def test_16_the_ids_of_the_files_may_show_late(it):
    it.offer(BatchTerms(ids_after_s=600))
    assert it.cause() == IN_BATCH
    assert it.cause() == IN_BATCH
    it.wait(600)
    assert it.cause() is None
    ends_well(it)


def test_17_files_that_never_show_are_lost_after_an_hour_and_their_cost_is_uncertain(it):
    it.offer(BatchTerms(ids_after_s=1e9))
    it.cause()
    assert it.cause() == IN_BATCH
    it.wait(3_600)
    reserve = it.rows[0].reserve
    it.offer(SLOW)
    it.cause()
    assert it.states[0] == "lost"
    assert it.money["uncertain"] == reserve
    assert it.house.failures() == {}
    ends_well(it, paid=2)


def test_18_an_empty_error_file_is_no_failure(it):
    it.offer(BatchTerms(empty_error_file=True))
    it.cause()
    assert it.cause() is None
    ends_well(it)


@pytest.mark.parametrize(
    ("fault", "uncertain"),
    [("missing", True), ("cut", True), ("twice_different", True), ("twice", False)],
)
def test_19_to_22_a_wrong_line_costs_its_own_request_and_no_other(it, fault, uncertain):
    it.offer(BatchTerms(lines=(BadLine(0, fault),)))
    it.cause()
    it.offer(SLOW)
    again = it.cause()
    assert len(it.house.summaries()) == (10 if fault == "twice" else 6)
    assert again == (None if fault == "twice" else IN_BATCH)
    assert (it.money["uncertain"] > 0) == uncertain
    assert it.house.failures() == {}
    ends_well(it, paid=2)


def test_23_a_refused_request_is_halved_until_its_author_stands_alone_and_charged_after_a_second_try(it):
    rule = Rule("bad_request", authors=("3",))
    it.offer(QUICK, rule)
    for _ in range(8):
        if it.cause() is None:
            break
    assert it.house.failures() == {"3": "rejected"}
    assert len(it.house.summaries()) == 9
    assert set(it.billed().values()) == {1}
    it.assert_settled()


def test_24_a_request_that_the_provider_failed_is_asked_again_and_charged_to_nobody(it):
    it.offer(QUICK, Rule("throttled_silent", authors=("3",)), Rule("server_error", authors=("9",)))
    it.cause()
    assert it.cause() == IN_BATCH
    assert (len(it.house.summaries()), it.house.failures()) == (4, {})
    ends_well(it)


def test_25_what_an_expired_job_did_is_stored_and_booked_and_the_rest_asked_again(it):
    it.offer(BatchTerms(running_s=2 * DAY_S))
    it.cause()
    it.wait(DAY_S)
    it.offer(SLOW)
    assert it.cause() == IN_BATCH
    assert 0 < len(it.house.summaries()) < 10
    assert it.house.failures() == {}
    assert (it.money["spent"], it.money["uncertain"]) == (it.bill, 0)
    ends_well(it)


@pytest.mark.parametrize("at_s", [0, 50])
def test_26_what_a_cancelled_job_did_is_stored_and_booked_and_the_rest_asked_again(it, at_s):
    it.offer(SLOW)
    it.cause()
    it.wait(at_s)
    it.house.app.batches.cancel(it_account(), it.rows[0].remote_id or "")
    assert it.cause() == IN_BATCH
    assert (len(it.house.summaries()) > 0) == (at_s > 0)
    assert (it.money["spent"], it.money["uncertain"]) == (it.bill, 0)
    ends_well(it)


def test_28_a_reply_without_usage_is_booked_by_an_estimate_and_flagged(it):
    it.offer(QUICK, Rule("usage_missing", share=1))
    it.cause()
    assert it.cause() is None
    assert it.money["spent"] > 0
    assert set(it.house.frame("summaries")["flags"].explode()) >= {"usage_missing"}


def test_29_an_author_who_changed_meanwhile_is_asked_anew_and_the_old_answer_is_booked(it):
    it.offer(SLOW)
    it.cause()
    it.house.change_source(new_titles(8, 9))  # all of one request
    it.house.ingest()
    it.wait(100)
    assert it.cause() == IN_BATCH
    assert len(it.house.summaries()) == 8
    assert 0 < it.money["wasted"] < it.money["spent"] == it.bill
    ends_well(it, paid=2)


def test_30_the_answer_of_an_author_who_may_not_be_sent_any_more_is_dropped_and_booked(it, tmp_path):
    it.offer(SLOW)
    it.cause()
    excluded = tmp_path / "excluded.txt"
    excluded.write_text("3\n")
    other = JobsHouse(it.house.with_settings(exclude=excluded), it.ahead_s)
    it.wait(100)
    other.run()
    assert "3" not in other.house.summaries()
    assert other.house.failures() == {"3": "excluded"}
    assert len(other.house.summaries()) == 9
    assert other.money["spent"] == it.bill
    assert other.states == ["collected"]


def test_30_a_job_is_collected_and_booked_although_nobody_waits_for_it_any_more(it, tmp_path):
    it.offer(SLOW)
    it.cause()
    excluded = tmp_path / "excluded.txt"
    excluded.write_text("".join(f"{number}\n" for number in range(1, 11)))
    other = JobsHouse(it.house.with_settings(exclude=excluded), it.ahead_s)
    it.wait(100)
    assert other.run().stop is None
    assert (other.states, other.house.summaries()) == (["collected"], {})
    assert other.money["spent"] == it.bill > 0


def test_31_a_download_that_breaks_is_begun_anew(it):
    it.offer(BatchTerms(calls=(CallFault("content", "reset_in_body"),)))
    it.cause()
    assert it.cause() == IN_BATCH
    assert (it.house.summaries(), it.states) == ({}, ["ended"])
    ends_well(it)


@pytest.mark.parametrize(
    ("owner", "name", "after"),
    [
        (OpenAiBatches, "download", False),
        (BucketWriter, "apply", False),
        (BucketWriter, "apply", True),
        (BatchJobs, "settle", False),
        (BatchJobs, "settle", True),
    ],
    ids=["32 reading", "32 storing", "33 stored", "33 booking", "33 booked"],
)
def test_32_and_33_killed_while_collecting_nothing_is_stored_or_booked_twice(it, monkeypatch, owner, name, after):
    it.offer(QUICK)
    it.cause()
    it.kill_at(monkeypatch, owner, name, after=after)
    assert it.cause() is None
    assert len(it.house.summaries()) == 10
    assert it.money == {"spent": it.bill, "uncertain": 0, "reserved": 0, "wasted": 0}
    it.assert_settled()


def test_32_the_next_round_is_planned_once_however_often_its_job_is_collected(it, monkeypatch):
    it.offer(QUICK, Rule("missing_id", share=1, times_per_group=1))
    it.cause()
    it.offer(SLOW)
    it.kill_at(monkeypatch, BatchJobs, "settle", after=False)
    assert it.cause() == IN_BATCH
    assert it.states == ["collected", "open"]
    ends_well(it, paid=2)


def test_34_of_two_collectors_one_is_refused(it):
    it.offer(QUICK)
    it.cause()
    first = it.house.prepare()
    with first, pytest.raises(ClaimRefused):
        it.run()
    ends_well(it)


def test_35_and_36_results_that_are_gone_are_looked_for_and_lost_after_hours(it):
    it.offer(BatchTerms(calls=(CallFault("content", "model_not_found", times=None),)))
    it.cause()
    assert it.cause() == IN_BATCH
    assert it.states == ["ended"]
    it.wait(6 * 3_600)
    it.cause()
    it.cause()
    assert it.states[0] == "lost"
    assert it.money["uncertain"] > 0
    ends_well(it, paid=2)


def test_36_a_job_that_is_not_found_once_is_looked_for_again(it):
    it.offer(BatchTerms(running_s=10, listed_after_s=1e9, calls=(CallFault("job", "model_not_found"),)))
    it.cause()
    it.wait(10)
    assert it.cause() == IN_BATCH
    assert it.states == ["open"]
    assert it.cause() is None
    it.assert_settled()


def test_37_with_the_key_of_another_account_nothing_is_asked(it):
    it.offer(QUICK)
    it.cause()
    other = JobsHouse(it.house.with_settings(llm_api_key="sk-two"), it.ahead_s)
    assert other.cause() == "batch_account"
    assert (other.states, len(it.house.app.batches.jobs())) == (["open"], 1)
    ends_well(it)


def test_38_answers_to_another_prompt_are_stored_under_it(it):
    it.offer(SLOW)
    it.cause()
    asked = it.rows[0].prompt_version
    it.wait(100)
    other = JobsHouse(it.house.with_settings(words=33), it.ahead_s)
    assert other.cause() is None
    assert (
        set(other.house.frame("summaries")["prompt_version"])
        == {asked}
        != {other.house.summarizer.identity.prompt_version}
    )
    assert set(it.billed().values()) == {1}


def test_39_a_store_that_lost_its_jobs_makes_no_new_ones_until_a_person_says_so(it, monkeypatch):
    it.offer(SLOW)
    it.cause()
    with it.house.summarizer.database.begin() as connection:
        for table in ("batch_jobs", "batch_requests"):
            connection.execute(sa.text(f"DELETE FROM {table}"))
    assert it.cause() == "batch_unknown"
    assert (len(it.house.app.batches.jobs()), it.states) == (1, [])
    with settings_of(it.house.installation.environment()):
        assert run_command("jobs", "--disown") == 0
    assert it.cause() == IN_BATCH
    assert it.states == ["lost", "open"]


def test_39_a_list_that_fails_is_no_proof_that_nothing_was_lost(it):
    it.offer(BatchTerms(calls=(CallFault("jobs", "server_error"),)))
    assert it.cause() == IN_BATCH
    assert it.states == []
    ends_well(it)


def test_40_a_budget_that_is_lowered_stops_new_jobs_and_lets_running_ones_settle(it):
    it.offer(SLOW)
    it.cause()
    poor = JobsHouse(it.house.with_settings(budget_usd=1e-9), it.ahead_s)
    it.wait(100)
    assert poor.cause() is None
    assert len(poor.house.summaries()) == 10
    assert poor.money["spent"] == it.bill


def test_41_a_budget_pays_for_as_many_requests_as_it_can_and_stops_before_the_next(it):
    it.offer(SLOW)
    it.cause()
    bounds = [request.reserve for request in it.jobs.requests(it.rows[0].key)]
    it.wait(100)
    it.cause()
    with_one = JobsHouse(it.house.with_settings(words=50, budget_usd=(it.bill + max(bounds)) / 1e9), it.ahead_s)
    it.house.change_source(new_titles(*range(1, 11)))
    it.house.ingest()
    assert with_one.cause() == "budget"
    (job,) = with_one.jobs.live()
    assert 1 <= job.requests < 3
    assert job.state == "open", "what the budget pays for is sent"


def test_41_with_a_budget_for_less_than_one_request_nothing_is_sent(it):
    it.offer(QUICK)
    poor = JobsHouse(it.house.with_settings(budget_usd=1e-9), it.ahead_s)
    assert poor.cause() == "budget"
    assert (poor.states, it.house.app.batches.jobs()) == ([], [])


def test_42_a_job_outlives_the_run_that_was_cancelled_after_it_was_made(it, monkeypatch):
    it.offer(SLOW)
    it.kill_at(monkeypatch, OpenAiBatches, "create", after=True)
    it.wait(100)
    ends_well(it)


@pytest.mark.parametrize("route", ["batch", "auto"])
def test_43_at_the_deadline_a_job_is_cancelled_what_it_did_is_kept_and_the_rest_asked(tmp_path, monkeypatch, route):
    given = {"route": route, "deadline_h": 30, "batch_factor": 0.5, "batch_min_requests": 1}
    with jobs_housed(tmp_path, monkeypatch, 30, **given) as it:
        it.offer(BatchTerms(running_s=60 * 3_600, window_s=1e9, cancelling_s=600))
        assert it.cause() == IN_BATCH
        online, job = it.house.asked(), it.rows[0]
        assert (sum(online.values()), job.authors) == ((8, 22) if route == "auto" else (0, 30))
        it.wait(29 * 3_600)
        assert it.cause() == IN_BATCH
        assert it.house.app.batches.jobs()[0]["status"] == "in_progress"
        it.wait(3_600)
        assert it.cause() == IN_BATCH
        assert it.house.app.batches.jobs()[0]["status"] == "cancelling"
        assert it.house.asked() == online, "its final state is waited for"
        it.wait(600)
        it.offer(SLOW)
        assert it.cause() == (None if route == "auto" else IN_BATCH)
        assert 0 < sum(it.billed().values()) < job.authors
        assert it.states == (["collected"] if route == "auto" else ["collected", "open"])
        it.wait(1_000)
        assert it.cause() is None
        assert it.billed() + it.house.asked() == Counter(map(str, range(1, 31)))
        assert it.house.failures() == {}
        it.assert_settled()


def test_43_a_cancel_that_fails_is_tried_again_and_stops_no_run(it):
    late = JobsHouse(it.house.with_settings(deadline_h=30), it.ahead_s)
    late.offer(BatchTerms(running_s=1e9, window_s=1e9, calls=(CallFault("cancel", "server_error"),)))
    told: list[str] = []
    late.cause()
    it.wait(30 * 3_600)
    assert late.cause(log=told.append) == IN_BATCH
    assert any("could not be cancelled; the next look tries again" in line for line in told)
    assert late.house.app.batches.jobs()[0]["status"] == "in_progress"
    late.offer(QUICK)
    assert late.cause() == IN_BATCH
    assert late.house.app.batches.jobs()[0]["status"] == "cancelled"
    ends_well(it)


def test_44_without_a_known_price_of_batch_jobs_the_other_price_is_booked_and_told(it):
    it.offer(QUICK)
    told: list[str] = []
    run = it.house.summarizer.bucket_run(BUCKET, "told", log=told.append)
    it.house.work(run=run)
    assert any("SUMMARIZER_BATCH_FACTOR" in line for line in told)
    half = JobsHouse(it.house.with_settings(batch_factor=0.5), it.ahead_s)
    assert half.cause() is None
    assert half.money["spent"] * 2 == pytest.approx(it.bill, abs=10)


def test_44_a_job_is_booked_at_the_price_that_it_was_sent_at(it):
    half = JobsHouse(it.house.with_settings(batch_factor=0.5), it.ahead_s)
    half.offer(QUICK)
    half.cause()
    assert half.rows[0].factor == 0.5
    tenth = JobsHouse(it.house.with_settings(batch_factor=0.1), it.ahead_s)
    assert tenth.cause() is None
    assert tenth.money["spent"] == half.bill
    assert round(tenth.house.frame("summaries")["cost_usd"].sum() * 1e9) == half.bill


def test_a_route_that_was_set_back_to_online_asks_nobody_who_is_in_a_job_and_books_it_as_one(it):
    it.offer(SLOW)
    half = JobsHouse(it.house.with_settings(batch_factor=0.5), it.ahead_s)
    half.cause()
    online = JobsHouse(it.house.with_settings(batch_factor=0.5, route="online"), it.ahead_s)
    assert online.cause() == IN_BATCH
    it.wait(100)
    assert online.cause() is None
    assert online.house.asked() == {}
    assert set(it.billed().values()) == {1}
    assert online.money["spent"] == half.bill > 0


def test_a_model_that_gives_nothing_usable_is_found_out_and_nobody_is_charged(it):
    it.offer(QUICK, Rule("no_choices", share=1))
    causes = [it.cause() for _ in range(4)]
    assert causes == [IN_BATCH, IN_BATCH, IN_BATCH, "unusable"]
    assert it.house.summaries() == {}
    assert it.house.failures() == {}, "nor those who were asked alone first, when nobody could know"


def test_two_authors_whom_no_model_answers_are_charged_once_nobody_else_is_left_to_tell_by(tmp_path, monkeypatch):
    with jobs_housed(tmp_path, monkeypatch, 2) as it:
        it.offer(QUICK, Rule("no_choices", share=1))
        for _ in range(8):
            if it.cause() is None:
                break
        assert set(it.house.failures()) == {"1", "2"}
        it.assert_settled()


def test_an_answer_that_fails_a_check_is_asked_for_once_more_alone_and_then_failed(it):
    it.offer(QUICK, Rule("huge_summary", authors=("3",)))
    for _ in range(5):
        if it.cause() is None:
            break
    assert it.house.failures() == {"3": "too_long"}
    assert it.billed()["3"] == 2
    assert it.money["spent"] == it.bill
    it.assert_settled()


def test_groups_are_as_large_as_those_that_are_waited_for(it):
    it.offer(SLOW)
    it.cause()
    requests = it.jobs.requests(it.rows[0].key)
    assert [len(request.authors) for request in requests] == [4, 4, 2]
    assert sum(request.reserve for request in requests) == it.rows[0].reserve
