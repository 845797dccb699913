import uuid
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from summarizer_assets.core.batches.states import JobState
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.money.spending import Booking, Grant, PastUnknown, Wish
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs, JobRow, RequestRow
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.ledger import SpendLedger

ROOT = "root"


class Book:
    def __init__(self, database: Database, root: str = ROOT, *, in_tables: int = 0) -> None:
        self.database = database
        self.ledger = SpendLedger(database, root, lease_s=60, in_tables=lambda: in_tables)
        self.jobs = BatchJobs(database, root)

    def planned(self, key: str = "a", *reserves: int, bucket: str = "0000") -> JobRow:
        reserves = reserves or (10,)
        requests = [RequestRow(number, (f"{key}{number}",), ("h",), reserve=one) for number, one in enumerate(reserves)]
        job = JobRow(key, bucket, "run1", "account", "m", "p", len(requests), len(requests), 5)
        assert self.jobs.plan(job, requests)
        found = self.jobs.get(key)
        assert found is not None
        return found

    def fund(self, job: JobRow, cap: int | None = None) -> JobRow | Grant | None:
        return self.jobs.fund(job, self.jobs.requests(job.key), "digest", ledger=self.ledger, cap=cap)

    def funded(self, key: str = "a", *reserves: int) -> JobRow:
        job = self.fund(self.planned(key, *reserves))
        assert isinstance(job, JobRow)
        return job

    @property
    def money(self) -> tuple[int, int, int]:
        assert self.ledger.audit() == []
        totals = self.ledger.totals()
        return totals["spent"], totals["uncertain"], totals["reserved"]


@pytest.fixture
def database(tmp_path) -> Database:
    return Database(str(tmp_path / "state.sqlite"))


@pytest.fixture
def book(database) -> Book:
    return Book(database)


def test_a_planned_job_is_kept_with_its_requests_and_planned_once(book):
    requests = [
        RequestRow(0, ("x", "y"), ("h1", "h2"), trim=1),
        RequestRow(1, ("z",), ("h3",), complaint="c", second=True),
    ]
    job = JobRow("k", "0001", "run1", "account", "m", "p", 2, 3, 50)
    assert book.jobs.plan(job, requests)
    assert not book.jobs.plan(job, requests)
    (found,) = book.jobs.live()
    assert replace(found, planned_at=0.0) == job
    assert book.jobs.requests("k") == requests
    assert book.jobs.live("0002") == []
    assert BatchJobs(book.database, "other root").live() == []


def test_a_step_is_taken_by_the_first_and_by_nobody_else(book):
    job = book.planned()
    moved = book.jobs.move(job, JobState.UPLOADED, file_id="file-1")
    assert moved == book.jobs.get("a")
    assert book.jobs.move(job, JobState.UPLOADING) is None
    assert book.fund(job) is None
    assert not book.jobs.settle(job, JobState.FAILED, Booking(), ledger=book.ledger)
    assert book.money == (0, 0, 0)


def test_money_is_reserved_with_the_step_that_sends_and_given_back_with_the_last_one(book):
    job = book.funded("a", 10, 20)
    assert (job.state, job.reserve, book.money) == (JobState.UPLOADING, 30, (0, 0, 30))
    assert book.jobs.get("a") == job
    booking = Booking(uncertain=4)
    booking.add(7, Usage(1, 1), wasted=False)
    assert book.jobs.settle(job, JobState.COLLECTED, booking, ledger=book.ledger)
    assert book.money == (7, 4, 0)
    assert not book.jobs.settle(job, JobState.COLLECTED, booking, ledger=book.ledger)
    assert book.money == (7, 4, 0)
    assert (book.jobs.live(), book.jobs.requests("a")) == ([], [])
    assert [(one.state, one.reserve) for one in book.jobs.newest(9)] == [(JobState.COLLECTED, 0)]


def test_a_reserve_outlives_every_lease_and_no_run_takes_it_for_lost(book, monkeypatch):
    book.funded("a", 10)
    monkeypatch.setattr(book.database, "steady_now", lambda _: 1e12)
    account = book.ledger.account("run2", "0001")
    account.settle(Booking(), Wish(0, 5, 5), None)
    assert book.money == (0, 0, 15)


def test_a_job_that_the_budget_does_not_pay_for_stays_planned_and_holds_nothing(book):
    assert isinstance(book.fund(book.planned("a", 60), cap=100), JobRow)
    job = book.planned("b", 50)
    told = book.fund(job, cap=100)
    assert isinstance(told, Grant)
    assert (told.extra, told.others) == (0, 60)
    assert (book.jobs.get("b"), book.money) == (job, (0, 0, 60))
    assert isinstance(book.fund(job, cap=110), JobRow)


def test_under_a_budget_a_store_that_lost_the_past_pays_for_nothing(database):
    book = Book(database, in_tables=99)
    job = book.planned()
    with pytest.raises(PastUnknown):
        book.fund(job, cap=100)
    assert book.jobs.get("a") == job


def test_without_a_price_a_job_takes_its_steps_and_no_money(book):
    job = book.jobs.fund(book.planned(), book.jobs.requests("a"), "d", ledger=None, cap=None)
    assert isinstance(job, JobRow)
    assert book.jobs.settle(job, JobState.COLLECTED, Booking(), ledger=None)
    assert book.money == (0, 0, 0)


def test_requests_that_changed_since_the_plan_are_stored_as_they_are_sent(book):
    job = book.planned("a", 10, 20)
    kept = [replace(book.jobs.requests("a")[1], number=0, bytes=7, bound=3)]
    funded = book.jobs.fund(job, kept, "d", ledger=book.ledger, cap=None)
    assert isinstance(funded, JobRow)
    assert (funded.requests, funded.authors, funded.reserve) == (1, 1, 20)
    assert book.jobs.requests("a") == kept


def test_what_waits_in_a_bucket_is_told_with_whether_a_run_can_help(book):
    book.planned("a", 1, 1, bucket="0001")
    open_job = book.planned("b", 1, bucket="0001")
    assert book.jobs.move(open_job, JobState.OPEN)
    other = book.planned("c", 1, bucket="0002")
    assert book.jobs.move(other, JobState.CREATING)
    waiting = book.jobs.waiting()
    assert {bucket: (one.jobs, one.authors, one.for_us) for bucket, one in waiting.items()} == {
        "0001": (2, 3, 1),
        "0002": (1, 1, 0),
    }


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 80), st.integers(0, 20)), min_size=1, max_size=6))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_cap_holds_over_jobs_and_runs_whatever_they_cost_within_their_bounds(database, told):
    root = uuid.uuid4().hex
    book, cap = Book(database, root), 120
    for number, (reserve, cost, run) in enumerate(told):
        account = book.ledger.account("run", "0001")
        account.settle(Booking(), Wish(0, run, run), cap)
        job = book.fund(book.planned(f"{root}{number}", reserve), cap)
        if isinstance(job, JobRow) and cost % 2:
            booking = Booking(spent=min(cost, reserve), requests=1)
            assert book.jobs.settle(job, JobState.COLLECTED, booking, ledger=book.ledger)
        spent, uncertain, reserved = book.money
        assert spent + uncertain + reserved <= cap


def test_a_store_of_a_version_that_knew_less_of_a_job_is_completed_and_its_jobs_are_read(tmp_path):
    path = str(tmp_path / "state.sqlite")
    older = Book(Database(path))
    older.funded("a", 7)
    with older.database.begin() as connection:
        for column in ("factor", "waiting_since", "delete_at"):
            connection.execute(sa.text(f"ALTER TABLE batch_jobs DROP COLUMN {column}"))
    book = Book(Database(path))
    (job,) = book.jobs.live()
    assert (job.factor, job.waits_since, job.delete_at) == (None, job.planned_at, None)
    assert book.jobs.settle(job, JobState.COLLECTED, Booking(spent=3), ledger=book.ledger)
    assert book.money == (3, 0, 0)
    assert book.funded("b", 7) in book.jobs.live()


def test_the_factor_of_a_job_is_the_one_that_it_was_funded_at(book):
    job = book.planned()
    funded = book.jobs.fund(job, book.jobs.requests("a"), "digest", ledger=book.ledger, cap=None, factor=0.5)
    assert funded == book.jobs.get("a")
    assert funded.factor == 0.5


def test_the_files_of_a_settled_job_are_to_be_deleted_once_and_again_when_it_failed(book, monkeypatch):
    ahead_s = 0.0
    now = Database.now
    monkeypatch.setattr(Database, "now", lambda self, connection: now(self, connection) + ahead_s)
    assert book.jobs.settle(book.planned("without files"), JobState.FAILED, Booking(), ledger=book.ledger)
    job = book.jobs.move(book.planned("b"), JobState.ENDED, file_id="file-1")
    assert book.jobs.to_delete("account", 9) == []
    assert book.jobs.settle(job, JobState.COLLECTED, Booking(), ledger=book.ledger)
    assert book.jobs.to_delete("another account", 9) == []
    (row,) = book.jobs.to_delete("account", 9)
    assert (row.key, row.places) == ("b", ("file-1",))
    book.jobs.deleted(row, again_at=book.jobs.now() + 60)
    assert book.jobs.to_delete("account", 9) == []
    ahead_s = 61
    assert [row.key for row in book.jobs.to_delete("account", 9)] == ["b"]
    book.jobs.deleted(row, again_at=None)
    assert book.jobs.to_delete("account", 9) == []


def test_a_job_of_another_root_in_the_same_store_is_known(database):
    mine, other = Book(database), Book(database, "other")
    for book, key in ((mine, "a"), (other, "b")):
        assert book.jobs.move(book.funded(key), JobState.OPEN, remote_id=f"job of {key}")
    assert mine.jobs.known(["job of a", "job of b", "job of somebody else"]) == {"job of a", "job of b"}
