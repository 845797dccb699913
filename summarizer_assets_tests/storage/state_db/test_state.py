import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from summarizer_assets.core.quality_breaker import Trust
from summarizer_assets.storage.errors import ClaimLost, ClaimRefused, StorageError
from summarizer_assets.storage.processes import process_name
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.state import StateStore
from testing.table_rows import lines_of, start

HOLD = (
    "import sys\n"
    "from summarizer_assets.storage.errors import ClaimRefused\n"
    "from summarizer_assets.storage.state_db.database import Database\n"
    "from summarizer_assets.storage.state_db.state import StateStore\n"
    "store = StateStore(Database(sys.argv[1]), 'root')\n"
    "print('ready', flush=True); sys.stdin.readline()\n"
    "try:\n"
    "    with store.claim('0001', sys.argv[2]):\n"
    "        print('held', flush=True); sys.stdin.readline()\n"
    "except ClaimRefused:\n"
    "    print('refused', flush=True)\n"
)


def store_in(folder: Path, root: str = "root", lease_s: float = 60.0) -> StateStore:
    return StateStore(Database(str(folder / "state.sqlite")), root, lease_s=lease_s)


def say(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds bucket 0001 for the run `dead-to-be`."""
    process = start(HOLD, tmp_path / "state.sqlite", "dead-to-be")
    assert hear(process) == "ready"
    say(process)
    assert hear(process) == "held"
    yield process
    process.kill()
    process.communicate()


# Claims.


def test_of_six_processes_that_claim_a_bucket_at_once_one_gets_it(tmp_path: Path) -> None:
    processes = [start(HOLD, tmp_path / "state.sqlite", f"run-{number}") for number in range(6)]
    assert [hear(process) for process in processes] == ["ready"] * 6
    for process in processes:
        say(process)
    said = [hear(process) for process in processes]
    assert sorted(said) == ["held"] + ["refused"] * 5
    say(processes[said.index("held")])
    assert all(lines_of(process) == [] for process in processes)
    with store_in(tmp_path).claim("0001", "after"):
        pass  # free again


def test_a_claim_is_refused_with_the_holder_s_run_while_it_lives(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    store = store_in(tmp_path)
    with (
        pytest.raises(ClaimRefused, match="bucket 0001 is being worked on by run dead-to-be"),
        store.claim("0001", "b"),
    ):
        pass
    assert store.holders() == {"0001": "dead-to-be"}
    with store.claim("0002", "b"):
        assert store.holders() == {"0001": "dead-to-be", "0002": "b"}
        assert store.active_runs() == 2
    with store_in(tmp_path, root="another root").claim("0001", "c"):
        assert store.active_runs() == 2


@pytest.mark.parametrize("collected", [True, False], ids=["gone", "a zombie"])
def test_the_claim_of_a_killed_process_is_taken_over_at_once(
    tmp_path: Path, holder: subprocess.Popen[str], collected: bool
) -> None:
    holder.kill()
    if collected:
        holder.wait()
    wait_until(lambda: process_name(holder.pid).endswith("@gone"))
    store = store_in(tmp_path, lease_s=3600.0)
    assert store.holders() == {}
    assert store.active_runs() == 0
    with store.claim("0001", "heir") as claim:
        claim.check()
        assert store.holders() == {"0001": "heir"}


def test_a_suspended_process_keeps_its_claim_while_the_lease_runs(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    holder.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(ClaimRefused), store_in(tmp_path).claim("0001", "b"):
            pass
    finally:
        holder.send_signal(signal.SIGCONT)


def test_a_lapsed_claim_is_taken_over_and_its_holder_is_told(tmp_path: Path) -> None:
    store, program = (
        store_in(tmp_path, lease_s=0.3),
        (
            "import os, signal, sys, threading\n"
            "from summarizer_assets.storage.errors import ClaimLost\n"
            "from summarizer_assets.storage.state_db.database import Database\n"
            "from summarizer_assets.storage.state_db.state import StateStore\n"
            "with StateStore(Database(sys.argv[1]), 'root', lease_s=0.3).claim('0001', 'sleeper') as claim:\n"
            "    print('held', flush=True); os.kill(os.getpid(), signal.SIGSTOP)\n"
            "    try:\n"
            "        claim.check(); print('still ours', flush=True)\n"
            "    except ClaimLost as lost:\n"
            "        print(lost, flush=True)\n"
        ),
    )
    sleeper = start(program, tmp_path / "state.sqlite")
    assert hear(sleeper) == "held"
    wait_until(lambda: store.holders() == {})
    with store.claim("0001", "heir") as claim:
        sleeper.send_signal(signal.SIGCONT)
        assert "our claim lapsed and another run took it" in lines_of(sleeper)[0]
        claim.check()
        assert store.holders() == {"0001": "heir"}  # the sleeper's release did not take the heir's claim


def test_renewal_keeps_a_claim_far_past_its_lease(tmp_path: Path) -> None:
    store = store_in(tmp_path, lease_s=0.8)
    with store.claim("0001", "a") as claim:
        end = time.monotonic() + 2.4
        while time.monotonic() < end:
            assert store.holders() == {"0001": "a"}
            claim.check()
            time.sleep(0.05)
    assert store.holders() == {}


def test_a_claim_ends_with_its_block_also_when_the_block_fails(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    before = threading.active_count()
    with pytest.raises(KeyError), store.claim("0001", "a"):
        raise KeyError
    assert store.holders() == {}
    assert threading.active_count() == before


def test_a_claim_that_was_taken_over_is_noticed_by_its_renewal(tmp_path: Path) -> None:
    store = store_in(tmp_path, lease_s=0.4)
    with store.claim("0001", "a") as claim:
        store.release("0001", claim._token)
        assert store.try_claim("0001", "thief", "token") is None

        def lost() -> bool:
            try:
                claim.check()
            except ClaimLost:
                return True
            return False

        wait_until(lost)


def test_a_process_that_got_the_number_of_a_dead_one_is_another_process() -> None:
    number, _, started = process_name(os.getpid()).partition("@")
    assert number == str(os.getpid())
    assert started.isdigit()
    assert process_name(2**22 + 1) == f"{2**22 + 1}@gone"


# Clocks.


@pytest.mark.parametrize("jump_s", [-86_400.0, 86_400.0])
def test_a_clock_that_is_set_while_a_run_works_neither_frees_nor_locks_its_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    clock = time.time
    store = store_in(tmp_path, lease_s=0.5)
    with ExitStack() as stack:
        asleep = stack.enter_context(store_in(tmp_path, lease_s=3600.0).claim("0002", "renewed in an hour"))
        monkeypatch.setattr(time, "time", lambda: clock() + jump_s)
        assert store.holders() == {"0002": "renewed in an hour"}
        with pytest.raises(ClaimRefused), store_in(tmp_path).claim("0002", "b"):
            pass
        asleep.check()
        assert store.try_claim("0001", "never renewed", "its token") is None
        wait_until(lambda: store.try_claim("0001", "heir", "another") is None)  # by the lease, not after a day
        monkeypatch.setattr(time, "time", clock)
        assert store.holders()["0002"] == "renewed in an hour"


def test_a_machine_that_slept_longer_than_the_lease_asks_whether_its_bucket_is_still_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's clock went on, and another host has the bucket; `time.monotonic` stood still meanwhile."""
    clock, monotonic = time.clock_gettime, time.monotonic()
    store = store_in(tmp_path, lease_s=3600.0)
    with store.claim("0001", "sleeper") as claim, store.claim("0002", "sleeper") as kept:
        with store._database.begin() as connection:
            connection.exec_driver_sql("UPDATE claims SET token = 'another', run_id = 'heir' WHERE bucket = '0001'")
        claim.check()  # nothing was missed so far: it need not ask before each request
        monkeypatch.setattr(time, "clock_gettime", lambda which: clock(which) + 3601)
        assert time.monotonic() - monotonic < 3600
        with pytest.raises(ClaimLost, match="another run took it"):
            claim.check()
        kept.check()


def test_all_processes_of_a_machine_count_leases_from_the_same_moment(tmp_path: Path) -> None:
    stores = [store_in(tmp_path) for _ in range(3)]
    nows = []
    for store in stores:
        with store._database.begin() as connection:
            nows.append(store._database.steady_now(connection))
    assert nows == sorted(nows)
    assert nows[-1] - nows[0] < 60
    with stores[0]._database.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM steady_clocks").scalar_one() == 1


# The allowance of a pilot.


def test_grants_of_runs_at_the_same_time_never_exceed_the_limit_together(tmp_path: Path) -> None:
    store, limit = store_in(tmp_path), 50
    with ExitStack() as stack:
        claims = [stack.enter_context(store.claim(f"{number:04d}", f"run-{number}")) for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            grants = list(pool.map(lambda claim: claim.grant(11, limit, lambda: 7), claims))
        assert sum(grants) == limit - 7
        assert all(0 <= grant <= 11 for grant in grants)
        assert claims[0].grant(1000, limit, lambda: 7) == grants[0]  # asking again gives no more


def test_the_allowance_of_a_run_that_ended_is_free_and_what_it_asked_is_counted_in_the_tables(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    with store.claim("0001", "a") as claim:
        run = store.begin_run("0001", "a", pending=30)
        assert claim.grant(30, 40, lambda: 0) == 30
        store.end_run(run, pending=0, stop=None)
    with store.claim("0002", "b") as claim:
        assert claim.grant(30, 40, lambda: 30) == 10
        assert claim.grant(30, 40, lambda: 100) == 0


def test_what_a_run_was_granted_counts_on_when_it_broke_off_for_it_may_lie_in_the_journal_only(tmp_path: Path) -> None:
    store = store_in(tmp_path)

    def broken_off() -> None:
        with store.claim("0001", "a") as claim:
            store.begin_run("0001", "a", pending=30)
            assert claim.grant(30, 40, lambda: 0) == 30
            raise KeyError

    with pytest.raises(KeyError):
        broken_off()
    assert store.holders() == {}
    assert store.active_runs() == 0
    with store.claim("0002", "b") as claim:
        assert claim.grant(30, 40, lambda: 0) == 10
    with pytest.raises(KeyError), store.claim("0001", "c"):
        raise KeyError  # before it was granted anything: what the first one asked still counts
    with store.claim("0003", "d") as claim:
        assert claim.grant(30, 40, lambda: 0) == 0
    with store.claim("0001", "e") as claim:
        assert claim.grant(30, 40, lambda: 0) == 30  # in the place of the first


def test_a_dead_holder_s_allowance_counts_until_its_heir_is_granted_one(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    store = store_in(tmp_path)
    with store._database.begin() as connection:
        connection.exec_driver_sql("UPDATE claims SET allowance = 25")
    holder.kill()
    holder.wait()
    with store.claim("0001", "heir") as heir, store.claim("0002", "other") as other:
        assert other.grant(30, 40, lambda: 0) == 15
        assert heir.grant(30, 40, lambda: 0) == 25


def test_a_run_that_lost_its_claim_is_granted_nothing(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.try_claim("0001", "a", "ours")
    store.release("0001", "ours")
    with pytest.raises(ClaimLost, match="asks nothing"):
        store.grant("0001", "ours", 5, 10, lambda: 0)


def test_whoever_is_granted_something_while_the_tables_are_read_is_counted(tmp_path: Path) -> None:
    """Whatever happens meanwhile: another begins, or one ends whose authors the tables were too early to show."""
    store, limit = store_in(tmp_path), 50
    with ExitStack() as stack:
        ours, ending, beginning = (
            stack.enter_context(store.claim(bucket, f"run-{bucket}")) for bucket in ("0001", "0002", "0003")
        )
        run = store.begin_run("0002", "run-0002", pending=30)
        assert ending.grant(30, limit, lambda: 0) == 30
        told = iter([0, 30])  # what the tables hold, look after look

        def asked() -> int:
            shown = next(told)
            if not shown:
                store.end_run(run, 0, None)
                store.release("0002", ending._token)
                assert beginning.grant(5, limit, lambda: 30) == 5
            return shown

        assert ours.grant(50, limit, asked) == 15  # of 50 less 30 in the tables and 5 that the third may ask
        assert list(told) == []


def test_who_gets_all_that_is_wanted_reads_the_tables_once_whoever_moves_meanwhile(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    with store.claim("0001", "a") as ours, store.claim("0002", "b") as other:
        looks = []

        def asked() -> int:
            looks.append(other.grant(5 + len(looks), 50, lambda: 0))
            return 0

        assert ours.grant(10, 50, asked) == 10
        assert looks == [5]


# History.


def test_recent_runs_are_the_last_ones_of_each_bucket_newest_first(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    for number in range(6):
        run = store.begin_run("0001", f"run-{number}", pending=10 - number)
        if number != 5:
            store.end_run(run, pending=9 - number, stop="outage" if number == 4 else None)
    store.begin_run("0002", "only", pending=1)
    store_in(tmp_path, root="another root").begin_run("0001", "not ours", pending=1)
    runs = store.recent_runs(each=3)
    assert {bucket: [run.run_id for run in past] for bucket, past in runs.items()} == {
        "0001": ["run-5", "run-4", "run-3"],
        "0002": ["only"],
    }
    alive, refused, ended = runs["0001"]
    assert (alive.pending_before, alive.pending_after, alive.ended_at, alive.stop) == (5, None, None, None)
    assert (refused.pending_after, refused.refused, ended.refused) == (5, True, False)
    assert refused.ended_at is not None
    assert refused.ended_at >= refused.started_at


def test_a_run_without_work_settles_the_record_of_one_that_died_and_leaves_the_older_ones(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.end_run(store.begin_run("0001", "old", pending=9), pending=5, stop=None)
    store.begin_run("0001", "died", pending=5)
    store.begin_run("0002", "other", pending=5)
    store.settle_last_run("0001", 0, store.last_run("0001"))
    store.settle_last_run("0003", 0, store.last_run("0003"))  # never ran: nothing to settle
    runs = store.recent_runs()
    assert [(run.run_id, run.pending_after) for run in runs["0001"]] == [("died", 0), ("old", 5)]
    assert runs["0001"][0].ended_at is not None
    assert runs["0002"][0].pending_after is None


def test_what_the_last_run_with_the_same_model_and_settings_showed_is_known_to_the_next_one(tmp_path: Path) -> None:
    store = store_in(tmp_path)

    def ended(fingerprint: str, *, after: int, stop: str | None = None) -> None:
        store.end_run(store.begin_run("0001", "run", 10, fingerprint), after, stop)

    assert store.trust("a") is Trust.UNTRIED
    ended("a", after=4)
    ended("b", after=10, stop="unusable")
    store.begin_run("0002", "at work", 10, "a")
    store_in(tmp_path, root="another root").begin_run("0001", "not ours", 10, "c")
    assert [store.trust(known) for known in "abc"] == [Trust.PROVEN, Trust.DISTRUSTED, Trust.UNTRIED]
    ended("a", after=4, stop="unusable")  # whatever it brought before
    assert store.trust("a") is Trust.DISTRUSTED
    ended("a", after=10, stop="outage")
    assert store.trust("a") is Trust.UNTRIED
    assert [run.fingerprint for run in store.recent_runs()["0001"]] == ["a", "a", "b", "a"]


def test_a_store_of_the_version_before_gets_the_column_and_keeps_its_runs(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.end_run(store.begin_run("0001", "old", 10, "a"), 10, "unusable")
    with sqlite3.connect(tmp_path / "state.sqlite") as connection:
        connection.execute("ALTER TABLE bucket_runs DROP COLUMN fingerprint")
    (kept,) = store_in(tmp_path).recent_runs()["0001"]
    assert (kept.run_id, kept.stop, kept.fingerprint) == ("old", "unusable", None)
    assert store_in(tmp_path).trust("a") is Trust.UNTRIED


# The store itself.


def test_a_store_that_does_not_answer_is_an_error_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_text("this is no database, and long enough for a header of one " * 20)
    with pytest.raises(StorageError, match=r"state store sqlite:.*does not answer.*SUMMARIZER_STATE"):
        store_in(tmp_path).holders()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+nodriver://user:hushhush@host/db",
        "nosuch://user:hushhush@host/db",
        "postgresql://user:hushhush@host:port/db",
        "://hushhush",
    ],
)
def test_a_url_that_cannot_work_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StorageError, match=r"SUMMARIZER_STATE.*allowed: a file") as refused:
        Database(url)
    error: BaseException | None = refused.value
    while error is not None:
        assert "hushhush" not in str(error)
        error = error.__cause__


def test_a_state_file_in_a_folder_that_cannot_be_made_is_refused_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match=r"SUMMARIZER_STATE=.*its folder cannot be made"):
        Database(str(tmp_path / "file" / "state.sqlite"))


def test_a_path_with_characters_that_mean_something_in_a_url_is_just_a_path(tmp_path: Path) -> None:
    path = tmp_path / "50% of #1?mode=ro & more.sqlite"
    with StateStore(Database(str(path)), "root").claim("0001", "a"):
        assert path.is_file()


def test_a_run_without_work_leaves_the_record_of_a_run_at_work_alone(tmp_path):
    store = store_in(tmp_path)
    with store.claim("0001", "at work"):
        store.begin_run("0001", "at work", pending=7)
        store.settle_last_run("0001", 0, store.last_run("0001"))
        assert store.recent_runs()["0001"][0].ended_at is None
    store.settle_last_run("0001", 0, store.last_run("0001"))
    assert store.recent_runs()["0001"][0].pending_after == 0


def test_a_record_that_was_ended_since_it_was_seen_knows_better_than_whoever_saw_it(tmp_path):
    store = store_in(tmp_path)
    run = store.begin_run("0001", "at work", pending=7)
    seen = store.last_run("0001")
    store.end_run(run, 5, "outage")  # an ingest brought authors meanwhile
    store.settle_last_run("0001", 0, seen)
    assert store.recent_runs()["0001"][0].pending_after == 5


def test_a_run_without_work_settles_the_record_of_one_whose_process_is_gone_before_its_lease_is(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    store = store_in(tmp_path)
    store.begin_run("0001", "dead-to-be", pending=7)
    seen = store.last_run("0001")
    store.settle_last_run("0001", 0, seen)
    assert store.recent_runs()["0001"][0].pending_after is None
    holder.kill()
    holder.wait()
    store.settle_last_run("0001", 0, seen)
    assert store.recent_runs()["0001"][0].pending_after == 0


def test_a_sign_of_life_outlives_an_outage_of_its_store(tmp_path, monkeypatch):
    """Nobody takes it over, so it goes on when the store is back; a claim on a bucket would be lost by then."""
    store = store_in(tmp_path, lease_s=0.4)
    renew, out = StateStore.renew, threading.Event()

    def renew_or_fail(self, bucket, token):
        if out.is_set():
            raise StorageError("the store is away")
        return renew(self, bucket, token)

    monkeypatch.setattr(StateStore, "renew", renew_or_fail)
    with store.heartbeat("ingest"):
        out.set()
        time.sleep(1.0)
        silent = store.signs_of_life()["ingest"][0].silent_s
        out.clear()
        deadline = time.monotonic() + 20
        while store.signs_of_life()["ingest"][0].silent_s > 0:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert silent > 0


def test_a_run_whose_store_was_deleted_under_it_stops_and_shares_its_bucket_with_nobody(tmp_path):
    """SQLite would go on in the deleted file, which nobody else sees."""
    with store_in(tmp_path, lease_s=0.4).claim("0000", "old") as claim:
        for file in tmp_path.glob("state.sqlite*"):
            file.unlink()
        with store_in(tmp_path).claim("0000", "new"):
            until_lost = (claim.check() or time.sleep(0.02) for _ in range(1000))
            with pytest.raises(ClaimLost):
                list(until_lost)
