"""Two installations with different prompts on one root: the attempts of both end, and both see the same authors."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from summarizer_assets.core import records
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.storage.delta.changes import Overwrite
from summarizer_assets_tests.bucket_run.house import AUTHORS, BUCKET, House, housed
from summarizer_assets_tests.ticking import Ticking

REFUSED = ("3", "7")


def all_due(house: House) -> None:
    """As if a day had passed since each attempt, of whichever prompt."""
    past = datetime.now(UTC) - timedelta(days=1)
    failures = house.frame("failures")
    due = failures.with_columns(
        next_retry_at=pl.when(pl.col("next_retry_at").is_not_null()).then(
            pl.lit(past, records.FAILURES["next_retry_at"])
        )
    )
    table = house.summarizer.tables.failures
    if not failures.is_empty():
        table.writer(BUCKET, table.fence(BUCKET, table.open())).apply(Overwrite(BUCKET, due))
    with house.summarizer.database.begin() as connection:
        connection.exec_driver_sql("UPDATE tried_before SET next_retry_at = 1 WHERE next_retry_at IS NOT NULL")


@pytest.mark.parametrize("most", [1, 3])
def test_installations_that_alternate_end_their_attempts_and_their_sensors_rest(tmp_path: Path, most: int) -> None:
    with housed(tmp_path, max_attempts=most, group_size=10) as house:
        house.ingest()
        house.app.use(Plan(rules=(Rule("refusal", authors=REFUSED),)))
        both = [house, house.with_settings(words=40)]
        asked = [0] * 12
        for turn in range(12):
            one = both[turn % 2]
            asked[turn] = max(one.asked_by(one.work)[author] for author in REFUSED)
            all_due(one)
        # Each alone was asked once a turn; a refusal costs what one run takes to be sure of it.
        assert [bool(number) for number in asked] == [turn < 2 * most for turn in range(12)]
        assert house.frame("failures").height == len(REFUSED)
        assert house.frame("summaries").height == AUTHORS - len(REFUSED)
        for one in both:
            assert Ticking(one.installation).tick().requests == []
            assert one.asked_by(one.work) == {}


def test_a_sensor_goes_by_its_own_prompt_s_attempts_where_another_prompt_s_row_stands(tmp_path: Path) -> None:
    with housed(tmp_path, max_attempts=2, group_size=10) as house:
        house.ingest()
        house.app.use(Plan(rules=(Rule("refusal", authors=REFUSED),)))
        other = house.with_settings(words=40)
        house.work()
        all_due(house)
        house.work()  # its attempts are used up
        other.work()
        all_due(other)
        assert Ticking(house.installation).tick().requests == []
        assert Ticking(other.installation).tick().buckets == [BUCKET]


def test_who_is_answered_under_another_prompt_is_done_for_both(tmp_path: Path) -> None:
    with housed(tmp_path, max_attempts=2) as house:
        house.ingest()
        house.app.use(Plan(rules=(Rule("refusal", authors=REFUSED),)))
        other = house.with_settings(words=40)
        house.work()
        other.work()
        assert set(house.summarizer.tried.of(BUCKET)["author_id"]) == set(REFUSED)
        house.app.use(Plan())
        all_due(house)
        other.work()
        assert house.frame("failures").is_empty()
        assert house.summarizer.tried.of(BUCKET).is_empty()
        assert house.asked_by(house.work) == {}


def test_the_attempts_of_a_chosen_failure_are_counted_on(tmp_path: Path) -> None:
    with housed(tmp_path, max_attempts=1) as house:
        house.ingest()
        house.app.use(Plan(rules=(Rule("refusal", authors=REFUSED),)))
        other = house.with_settings(words=40)
        house.work()
        other.work()
        assert house.asked_by(house.work) == {}
        assert set(house.asked_by(lambda: house.work(retry_all=True))) == set(REFUSED)
        assert house.frame("failures")["attempts"].to_list() == [2, 2]
