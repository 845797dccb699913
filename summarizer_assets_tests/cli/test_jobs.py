import json

import pytest

from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.rehearsal.batches.terms import BatchTerms, CallFault
from summarizer_assets_tests.bucket_run.batches.jobs_house import jobs_housed
from summarizer_assets_tests.bucket_run.house import new_titles
from testing.command_line import run_command
from testing.newcomer import settings_of

SLOW = BatchTerms(running_s=100)


@pytest.fixture
def it(tmp_path, monkeypatch, capsys):
    with jobs_housed(tmp_path, monkeypatch) as house, settings_of(house.house.installation.environment()):
        monkeypatch.chdir(tmp_path)
        house.offer(SLOW)
        yield house


@pytest.fixture
def jobs(it, capsys):
    def command(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = run_command("jobs", *arguments)
        said = capsys.readouterr()
        return status, said.out + said.err

    return command


def test_jobs_are_listed_with_what_they_hold(it, jobs):
    assert jobs()[0] == 0
    assert "no batch job is under way" in jobs()[1]
    it.cause()
    row = it.rows[0]
    status, said = jobs()
    assert status == 0
    assert all(word in said for word in (row.key, "open", "validating" if not row.remote_status else row.remote_status))
    found = json.loads(jobs("--json")[1].splitlines()[0])["jobs"]
    assert [(one["key"], one["requests"], one["authors"], one["id"]) for one in found] == [
        (row.key, 3, 10, row.remote_id)
    ]
    assert found[0]["reserved_usd"] == row.reserve / 1e9
    it.wait(100)
    it.cause()
    assert "no batch job" in jobs()[1]
    assert row.key in jobs("--all")[1]


def test_a_job_is_cancelled_and_what_it_did_is_collected(it, jobs):
    it.cause()
    it.wait(50)
    status, said = jobs("--cancel", it.rows[0].key)
    assert (status, "is being cancelled" in said) == (0, True)
    assert it.cause() == IN_BATCH
    assert 0 < len(it.house.summaries()) < 10
    assert it.states == ["collected", "open"]


def test_a_job_that_was_not_made_is_forgotten_and_its_authors_are_free(it, jobs):
    it.offer(BatchTerms(calls=(CallFault("create", "throttled_silent"),)))
    it.cause()
    status, said = jobs("--cancel", it.rows[0].key)
    assert (status, "is not made any more" in said) == (0, True)
    assert (it.jobs.live(), it.money["reserved"]) == ([], 0)
    assert it.cause() == IN_BATCH
    assert it.cause() is None
    it.assert_settled()


def test_a_job_that_nobody_heard_of_is_adopted_if_it_is_of_its_file(it, jobs):
    it.cause()
    other = it.rows[0]
    it.wait(100)
    it.cause()
    assert it.states == ["collected"]
    lost = BatchTerms(running_s=100, calls=(CallFault("create", "gateway_timeout", done=True),))
    it.offer(lost)
    it.house.change_source(new_titles(*range(1, 11)))
    it.house.ingest()
    it.cause()
    row = it.jobs.live()[0]
    assert row.state == "creating"
    assert jobs("--cancel", row.key)[0] == 2
    assert jobs("--adopt", row.key, other.remote_id or "")[0] == 2
    made = it.house.app.batches.jobs()[-1]["id"]
    status, said = jobs("--adopt", row.key, made)
    assert (status, f"{row.key} is {made}" in said) == (0, True)
    it.wait(100)
    assert it.cause() is None
    assert jobs("--adopt", row.key, made)[0] == 2


def test_what_is_no_job_or_not_ours_is_refused(it, jobs, monkeypatch):
    assert jobs("--cancel", "0" * 16)[0] == 2
    it.cause()
    with monkeypatch.context() as patched:
        patched.setenv("SUMMARIZER_LLM_API_KEY", "sk-two")
        status, said = jobs("--cancel", it.rows[0].key)
    assert (status, "another base URL or key" in said) == (2, True)


def test_what_the_provider_refuses_is_told(it, jobs):
    it.cause()
    it.wait(100)
    status, said = jobs("--cancel", it.rows[0].key)
    assert (status, "the provider says no" in said) == (1, True)
