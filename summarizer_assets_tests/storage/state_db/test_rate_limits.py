"""The schedule of a provider account in the shared store: used by several runs, threads and processes at once."""

import itertools
import subprocess
import sys
import threading
import time

import pytest

from summarizer_assets.core.rate_schedule import Ask, RateLimits
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.rate_limits import SharedAccount, account_key

LIMITS = RateLimits(requests=6000, tokens=600_000)


def account_in(folder, limits=LIMITS, name="account", runs=1):
    return SharedAccount(Database(str(folder / "state.sqlite")), name, limits, lambda: runs)


def stretch(flow):
    return flow.start_s, flow.start_s + flow.amount / flow.rate


def test_leases_of_several_runs_lie_one_behind_the_other(tmp_path):
    runs = [account_in(tmp_path) for _ in range(3)]
    for run in runs:
        run.give_back(0, 0)  # opens the store, which takes its time
    began = time.time()
    ends = []
    for _ in range(5):
        for run in runs:
            now = time.time() - began
            lease = run.lease(Ask(25, 2500, 100))
            start, end = stretch(lease.requests)
            ends.append((now + start, now + end))
    for (_, end), (start, _) in itertools.pairwise(ends):
        assert start >= end - 0.02  # the clock is read here and in the store


def test_threads_and_processes_together_get_what_the_limits_hold_and_no_more(tmp_path):
    """At one request a second, so that they ask for more than that on any machine."""
    program = (
        "import sys\n"
        "from summarizer_assets.core.rate_schedule import Ask, RateLimits\n"
        "from summarizer_assets.storage.state_db.database import Database\n"
        "from summarizer_assets.storage.state_db.rate_limits import SharedAccount\n"
        "account = SharedAccount(Database(sys.argv[1]), 'account', RateLimits(60), lambda: 1)\n"
        "print(sum(account.lease(Ask(10, 1000, 100)).requests.amount for _ in range(40)))\n"
    )
    mine = account_in(tmp_path, RateLimits(60))
    began = time.time()
    first = mine.lease(Ask(1, 100, 100)).requests.amount
    command = [sys.executable, "-c", program, str(tmp_path / "state.sqlite")]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    amounts = []

    def work():
        amounts.extend(mine.lease(Ask(10, 1000, 100)).requests.amount for _ in range(40))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    told = [float(other.communicate(timeout=60)[0]) for other in others]
    for thread in threads:
        thread.join()
    leased = first + sum(amounts) + sum(told)
    last = mine.lease(Ask(1, 100, 100)).requests
    # All that was leased lies before the next lease, at the account's rate.
    assert leased == pytest.approx(time.time() - began + last.start_s, abs=5)


def test_a_throttle_of_one_run_holds_back_the_others(tmp_path):
    one, other = account_in(tmp_path), account_in(tmp_path)
    one.throttled(5.0, 10.0)
    lease = other.lease(Ask(1, 10, 10))
    assert lease.requests.start_s == pytest.approx(5, abs=0.5)
    assert lease.requests.rate < 100


def test_limits_that_one_run_learnt_hold_for_all_and_a_person_s_own_win(tmp_path):
    one, other = account_in(tmp_path, RateLimits()), account_in(tmp_path, RateLimits())
    assert other.lease(Ask(1, 10, 10)).requests is None
    one.learn(RateLimits(requests=1200, tokens=None))
    lease = other.lease(Ask(1, 10, 10))
    assert (lease.requests.rate, lease.tokens) == (20, None)
    strict = account_in(tmp_path, RateLimits(requests=60))
    assert strict.lease(Ask(1, 10, 10)).requests.rate == 1


def test_an_unknown_rate_is_guessed_for_all_runs_from_what_one_of_them_saw(tmp_path):
    one, other = account_in(tmp_path, RateLimits(), runs=3), account_in(tmp_path, RateLimits())
    one.throttled(0.0, 10.0)
    assert other.lease(Ask(1, 10, 10)).requests.rate == pytest.approx(30, rel=0.05)


def test_a_clock_that_is_set_back_makes_nobody_wait_until_it_is_as_late_again(tmp_path):
    class Clock(Database):
        late_s = 0.0

        def now(self, connection):
            return super().now(connection) - self.late_s

    clock = Clock(str(tmp_path / "state.sqlite"))
    account = SharedAccount(clock, "account", LIMITS, lambda: 1)
    for _ in range(10):
        ahead = account.lease(Ask(25, 2500, 100)).requests.start_s
    clock.late_s = 3600.0
    assert account.lease(Ask(25, 2500, 100)).requests.start_s < ahead + 1


def test_a_store_whose_clock_is_set_back_keeps_its_schedule_and_the_cooldown_that_runs(tmp_path):
    """Postgres' clock is the wall's of its host."""

    class Clock(Database):
        late_s = 0.0

        def steady_now(self, connection):
            return super().steady_now(connection) - self.late_s

    clock = Clock(str(tmp_path / "state.sqlite"))
    account = SharedAccount(clock, "account", LIMITS, lambda: 1)
    unknown = SharedAccount(clock, "unknown", RateLimits(), lambda: 1)
    account.throttled(30.0, 10.0)
    unknown.throttled(30.0, 0.0)
    clock.late_s = 3600.0
    assert account.lease(Ask(1, 10, 10)).requests.start_s == pytest.approx(30, abs=5)
    assert unknown.lease(Ask(1, 10, 10)).wait_s == pytest.approx(30, abs=5)
    clock.late_s = 0.0  # and forward again: what was a cooldown is over, and nobody is slowed down for ever
    assert account.lease(Ask(1, 10, 10)).requests.start_s < 1


def test_an_account_that_an_older_version_wrote_is_taken_as_it_is(tmp_path):
    account = account_in(tmp_path)
    account.throttled(30.0, 10.0)
    with Database(str(tmp_path / "state.sqlite")).begin() as connection:
        connection.exec_driver_sql("UPDATE provider_accounts SET seen_at = NULL")
    assert account.lease(Ask(1, 10, 10)).requests.start_s == pytest.approx(30, abs=5)


def test_what_is_given_back_is_there_for_the_next(tmp_path):
    one, other = account_in(tmp_path), account_in(tmp_path)
    for _ in range(20):
        one.lease(Ask(25, 2500, 100))
    before = other.lease(Ask(1, 10, 10)).requests.start_s
    one.give_back(100, 10_000)
    assert other.lease(Ask(1, 10, 10)).requests.start_s < before - 0.5


def test_accounts_are_known_by_address_model_and_key_and_none_of_them_is_stored(tmp_path):
    key = account_key("https://host/v1", "model", "sk-canary-123456")
    others = [("https://other/v1", "model", "sk-canary-123456"), ("https://host/v1", "m", "sk-canary-123456")]
    assert len({key, *(account_key(*other) for other in others), account_key("https://host/v1", "model", None)}) == 4
    account_in(tmp_path, name=key).lease(Ask(1, 1, 1))
    for file in tmp_path.iterdir():
        assert b"sk-canary" not in file.read_bytes()


def test_a_store_that_does_not_answer_is_an_error_with_a_remedy(tmp_path):
    (tmp_path / "state.sqlite").write_text("this is no database" * 100)
    with pytest.raises(StorageError, match="SUMMARIZER_STATE"):
        account_in(tmp_path).lease(Ask(1, 1, 1))
