"""Commits take a small share of a run's time, whatever they cost; waiting for them has bounds."""

import math
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.cadence import (
    FREE_S,
    LONGEST_PAUSE_S,
    MOST_BYTES,
    MOST_ROWS,
    SHARE,
    Cadence,
    Patience,
)

BASE = Patience(8000, 30.0)
#: A pause is bounded, so what a commit may cost at that share is, too.
LONGEST_COMMIT_S = SHARE * LONGEST_PAUSE_S

seconds = st.floats(0, LONGEST_COMMIT_S)
commits = st.lists(st.tuples(seconds, st.floats(0, 100)), min_size=1, max_size=60)


def pause_after(cadence: Cadence, now: float) -> float:
    """How long the cadence asks for more than its base, to a millisecond."""
    low, high = 0.0, LONGEST_PAUSE_S * 2
    assert cadence.next(now + high) == BASE
    while high - low > 0.001:
        middle = (low + high) / 2
        low, high = (low, middle) if cadence.next(now + middle) == BASE else (middle, high)
    return high


@dataclass
class Run:
    """A run that commits as soon as it may."""

    cadence: Cadence
    now: float = 0.0
    spent: float = 0.0
    commits: int = 0

    def commit(self, cost: float, *, later: float = 0.0, writers: int = 0) -> float:
        """Commit `later` than the pause before it ends; the pause after it."""
        self.now += later
        self.cadence.committed(self.now, self.now + cost, rows=8000, size=8_000_000, writers=writers)
        self.now += cost
        self.spent += cost
        self.commits += 1
        pause = pause_after(self.cadence, self.now)
        self.now += pause
        return pause


@given(commits)
def test_commits_take_their_share_of_the_time_and_what_is_free_and_no_more(costs):
    run = Run(Cadence(BASE))
    for cost, later in costs:
        run.commit(cost, later=later)
        assert run.spent <= SHARE * run.now + FREE_S + 0.01


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e4), st.integers(0, 5000)), min_size=1, max_size=30))
def test_no_pause_is_longer_than_the_longest_whatever_commits_cost(costs):
    run = Run(Cadence(BASE))
    for cost, later, writers in costs:
        assert run.commit(cost, later=later, writers=writers) <= LONGEST_PAUSE_S + 0.01


@given(commits, seconds, seconds, st.integers(0, 400), st.integers(0, 400))
def test_a_slower_commit_or_more_writers_never_make_a_pause_shorter(before, one, other, few, many):
    def pause(cost: float, writers: int) -> float:
        run = Run(Cadence(BASE))
        for earlier, later in before:
            run.commit(earlier, later=later)
        return run.commit(cost, writers=writers)

    fast, slow = sorted((one, other))
    few, many = sorted((few, many))
    assert pause(fast, few) <= pause(slow, many) + 0.01


@given(st.integers(1, 250))
def test_all_writers_of_a_store_together_commit_once_a_second(writers):
    run = Run(Cadence(BASE))
    for _ in range(5):
        run.commit(0.05, writers=writers)
    assert writers * run.commits <= run.now + 0.01


@given(commits)
def test_a_store_that_is_fast_again_is_used_as_before_after_one_pause(costs):
    run = Run(Cadence(BASE))
    for cost, later in costs:
        run.commit(cost, later=later)
    run.now += 30
    assert run.commit(0.05) <= 0.05 / SHARE


@given(st.integers(1, 10**6), st.integers(1, 10**9), st.integers(1, 10**6))
def test_memory_bounds_the_rows_that_wait_but_never_below_what_is_asked_for(rows, size, base):
    cadence = Cadence(Patience(base, 30.0))
    cadence.committed(0, 100, rows=rows, size=size, writers=0)
    patience = cadence.next(100)
    assert patience.seconds == math.inf
    assert base <= patience.rows <= max(base, MOST_ROWS)
    assert patience.rows == base or patience.rows * size / rows <= MOST_BYTES


def test_a_short_run_commits_as_its_settings_say():
    run = Run(Cadence(BASE))
    assert max(run.commit(0.2) for _ in range(20)) < 0.01
