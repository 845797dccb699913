"""Failures for people: each has a meaning, an action, and one place among due, later, used up and not retried."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.authors.failure_counts import ACTIONS, FailureStatistics, action_for, is_rule, meaning_of
from summarizer_assets.core.records import FAILURES, FailureReason
from summarizer_assets.settings import PREFIX, Settings

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def rows(*given: dict[str, object]) -> pl.DataFrame:
    plain = {"author_id": "a", "reason": "timeout", "retryable": True, "attempts": 1, "last_failed_at": NOW}
    found = [{**plain, "next_retry_at": NOW, **row} for row in given]
    return pl.DataFrame([{name: row.get(name) for name in FAILURES} for row in found], schema=FAILURES, orient="row")


def test_every_reason_has_an_action_that_names_only_settings_that_exist():
    assert set(ACTIONS) == set(FailureReason)
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for reason, action in ACTIONS.items():
        named = {word.strip(",.;:") for word in action.split() if word.startswith(PREFIX)}
        assert named <= known, reason
        assert meaning_of(reason.value) == reason.meaning
        assert action_for(reason.value) == action
        assert action.startswith("retried by itself") == reason.retryable


def test_a_reason_of_another_version_is_told_as_such():
    assert "does not know" in meaning_of("solar_flare")
    assert action_for("solar_flare") == "read the detail"
    assert not is_rule("solar_flare")


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ({}, "due"),
        ({"next_retry_at": NOW + timedelta(seconds=1)}, "waiting"),
        ({"attempts": 5}, "exhausted"),
        ({"next_retry_at": None}, "exhausted"),  # its last attempt was the last one when it was made
        ({"retryable": False}, "final"),
    ],
)
def test_a_failure_is_in_one_place(row, place):
    found = FailureStatistics(NOW, max_attempts=5)
    found.add(rows(row))
    total = found.total
    assert {name for name in ("due", "waiting", "exhausted", "final") if getattr(total, name)} == {place}


_row = st.fixed_dictionaries(
    {
        "reason": st.sampled_from(["timeout", "rejected", "solar_flare"]),
        "retryable": st.booleans(),
        "attempts": st.integers(0, 7),
        "next_retry_at": st.none() | st.integers(-9, 9).map(lambda minutes: NOW + timedelta(minutes=minutes)),
        "last_failed_at": st.integers(0, 9).map(lambda minutes: NOW - timedelta(minutes=minutes)),
    }
)


@settings(max_examples=20)
@given(st.lists(_row, max_size=12), st.integers(0, 12))
def test_the_places_add_up_whole_and_in_parts(given_rows, cut):
    numbered = [{**row, "detail": f"{row['last_failed_at']:%H:%M}"} for row in given_rows]
    found = FailureStatistics(NOW, 5)
    found.add(rows(*numbered[:cut]))
    found.add(rows(*numbered[cut:]))
    for reason, some in found.by_reason.items():
        assert some.authors == some.due + some.waiting + some.exhausted + some.final
        mine = [row for row in numbered if row["reason"] == reason]
        assert some.authors == len(mine)
        assert some.example == max((row["last_failed_at"], row["detail"]) for row in mine)[1]
    assert found.total.authors == len(numbered)
