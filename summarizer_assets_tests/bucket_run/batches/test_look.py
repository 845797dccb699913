"""A look at very many jobs: it takes no longer than it may, and finds every job sooner or later."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from summarizer_assets.bucket_run.batches.look import look
from summarizer_assets.core.batches.lines import metadata_of
from summarizer_assets.core.batches.routing import RouteRule
from summarizer_assets.core.batches.states import JobState, RemoteJob, RemoteStatus
from summarizer_assets.llm.batches.errors import CallUnknown
from summarizer_assets.llm.batches.provider import BatchLimits
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs, JobRow
from summarizer_assets.storage.state_db.database import Database

JOBS, A_LOOK = 120, 60
RULE = RouteRule("batch")


class Provider:
    """Lists `listed`, and if it is `endless` never comes to their end; answers so many calls about one job a look."""

    limits = BatchLimits(1, 1)

    def __init__(self, now: float) -> None:
        self.now = now
        self.listed: list[RemoteJob] = []
        self.endless = True
        self.answers = A_LOOK
        self.asked: list[str] = []

    async def jobs(self, since: float) -> AsyncIterator[RemoteJob]:
        for job in self.listed:
            yield job
        while self.endless:
            await asyncio.sleep(0)
            yield RemoteJob("batch_foreign", RemoteStatus.IN_PROGRESS, self.now)

    async def job(self, job_id: str) -> RemoteJob:
        self.asked.append(job_id)
        if self.answers == 0:
            await asyncio.sleep(1_000)
        self.answers -= 1
        return self.ended(job_id)

    def ended(self, job_id: str) -> RemoteJob:
        return RemoteJob(job_id, RemoteStatus.IN_PROGRESS, self.now)


class Looking:
    def __init__(self, folder) -> None:
        self.jobs = BatchJobs(Database(str(folder / "state.sqlite")), "root")
        self.api = Provider(self.jobs.now())
        self.told: list[str] = []

    def open(self, number: int) -> None:
        job = JobRow(f"{number:016x}", "0000", "run", "account", "m", "p", 1, 1, 1)
        self.jobs.plan(job, [])
        state = {"remote_id": f"batch_{number}", "intent_at": self.jobs.now()}
        assert self.jobs.move(job, JobState.OPEN, **state)

    def look(self, within_s: float | None = 0.1) -> list[JobRow]:
        self.api.answers = A_LOOK
        api: Any = self.api  # has the calls that a look makes
        found = look(api, self.jobs, self.jobs.live(), self.told.append, rule=RULE, within_s=within_s)
        return list(asyncio.run(found).values())


@pytest.fixture
def it(tmp_path) -> Looking:
    return Looking(tmp_path)


def test_a_list_that_does_not_end_is_left_and_each_job_has_its_turn(it):
    for number in range(JOBS):
        it.open(number)
    looks = 0
    while any(row.checked_at is None for row in it.jobs.live()):
        it.look()
        looks += 1
    assert looks == JOBS // A_LOOK
    assert "the list of the provider's batch jobs is long" in it.told[0]
    it.look()
    assert it.api.asked[-A_LOOK - 1 : -1] == it.api.asked[:A_LOOK], "those first whom nobody looked at for the longest"


def test_a_job_that_a_part_of_the_list_shows_is_not_asked_for_alone(it):
    it.open(1)
    it.api.listed = [it.api.ended("batch_1")]
    (row,) = it.look()
    assert (row.remote_status, it.api.asked) == ("in_progress", [])


@pytest.mark.parametrize("shown", [True, False])
def test_a_part_of_a_list_says_where_a_job_is_and_never_that_it_was_not_made(it, shown):
    job = JobRow("f" * 16, "0000", "run", "account", "m", "p", 1, 1, 1)
    it.jobs.plan(job, [])
    assert it.jobs.move(job, JobState.CREATING, intent_at=it.jobs.now() - 5_000, absent_at=it.jobs.now() - 4_000)
    mine = RemoteJob("batch_1", RemoteStatus.IN_PROGRESS, it.api.now, metadata=metadata_of(job.key, "d", "r"))
    it.api.listed = [mine] if shown else []
    (row,) = it.look()
    assert row.state is (JobState.OPEN if shown else JobState.CREATING)
    it.api.endless = False
    (row,) = it.look()
    assert row.state is (JobState.OPEN if shown else JobState.UPLOADED), "the whole list says it"


def test_a_provider_that_does_not_answer_is_asked_once(it, monkeypatch):
    for number in range(3):
        it.open(number)
    it.api.endless = False

    async def silent(job_id: str) -> RemoteJob:
        it.api.asked.append(job_id)
        raise CallUnknown("no answer")

    monkeypatch.setattr(it.api, "job", silent)
    it.look(None)
    assert len(it.api.asked) == 1
    assert "could not all be looked at, and are later: no answer" in it.told[-1]
