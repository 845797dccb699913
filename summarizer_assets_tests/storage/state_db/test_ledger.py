from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from summarizer_assets.core.money.spending import Booking, Grant, PastUnknown, Wish
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.ledger import SpendLedger
from testing.table_rows import lines_of, start


def ledger_in(folder: Path, root: str = "root", lease_s: float = 60.0) -> SpendLedger:
    return SpendLedger(Database(str(folder / "state.sqlite")), root, lease_s=lease_s)


def money(ledger: SpendLedger) -> tuple[int, int, int]:
    totals = ledger.totals()
    assert ledger.audit() == []
    return totals["spent"], totals["uncertain"], totals["reserved"]


def rows_of(folder: Path) -> list[tuple[str, int, int, int]]:
    with Database(str(folder / "state.sqlite")).begin() as connection:
        found = connection.execute(sa.text("SELECT why, spent, uncertain, reserved FROM spend_rows ORDER BY id"))
        return [(why, spent, uncertain, reserved) for why, spent, uncertain, reserved in found]


def test_what_is_booked_and_reserved_adds_up_for_the_root_and_for_no_other(tmp_path: Path) -> None:
    ledger, account = ledger_in(tmp_path), ledger_in(tmp_path).account("a", "0001")
    assert money(ledger) == (0, 0, 0)
    assert account.settle(Booking(), Wish(0, 10, 40), 1000) == Grant(extra=40, others=0, spent=0, uncertain=0)
    assert money(ledger) == (0, 0, 40)
    booking = Booking(
        spent=30, uncertain=5, wasted=20, prompt_tokens=7, cached_tokens=3, completion_tokens=2, requests=4
    )
    assert account.settle(booking, Wish(floor=5), 1000) == Grant(extra=0, others=0, spent=30, uncertain=5)
    assert money(ledger) == (30, 5, 5)
    account.settle(Booking(spent=5), Wish(), 1000)
    assert money(ledger) == (35, 5, 0)
    totals = ledger.totals()
    assert (totals["wasted"], totals["prompt_tokens"], totals["cached_tokens"]) == (20, 7, 3)
    assert (totals["completion_tokens"], totals["requests"]) == (2, 4)
    assert money(ledger_in(tmp_path, "another root")) == (0, 0, 0)
    assert [row[1:] for row in rows_of(tmp_path)] == [(0, 0, 40), (30, 5, -35), (5, 0, -5)]  # only ever added


def test_a_grant_leaves_what_others_have_reserved_and_what_is_uncertain(tmp_path: Path) -> None:
    one, other = (ledger_in(tmp_path).account(run, "0001") for run in ("a", "b"))
    one.settle(Booking(uncertain=30), Wish(0, 50, 0), 100)
    assert other.settle(Booking(), Wish(0, 21, 0), 100) == Grant(extra=0, others=50, spent=0, uncertain=30)
    assert other.settle(Booking(), Wish(0, 20, 0), 100).extra == 20
    assert one.settle(Booking(), Wish(), 100).others == 20


def test_grants_asked_for_at_once_never_exceed_the_cap_together(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    accounts = [ledger.account(f"run{number}", "0001") for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        grants = list(pool.map(lambda account: account.settle(Booking(), Wish(0, 30, 30), 100), accounts))
    assert sorted(grant.extra for grant in grants) == [0, 0, 0, 30, 30, 30]
    assert money(ledger) == (0, 0, 90)


def test_a_lowered_cap_takes_nothing_back_that_is_under_way_and_grants_nothing_more(tmp_path: Path) -> None:
    account = ledger_in(tmp_path).account("a", "0001")
    account.settle(Booking(), Wish(0, 80, 80), 100)
    assert account.settle(Booking(spent=10), Wish(70, 0, 50), 50).extra == 0
    assert money(ledger_in(tmp_path)) == (10, 0, 70)


def test_what_a_dead_process_had_reserved_is_uncertain_at_once_and_can_be_released(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from summarizer_assets.core.money.spending import Booking, Wish\n"
        "from summarizer_assets_tests.storage.state_db.test_ledger import ledger_in\n"
        "ledger_in(Path(sys.argv[1])).account('dead', '0007').settle(Booking(spent=10), Wish(0, 40, 40), 100)\n"
    )
    lines_of(start(program, tmp_path))
    ledger = ledger_in(tmp_path)
    assert money(ledger) == (10, 0, 40)
    account = ledger.account("alive", "0001")
    assert account.settle(Booking(), Wish(0, 60, 0), 100) == Grant(extra=0, others=0, spent=10, uncertain=40)
    assert money(ledger) == (10, 40, 0)
    assert account.settle(Booking(), Wish(0, 50, 0), 100).extra == 50  # counted once
    assert ledger.release_uncertain() == 40
    assert ledger.release_uncertain() == 0
    assert money(ledger) == (10, 0, 50)


def test_a_run_that_was_only_suspended_past_its_lease_gets_back_what_was_counted_as_lost(tmp_path: Path) -> None:
    short, patient = ledger_in(tmp_path, lease_s=0.0), ledger_in(tmp_path)
    sleeper, other = short.account("sleeper", "0001"), patient.account("other", "0002")
    sleeper.settle(Booking(), Wish(0, 60, 60), 100)
    assert other.settle(Booking(), Wish(0, 50, 0), 100) == Grant(extra=0, others=0, spent=0, uncertain=60)
    assert money(patient) == (0, 60, 0)
    assert sleeper.settle(Booking(spent=25), Wish(floor=35), 100) == Grant(extra=0, others=0, spent=25, uncertain=0)
    assert money(patient) == (25, 0, 35)
    sleeper.settle(Booking(spent=35), Wish(), 100)
    assert money(patient) == (60, 0, 0)
    assert [row[0] for row in rows_of(tmp_path)] == ["booked", "run lost", "run returned", "booked", "booked"]


def test_a_run_that_returns_after_its_uncertain_money_was_released_still_books_the_truth(tmp_path: Path) -> None:
    short, patient = ledger_in(tmp_path, lease_s=0.0), ledger_in(tmp_path)
    sleeper = short.account("sleeper", "0001")
    sleeper.settle(Booking(), Wish(0, 60, 60), 100)
    patient.account("other", "0002").settle(Booking(), Wish(), 100)
    assert patient.release_uncertain() == 60
    sleeper.settle(Booking(spent=25), Wish(floor=35), 100)
    sleeper.settle(Booking(spent=35), Wish(), 100)
    assert money(patient) == (60, 0, 0)


def test_an_audit_names_what_does_not_add_up(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    ledger.account("a", "0001").settle(Booking(spent=7), Wish(0, 5, 5), None)
    with Database(str(tmp_path / "state.sqlite")).begin() as connection:
        connection.execute(sa.text("UPDATE spend_totals SET spent = 6, reserved = 4"))
    assert ledger.audit() == [
        "spent: the rows sum to 7, the total is 6",
        "reserved: the rows sum to 5, the total is 4",
        "reserved: the leases sum to 5, the total is 4",
    ]


def test_a_ledger_that_knows_nothing_of_what_the_tables_cost_grants_nothing_under_a_budget_until_it_is_booked(
    tmp_path: Path,
) -> None:
    database, asked = Database(str(tmp_path / "state.sqlite")), []

    def ledger_of(cost: int) -> SpendLedger:
        return SpendLedger(database, f"root{cost}", in_tables=lambda: asked.append(cost) or cost)

    lost = ledger_of(2_500_000)
    for _ in range(2):  # being refused leaves nothing behind that would let the next in
        with pytest.raises(PastUnknown, match=r"state\.sqlite knows nothing.*root2500000.*\$0\.0025.*--book-tables"):
            lost.account("a", "0001").settle(Booking(), Wish(0, 10, 10), 5_000_000)
        assert lost.release_uncertain() == 0
    assert lost.raise_to(2_500_000) == 2_500_000
    assert lost.account("a", "0001").settle(Booking(), Wish(0, 10, 10), 5_000_000).spent == 2_500_000
    assert len(asked) == 2

    free = ledger_of(0).account("a", "0001")  # a new root, and one that only a free model filled
    assert [free.settle(Booking(), Wish(0, 10, 10), 100).extra for _ in range(3)] == [10, 10, 10]
    assert len(asked) == 3
    assert ledger_of(7).account("a", "0001").settle(Booking(), Wish(0, 10, 10), None).extra == 10
    assert len(asked) == 3  # no budget, nothing to keep


def test_of_two_first_runs_at_once_neither_takes_the_other_s_answers_for_a_past_that_nobody_knows(
    tmp_path: Path,
) -> None:
    check_first_runs(lambda in_tables: SpendLedger(Database(str(tmp_path / "state.sqlite")), "r", in_tables=in_tables))


def check_first_runs(ledger_of: Callable[[Callable[[], int]], SpendLedger]) -> None:
    """One looks at its ledger, then the other pays and writes its first answers, then the one looks into the tables."""

    def meanwhile() -> int:
        other = ledger_of(lambda: 0).account("other", "0002")
        other.settle(Booking(), Wish(0, 40, 40), 100)
        other.settle(Booking(spent=40), Wish(), 100)
        return 40

    one = ledger_of(meanwhile).account("one", "0001")
    assert one.settle(Booking(), Wish(0, 60, 60), 100) == Grant(extra=60, others=0, spent=40, uncertain=0)


def test_a_ledger_that_cannot_be_reached_says_so(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_text("this is no database, and long enough for a header of one " * 20)
    with pytest.raises(StorageError, match="does not answer"):
        ledger_in(tmp_path).account("a", "0001").settle(Booking(), Wish(), None)
