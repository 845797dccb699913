from pathlib import Path

import pytest
import sqlalchemy as sa

from summarizer_assets.core.money.spending import Booking, Wish
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import PREFIX, load_settings
from testing.command_line import run_command


@pytest.fixture
def summarizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Summarizer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(PREFIX + "ROOT", str(tmp_path / "root"))
    made = Summarizer(load_settings(None))
    made.tables.authors.ensure()
    return made


def test_it_tells_what_was_spent_and_releases_what_is_uncertain_on_demand_only(
    summarizer: Summarizer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = Booking(1_500_000_000, 20_000_000, 300_000_000, 12_345, 1_000, 678, 9)
    summarizer.ledger.account("a", "0001").settle(booking, Wish(), None)
    monkeypatch.setenv(PREFIX + "BUDGET_USD", "25")
    assert run_command("spend") == 0
    said = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    told = {name: value.strip() for name, value in said.items()}
    assert told == {
        "spent": "$1.50",
        "of that wasted": "$0.30",
        "uncertain": "$0.02",
        "reserved by runs": "$0.00",
        "budget": "$25.00",
        "requests": "9",
        "tokens in": "12,345 (1,000 cached)",
        "tokens out": "678",
    }
    assert run_command("spend", "--release-uncertain") == 0
    assert capsys.readouterr().out.startswith("released $0.02\n")
    assert summarizer.ledger.totals()["uncertain"] == 0


def test_a_ledger_that_does_not_add_up_is_told(summarizer: Summarizer, capsys: pytest.CaptureFixture[str]) -> None:
    summarizer.ledger.account("a", "0001").settle(Booking(spent=7), Wish(), None)
    with summarizer.database.begin() as connection:
        connection.execute(sa.text("UPDATE spend_totals SET spent = 6"))
    assert run_command("spend") == 1
    assert "does not add up: spent: the rows sum to 7, the total is 6" in capsys.readouterr().err


def test_a_store_that_is_none_is_told(
    summarizer: Summarizer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PREFIX + "STATE", "nosuch://host/db")
    assert run_command("spend") == 2
    assert "SUMMARIZER_STATE" in capsys.readouterr().err
