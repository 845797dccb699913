"""What may be said of a bucket by its rows alone."""

from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.coverage import Coverage
from summarizer_assets.core.lost_history import parts, settled


def test_a_bucket_is_done_when_of_each_of_its_authors_it_is_known_what_became_of_them():
    assert settled(Coverage(authors=3, summaries=2, failed=1))
    assert settled(Coverage(authors=3, failed=3))
    assert not settled(Coverage(authors=3, summaries=2, pending=1))
    assert not settled(Coverage())
    assert not settled(Coverage(vanished=2))


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 60))
def test_parts_hold_every_bucket_once_in_order_and_no_more_rows_than_allowed(numbers, most):
    rows = {f"{place:04}": number for place, number in enumerate(numbers)}
    found = list(parts(rows, list(rows), most))
    assert [bucket for part in found for bucket in part] == list(rows)
    assert all(len(part) == 1 or sum(rows[bucket] for bucket in part) <= most for part in found)
    assert all(found)
