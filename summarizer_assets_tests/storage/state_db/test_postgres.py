"""The shared state on a real Postgres, as several hosts use it."""

import itertools
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from summarizer_assets.core.money.spending import Booking, Wish
from summarizer_assets.core.prompt.request_form import RequestForm
from summarizer_assets.core.quality_breaker import Trust
from summarizer_assets.core.rate_schedule import Ask, RateLimits
from summarizer_assets.storage.errors import ClaimRefused, StorageError
from summarizer_assets.storage.state_db import tables
from summarizer_assets.storage.state_db.database import METADATA, Database
from summarizer_assets.storage.state_db.estimates import EstimateBook
from summarizer_assets.storage.state_db.ledger import SpendLedger
from summarizer_assets.storage.state_db.rate_limits import SharedAccount
from summarizer_assets.storage.state_db.request_forms import RequestForms
from summarizer_assets.storage.state_db.source_marks import IngestMarks, SourceState
from summarizer_assets.storage.state_db.state import StateStore
from summarizer_assets.storage.state_db.summarized import SummarizedBuckets
from summarizer_assets_tests.storage.state_db.test_ledger import check_first_runs
from testing.certificates import Certified, certified
from testing.postgres import Server, postgres
from testing.table_rows import lines_of, start

#: Begins a program that is on the host `sys.argv[1]`, with the state `sys.argv[2]`.
ON_HOST = (
    "import socket, sys\n"
    "socket.gethostname = lambda: sys.argv[1]\n"
    "from summarizer_assets.storage.state_db.database import Database\n"
    "database = Database(sys.argv[2])\n"
    "def ready():\n"
    "    print('ready', flush=True); sys.stdin.readline()\n"
)
DATABASES = itertools.count()


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("tls"), "postgres.test")


@pytest.fixture(scope="module")
def server(private: Certified) -> Iterator[Server]:
    with postgres(certificate=(private.certificate, private.key)) as running:
        yield running


@pytest.fixture(scope="module")
def shared(server: Server) -> str:
    """A database with its tables, for tests that keep to a root of their own."""
    with Database(server.url).begin():
        return server.url


@pytest.fixture
def empty(server: Server) -> str:
    """A database of its own, without tables."""
    name = f"empty{next(DATABASES)}"
    as_owner(server.url, f"CREATE DATABASE {name}")
    return server.url_of("postgres", name)


def as_owner(url: str, *statements: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def on_host(name: str, url: str, program: str) -> subprocess.Popen[str]:
    return start(ON_HOST + program, name, url)


def together(url: str, program: str) -> tuple[list[str], float]:
    """What two hosts print that begin at once when both are `ready()`, and when that was."""
    hosts = [on_host(name, url, program) for name in ("one", "other")]
    for host in hosts:
        assert host.stdout is not None
        assert host.stdout.readline() == "ready\n"
    began = time.monotonic()
    for host in hosts:
        assert host.stdin is not None
        host.stdin.write("go\n")
        host.stdin.flush()
    return [line for host in hosts for line in lines_of(host)], began


# Hosts side by side.


def test_hosts_that_start_together_on_an_empty_database_all_find_its_tables(empty: str) -> None:
    together = threading.Barrier(8)

    def first_use(_: int) -> dict[str, str]:
        store = StateStore(Database(empty), "root")
        together.wait()
        return store.holders()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(first_use, range(8))) == [{}] * 8


def test_a_claim_of_a_killed_run_on_another_host_is_refused_while_its_lease_runs_and_taken_after(shared: str) -> None:
    holder = on_host(
        "there",
        shared,
        "from summarizer_assets.storage.state_db.state import StateStore\n"
        "with StateStore(database, 'claims', lease_s=5.0).claim('0001', 'theirs'):\n"
        "    print('held', flush=True); sys.stdin.readline()\n",
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    store = StateStore(Database(shared), "claims", lease_s=5.0)
    with pytest.raises(ClaimRefused, match="run theirs"), store.claim("0001", "ours"):
        pass  # nobody here can know that it is dead
    wait_until(lambda: store.holders() == {})
    with store.claim("0001", "ours") as claim:
        claim.check()
        assert store.holders() == {"0001": "ours"}


def test_a_run_that_begins_while_another_without_work_ends_keeps_its_own_record(shared: str) -> None:
    """Else it would be ended as having left nobody, and when it dies no sensor would go on with its bucket."""
    idle, busy = (StateStore(Database(shared), "settled") for _ in range(2))
    busy.begin_run("0001", "died long ago", 9)
    seen = idle.last_run("0001")
    begun: list[int] = []

    def begin(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE bucket_runs") and not begun:
            assert busy.try_claim("0001", "begins", "token") is None
            begun.append(busy.begin_run("0001", "begins", 7))

    sa.event.listen(idle._database._engine, "before_cursor_execute", begin)
    idle.settle_last_run("0001", 0, seen)
    assert begun
    newest, died = idle.recent_runs()["0001"]
    assert (newest.run_id, newest.ended_at, newest.pending_after) == ("begins", None, None)
    # The one before it was not settled: somebody holds the bucket. The next run without work looks again.
    assert died.pending_after is None
    idle.settle_last_run("0001", 0, idle.last_run("0001"))
    assert idle.recent_runs()["0001"][0].ended_at is None


def test_claims_are_renewed_while_a_run_reads_slow_tables_to_be_granted_something(shared: str) -> None:
    impatient = Database(f"{shared}?options=-c%20lock_timeout%3D300")
    ours, other = StateStore(Database(shared), "slow"), StateStore(impatient, "slow")
    assert other.try_claim("0002", "other", "theirs") is None

    def tables() -> int:
        assert other.renew("0002", "theirs")
        return 40

    with ours.claim("0001", "ours") as claim:
        assert claim.grant(30, 50, tables) == 10


@pytest.fixture(scope="module")
def leased(shared: str) -> tuple[float, float]:
    """What two hosts are granted that use one account and one budget at once: requests, and the seconds these fill.

    At one request a second, so that they ask for more than that on any machine.
    """
    program = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from summarizer_assets.core.rate_schedule import Ask, RateLimits\n"
        "from summarizer_assets.core.money.spending import Booking, Wish\n"
        "from summarizer_assets.storage.state_db.ledger import SpendLedger\n"
        "from summarizer_assets.storage.state_db.rate_limits import SharedAccount\n"
        "account = SharedAccount(database, 'both', RateLimits(60), lambda: 1)\n"
        "ledger = SpendLedger(database, 'money')\n"
        "ready()\n"
        "print(sum(account.lease(Ask(10, 1000, 100)).requests.amount for _ in range(40)))\n"
        "def spend(number):\n"
        "    account, had = ledger.account(f'{sys.argv[1]}{number}', '0001'), 0\n"
        "    while extra := account.settle(Booking(spent=had), Wish(0, 7, 7), 400).extra:\n"
        "        had = extra\n"
        "with ThreadPoolExecutor(3) as pool:\n"
        "    list(pool.map(spend, range(3)))\n"
    )
    amounts, began = together(shared, program)
    last = SharedAccount(Database(shared), "both", RateLimits(60), lambda: 1).lease(Ask(1, 100, 100)).requests
    assert last is not None
    return sum(map(float, amounts)), time.monotonic() - began + last.start_s


def test_two_hosts_together_get_what_the_limits_hold_and_no_more(leased: tuple[float, float]) -> None:
    requests, seconds = leased
    assert requests == pytest.approx(seconds, abs=5)


@pytest.mark.usefixtures("leased")
def test_grants_of_two_hosts_never_exceed_the_cap_together(shared: str) -> None:
    ledger = SpendLedger(Database(shared), "money")
    assert ledger.audit() == []
    totals = ledger.totals()
    assert (totals["spent"], totals["reserved"], totals["uncertain"]) == (399, 0, 0)


def test_of_two_hosts_that_begin_at_once_neither_takes_the_other_s_answers_for_a_past_that_nobody_knows(
    shared: str,
) -> None:
    check_first_runs(lambda in_tables: SpendLedger(Database(shared), "first", in_tables=in_tables))


def test_an_audit_sees_one_moment_whatever_is_booked_while_it_looks(shared: str) -> None:
    ledger, booked = SpendLedger(Database(shared), "audited"), 0
    other = SpendLedger(Database(shared), "audited").account("busy", "0001")
    other.settle(Booking(spent=1), Wish(0, 5, 5), None)

    def book(*_: object) -> None:
        nonlocal booked
        booked += 1
        other.settle(Booking(spent=1), Wish(0, 5 + booked, 5 + booked), None)

    ledger.totals()  # the tables are looked for
    sa.event.listen(ledger._database._engine, "after_cursor_execute", book)
    assert ledger.audit() == []
    assert booked > 0


# A host that is cut off.


def test_a_run_cut_off_within_a_transaction_holds_up_nobody_for_long(shared: str) -> None:
    cut_off = Database(f"{shared}?options=-c%20idle_in_transaction_session_timeout%3D300")
    other = SharedAccount(Database(shared), "cut", RateLimits(60), lambda: 1)
    other.lease(Ask(1, 1, 1))
    leased: list[object] = []
    waiting = threading.Thread(target=lambda: leased.append(other.lease(Ask(1, 1, 1)).requests))

    def be_cut_off() -> None:
        with locked(cut_off, "cut") as connection:
            waiting.start()
            waiting.join(20)
            assert leased
            connection.execute(sa.text("SELECT 1"))

    with pytest.raises(StorageError, match="it was stopped, or we were suspended within a transaction"):
        be_cut_off()
    with cut_off.begin() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1  # and it goes on, should it come back


def test_a_lock_that_stays_is_an_error_that_says_where_to_look(shared: str) -> None:
    account, impatient = (
        SharedAccount(Database(url), "locked", RateLimits(60), lambda: 1)
        for url in (shared, f"{shared}?options=-c%20lock_timeout%3D100")
    )
    account.lease(Ask(1, 1, 1))
    said = r"canceling statement due to lock timeout.*; .*pg_stat_activity"
    with locked(Database(shared), "locked"), pytest.raises(StorageError, match=said):
        impatient.lease(Ask(1, 1, 1))


@contextmanager
def locked(database: Database, account: str) -> Iterator[sa.Connection]:
    with database.begin() as connection:
        row = sa.text("SELECT * FROM provider_accounts WHERE account = :account FOR UPDATE")
        connection.execute(row, {"account": account}).one()
        yield connection


def test_a_lost_server_and_a_lost_client_are_noticed_within_a_lease_unless_the_url_says_otherwise(shared: str) -> None:
    def held(url: str) -> tuple[int, int, str, str]:
        with Database(url).begin() as connection:
            raw = connection.connection.dbapi_connection
            assert raw is not None
            with socket.socket(fileno=os.dup(raw.fileno())) as wire:
                unanswered, idle = (
                    wire.getsockopt(socket.IPPROTO_TCP, option)
                    for option in (socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE)
                )
            idle_for, locked = (
                connection.exec_driver_sql(f"SHOW {name}").scalar_one()
                for name in ("idle_in_transaction_session_timeout", "lock_timeout")
            )
        return unanswered, idle, idle_for, locked

    assert held(shared) == (15_000, 5, "20s", "30s")
    own = f"{shared}?tcp_user_timeout=4000&keepalives_idle=7&options=-c%20lock_timeout%3D3s"
    assert held(own) == (4_000, 7, "20s", "3s")


# TLS.


def test_the_state_is_reached_by_tls_and_only_where_the_certificate_is_the_server_s(
    shared: str, server: Server, private: Certified, tmp_path: Path
) -> None:
    other = certified(tmp_path / "other").authority
    secure = f"{shared}?sslmode=verify-full&sslrootcert="
    with Database(f"{secure}{private.authority}").begin() as connection:
        query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        assert connection.execute(sa.text(query)).scalar_one() is True
    by_name = secure.replace("127.0.0.1", "localhost")
    for url, said in (
        (f"{secure}{other}", r"certificate verify failed; .*sslrootcert=… in SUMMARIZER_STATE"),
        (f"{secure}{tmp_path / 'none.pem'}", r"does not exist.*; name the authority's file by sslrootcert=…"),
        (f"{by_name}{private.authority}", r"does not match.*; write the host into SUMMARIZER_STATE as its certificate"),
    ):
        with pytest.raises(StorageError, match=said), Database(url).begin():
            pass


# Rights, and tables of other versions.


def test_a_user_with_the_least_rights_does_all_the_work_once_the_tables_are_made(empty: str, server: Server) -> None:
    """Who makes the tables may be another: CREATE is asked for only while one of them is missing."""
    bare = empty.replace("postgres@", "worker@")
    as_owner(empty, "CREATE ROLE worker LOGIN")
    with pytest.raises(StorageError, match=r"permission denied for schema public.*; grant it to the user"):
        use_all(bare)
    with Database(empty).begin():
        pass
    with pytest.raises(StorageError, match=r"permission denied for table \w+; grant it"):
        use_all(bare)
    as_owner(
        empty,
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO worker",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO worker",
    )
    use_all(bare)


def use_all(url: str) -> None:
    """Everything that a run does with the state."""
    database = Database(url)
    store = StateStore(database, "root")
    with store.heartbeat("run"), store.compaction("0001", "run"), store.claim("0001", "run") as claim:
        run = store.begin_run("0001", "run", 5)
        assert claim.grant(5, 10, lambda: 0) == 5
        store.end_run(run, 0, None)
        assert store.trust("nobody asked with it") is Trust.UNTRIED
    store.settle_last_run("0001", 0, store.last_run("0001"))
    SharedAccount(database, "account", RateLimits(60), lambda: 1).throttled(1.0, 1.0)
    ledger = SpendLedger(database, "root")
    ledger.account("run", "0001").settle(Booking(spent=5, uncertain=1), Wish(0, 10, 10), 100)
    ledger.release_uncertain()
    book = EstimateBook(database, "root")
    book.keep_latency("prompt", "model", {1: 0.5})
    assert book.last() is None
    IngestMarks(database, lambda: "root").set(SourceState("key", 1), {"0001": "files"})
    SummarizedBuckets(database, "root").note({"0001": "state"})


def test_what_an_older_version_s_tables_lack_is_added_and_its_rows_stay(empty: str) -> None:
    with Database(empty).begin():
        pass
    as_owner(
        empty,
        "INSERT INTO claims VALUES ('another root', '0001', 't', 'run', 'host', '1@1', 0, 0)",
        "ALTER TABLE claims DROP COLUMN allowance",
        "ALTER TABLE bucket_runs DROP COLUMN stop",
        "ALTER TABLE bucket_runs DROP COLUMN fingerprint",
        "DROP TABLE request_latencies",
    )
    use_all(empty)
    with Database(empty).begin() as connection:
        made = sa.inspect(connection).get_multi_columns()
        (held,) = connection.execute(sa.text("SELECT run_id, allowance FROM claims WHERE token = 't'")).all()
    assert tuple(held) == ("run", 0)
    found = {(name, column["name"]) for (_, name), columns in made.items() for column in columns}
    assert found == {(table.name, column.name) for table in METADATA.sorted_tables for column in table.columns}


def test_whoever_opens_the_database_first_makes_every_table() -> None:
    folder = Path(tables.__file__).parents[1]  # storage
    declares = re.compile(r"^    METADATA,$", re.MULTILINE)
    with_tables = {path.stem for path in folder.rglob("*.py") if declares.search(path.read_text())}
    assert with_tables - {"database"} == set(tables.__all__) - {"METADATA"}


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def test_what_one_host_learnt_of_a_model_the_others_begin_with(shared: str) -> None:
    learnt = RequestForm(output_field="max_completion_tokens", context=8000)
    hosts = [RequestForms(Database(shared), "https://provider.example/v1", "m", {}) for _ in range(4)]
    with ThreadPoolExecutor(len(hosts)) as pool:
        list(pool.map(lambda host: host.keep(learnt), hosts))
    assert [host.load() for host in hosts] == [learnt] * len(hosts)
