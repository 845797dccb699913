"""The one thing to do next: there is always one, its command exists, and what is urgent comes first."""

from datetime import UTC, datetime

from click.shell_completion import split_arg_string
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.cli.app import SECTIONS
from summarizer_assets.core.authors.failure_counts import Failures
from summarizer_assets.core.batches.states import JobState
from summarizer_assets.core.batches.waiting import Waiting
from summarizer_assets.core.records import FailureReason
from summarizer_assets.overview.facts import BucketNow, Overview
from summarizer_assets.overview.next_command import next_command

COMMANDS = {name for section in SECTIONS.values() for name in section}
NUMBERS = st.integers(0, 3)
LIVE = [state for state in JobState if state.live]


@st.composite
def overviews(draw: st.DrawFn) -> Overview:
    buckets = []
    for number in range(draw(NUMBERS)):
        summaries, failed, pending = draw(NUMBERS), draw(NUMBERS), draw(NUMBERS)
        counts = (summaries + failed + pending, summaries, failed, pending)
        parked = draw(st.sampled_from(["", "parked"]))
        jobs = Waiting(1, 1, draw(st.integers(1, 3)), states=frozenset({draw(st.sampled_from(LIVE))}))
        waiting = draw(st.sampled_from([Waiting(), jobs]))
        buckets.append(
            BucketNow(f"{number:04d}", *counts, at_work=draw(st.booleans()), parked=parked, in_batch=waiting)
        )
    failures = {}
    for reason in draw(st.lists(st.sampled_from(FailureReason), max_size=2, unique=True)):
        due, waiting, exhausted, final = (draw(NUMBERS) for _ in range(4))
        failures[str(reason)] = Failures(due + waiting + exhausted + final, due, waiting, exhausted, final)
    return Overview(
        root="data",
        buckets=buckets,
        failures=failures,
        next_retry_at=draw(st.sampled_from([None, datetime(2026, 11, 29, tzinfo=UTC)])),
        stopped=draw(
            st.sampled_from([(), [("auth", ["0000"], "correct the key")], [("budget", ["0000"], "raise it")]])
        ),
        spent=draw(NUMBERS),
        budget=draw(st.sampled_from([None, 0, 2])),
        limit=draw(st.sampled_from([None, 1, 5])),
    )


@given(overviews())
def test_there_is_always_one_and_its_command_exists(now: Overview) -> None:
    step = next_command(now)
    assert step.what
    assert step.line.startswith(step.what)
    for command in step.command.split(", and "):
        program, name, *_ = split_arg_string(command)
        assert program == "summarizer"
        assert name in COMMANDS


@given(overviews())
def test_all_is_done_only_where_nothing_is_left(now: Overview) -> None:
    if next_command(now).what == "All is done":
        assert now.coverage.authors
        assert not now.coverage.pending
        assert not now.in_batch.jobs
        assert not now.at_work
        assert not now.stopped
        assert not any(some.due for some in now.failures.values())
        assert now.next_retry_at is None


def test_a_pilot_that_is_through_is_not_run_again_as_it_is() -> None:
    now = Overview(root="data", buckets=[BucketNow("0000", 100, 50, 0, 50)], limit=50)
    assert "without a limit" in next_command(now).what


def test_a_used_up_budget_comes_before_what_is_pending() -> None:
    now = Overview(root="data", buckets=[BucketNow("0000", 10, 5, 0, 5)], spent=2, budget=2)
    assert "raise SUMMARIZER_BUDGET_USD" in next_command(now).what
