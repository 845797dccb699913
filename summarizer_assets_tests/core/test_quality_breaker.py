"""The brake's decision over courses of answers: what it promises, at any size of a group."""

import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.quality_breaker import Course, InOrder, Trust, fingerprint

FEWEST, MOST, OF_ONE_REPLY = 24, 100, 8
#: Accepted and refused answers of a reply; none of both: it said nothing of the authors of a group.
Reply = tuple[int, int]
replies = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=150)
sizes = st.integers(1, 1000)


def judged(course: Course, given: Iterable[Reply]) -> tuple[Course, int | None]:
    """The course after the replies, or after the one that ends the run; and which that was."""
    for number, (accepted, refused) in enumerate(given, 1):
        course = course.after(accepted, refused)
        if course.hopeless:
            return course, number
    return course, None


def poorest(given: Sequence[Reply]) -> float:
    """The least share accepted in any stretch that ends with the last reply and has enough refused."""
    shares = [1.0]
    accepted = refused = 0
    for good, bad in reversed(given):
        accepted, refused = accepted + good, refused + bad
        if refused >= FEWEST:
            shares.append(accepted / (accepted + refused))
    return min(shares)


@settings(max_examples=300)
@given(replies)
def test_a_run_ends_only_after_a_stretch_of_answers_of_which_less_than_a_tenth_was_accepted(given):
    _, ended = judged(Course(), given)
    if ended is not None:
        assert poorest(given[:ended]) < 0.1


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 9)), max_size=100))
def test_a_run_of_which_each_reply_has_a_good_answer_among_ten_never_ends(given):
    assert judged(Course(), given)[1] is None


@given(sizes)
def test_a_hopeless_model_is_seen_within_two_dozen_authors_or_three_replies(size):
    course, ended = judged(Course(), [(0, size)] * FEWEST)
    assert ended == max(3, -(-FEWEST // min(size, OF_ONE_REPLY)))
    assert course.judged <= max(FEWEST, 3 * size) + size


@settings(max_examples=200)
@given(replies, sizes)
def test_whatever_was_before_a_model_that_turns_hopeless_is_seen_within_a_hundred_refusals(before, size):
    course, ended = judged(Course(), before)
    if ended is None:
        _, ended = judged(course, [(0, size)] * MOST)
        assert ended is not None
        assert (ended - 1) * min(size, OF_ONE_REPLY) < MOST


@given(sizes)
def test_a_model_that_was_good_and_turns_hopeless_is_seen_nearly_as_soon_as_one_that_never_was(size):
    course, _ = judged(Course(), [(20, 0)] * 50)
    _, ended = judged(course, [(0, size)] * FEWEST)
    assert ended is not None
    assert ended <= max(4, -(-FEWEST // min(size, OF_ONE_REPLY)))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.95])
@pytest.mark.parametrize("size", [1, 20])
def test_a_model_of_which_three_answers_of_ten_are_good_is_never_stopped_by_chance(share, size):
    chance = random.Random(1)
    for _ in range(20):
        good = [sum(chance.random() < share for _ in range(size)) for _ in range(10_000 // size)]
        assert judged(Course(), [(accepted, size - accepted) for accepted in good])[1] is None


def test_a_model_that_is_right_once_in_forty_is_stopped():
    chance = random.Random(2)
    given = [(1, 0) if chance.random() < 1 / 40 else (0, 1) for _ in range(2000)]
    assert judged(Course(), given)[1] is not None


@given(st.integers(0, 2000))
def test_replies_that_say_nothing_of_anyone_end_no_run_but_make_it_ask_little_and_some_alone(number):
    course, ended = judged(Course(), [(0, 0)] * number)
    assert ended is None
    assert course.doubtful == (number >= 6)
    assert course.alone(20, 0) == (12 if course.doubtful else 0)
    assert course.alone(20, 10) == (2 if course.doubtful else 0)
    assert course.alone(1, 0) == 0
    assert course.in_flight == (4 if course.doubtful else 12)
    assert course.after(1, 0).in_flight is None


def test_after_a_good_start_it_takes_longer_to_doubt():
    course, _ = judged(Course(), [(20, 0), *[(0, 0)] * 7])
    assert not course.doubtful
    assert course.after(0, 0).doubtful


@given(st.permutations(range(1, 13)), st.sets(st.integers(1, 12)))
def test_what_is_heard_of_requests_is_looked_at_in_their_order(arrival, without_reply):
    replies: InOrder[str] = InOrder()
    seen = []
    for number in arrival:
        told = [] if number in without_reply else [f"reply {number}"]
        seen += list(replies.heard(number, *told))
    assert seen == [(number, f"reply {number}") for number in range(1, 13) if number not in without_reply]
    assert list(replies.heard(3, "its retry")) == [(3, "its retry")]


def test_a_request_that_never_ends_does_not_keep_the_others_from_being_looked_at():
    replies: InOrder[int] = InOrder()
    seen = [one for number in range(2, 500) for one in replies.heard(number, number)]
    assert seen == [(number, number) for number in range(2, 500)]


def test_a_model_that_brought_nothing_a_while_ago_is_asked_for_two_authors_first():
    course = Course(Trust.DISTRUSTED)
    assert (course.in_flight, course.alone(20, 0), course.alone(20, 2)) == (2, 2, 0)
    assert not course.after(0, 1).hopeless
    assert course.after(0, 1).after(0, 1).hopeless
    assert course.after(1, 0).in_flight is None


def test_a_model_that_brought_summaries_before_is_asked_for_all_at_once():
    assert Course(Trust.PROVEN).in_flight is None
    assert Course().in_flight == 12


@pytest.mark.parametrize(
    ("trust", "accepted", "refused", "hopeless"),
    [
        (Trust.UNTRIED, 0, 3, False),
        (Trust.UNTRIED, 0, 4, True),
        (Trust.UNTRIED, 1, 7, False),
        (Trust.PROVEN, 0, 7, False),  # it works for others: these authors may be the cause
        (Trust.DISTRUSTED, 0, 1, False),
        (Trust.DISTRUSTED, 0, 2, True),
        (Trust.UNTRIED, 0, 0, False),
    ],
)
def test_a_small_run_that_got_nothing_is_hopeless_at_its_end(trust, accepted, refused, hopeless):
    assert Course(trust).after(accepted, refused).hopeless_at_the_end is hopeless


def test_another_fact_is_another_fingerprint():
    assert fingerprint(("prompt", "model", 20)) == fingerprint(("prompt", "model", 20))
    assert len({fingerprint(facts) for facts in [("a", "b"), ("ab", ""), ("a", "b", 1), ("a", "b", True)]}) == 4
