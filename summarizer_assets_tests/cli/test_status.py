"""What `summarizer status` says of money and of rows of the source."""

from summarizer_assets.cli.status import status_data, status_text
from summarizer_assets.overview.facts import BucketNow, Overview

ONE = [BucketNow("0000", 10, 9, 1, 0)]
CENT = 10_000_000  # nano-dollars


def test_wasted_money_and_rejected_rows_are_told() -> None:
    now = Overview("data", ONE, spent=3 * CENT, wasted=CENT, uncertain=2 * CENT, budget=5 * CENT, rejected_rows=1)
    text = status_text(now)
    assert "$0.03  of a budget of $0.05, $0.01 of it for no summary, $0.02 more perhaps" in text
    assert "1  source rows that became no author" in text
    assert (status_data(now)["wasted_usd"], status_data(now)["rejected_rows"]) == (0.01, 1)


def test_nothing_is_said_of_what_did_not_happen() -> None:
    text = status_text(Overview("data", ONE, spent=3 * CENT, budget=5 * CENT))
    assert "of a budget of $0.05\n" in text
    assert "rejected" not in text
