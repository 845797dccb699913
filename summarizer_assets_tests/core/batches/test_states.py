import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.batches.lines import metadata_of
from summarizer_assets.core.batches.states import (
    Found,
    JobState,
    Next,
    RemoteJob,
    RemoteStatus,
    after_look,
    is_gone,
    may_have_run,
    search,
    validates_since,
)

KEY, FILE, MEANT = "0123456789abcdef", "file-1", 10_000.0
S = RemoteStatus


def job(status: RemoteStatus | None = S.COMPLETED, **fields: object) -> RemoteJob:
    return RemoteJob("batch_1", status, MEANT, **fields)  # type: ignore[arg-type] # fields of one job


@pytest.mark.parametrize(
    ("mine", "absent_at", "now", "expected"),
    [
        ([job(metadata=metadata_of(KEY, "d", "r"))], None, MEANT, Found.MADE),
        ([job(input_file_id=FILE)], MEANT, MEANT + 9_999, Found.MADE),
        ([], None, MEANT + 9_999, Found.ABSENT),
        ([], MEANT + 1, MEANT + 900, Found.ABSENT),
        ([], MEANT + 1, MEANT + 901, Found.NEVER_MADE),
        ([], MEANT - 9_999, MEANT + 1, Found.ABSENT),  # by a list from before it was meant to be made
        ([job(input_file_id=FILE)] * 2, None, MEANT, Found.SEVERAL),
    ],
)
def test_a_job_was_made_if_a_list_shows_it_and_never_only_if_two_lists_apart_do_not(mine, absent_at, now, expected):
    listed = [job(metadata=metadata_of("f" * 16, "d", "r"), input_file_id="file-2"), *mine]
    found, made = search(KEY, FILE, MEANT, listed, now=now, absent_at=absent_at)
    assert found is expected
    assert (made is not None) == (found is Found.MADE)


@pytest.mark.parametrize(
    ("seen", "waited_s", "expected"),
    [
        (job(S.VALIDATING), None, Next.WAIT),
        (job(S.IN_PROGRESS), None, Next.WAIT),
        (job(S.FINALIZING), None, Next.WAIT),
        (job(S.CANCELLING), None, Next.WAIT),
        (job(None), None, Next.WAIT),
        (job(S.FAILED, errors=(("invalid_json_line", ""),)), None, Next.FAILED),
        (job(S.FAILED, errors=(("token_limit_exceeded", ""),)), None, Next.AGAIN),
        (job(S.COMPLETED, completed=3, output_file_id="o"), None, Next.COLLECT),
        (job(S.COMPLETED, completed=0, error_file_id="e"), None, Next.COLLECT),
        (job(S.COMPLETED, completed=3, error_file_id="e"), None, Next.WAIT),
        (job(S.COMPLETED, completed=3, error_file_id="e"), 3_600, Next.COLLECT),
        (job(S.COMPLETED, completed=3), 3_599, Next.WAIT),
        (job(S.COMPLETED, completed=3), 3_600, Next.LOST),
        (job(S.COMPLETED, completed=0), 3_599, Next.WAIT),
        (job(S.COMPLETED, completed=0), 3_600, Next.LOST),
        (job(S.EXPIRED, completed=2, output_file_id="o", error_file_id="e"), None, Next.COLLECT),
        (job(S.EXPIRED, completed=0, error_file_id="e"), None, Next.COLLECT),
        (job(S.CANCELLED, completed=0), None, Next.COLLECT),
        (job(S.CANCELLED), 3_600, Next.LOST),
    ],
)
def test_a_job_that_ended_is_collected_as_soon_as_its_files_show(seen, waited_s, expected):
    ended_at = None if waited_s is None else MEANT - waited_s
    assert after_look(seen, now=MEANT, ended_at=ended_at) is expected


@given(st.integers(0, 100), st.integers(0, 100), st.none() | st.integers(0, 200))
def test_no_more_may_have_run_than_are_missing_and_all_if_nobody_counted(missing, answered, completed):
    ran = may_have_run(missing, answered, completed)
    assert 0 <= ran <= missing
    if completed is None:
        assert ran == missing
    elif completed <= answered:
        assert ran == 0


def test_what_is_missing_is_gone_after_hours_and_not_before():
    assert not is_gone(None, MEANT)
    assert not is_gone(MEANT, MEANT + 21_599)
    assert is_gone(MEANT, MEANT + 21_600)


def test_the_authors_of_a_job_wait_for_it_until_it_ends_for_good():
    assert {state for state in JobState if not state.live} == {JobState.COLLECTED, JobState.FAILED, JobState.LOST}


@pytest.mark.parametrize(
    ("status", "checked_at", "now", "told"),
    [
        (S.VALIDATING, None, MEANT + 7_199, False),
        (S.VALIDATING, None, MEANT + 7_200, True),
        (S.VALIDATING, MEANT + 7_100, MEANT + 7_300, True),
        (S.VALIDATING, MEANT + 7_200, MEANT + 7_300, False),  # the look before has told
        (S.IN_PROGRESS, MEANT + 7_100, MEANT + 7_300, False),
    ],
)
def test_a_file_that_is_checked_for_hours_is_told_once(status, checked_at, now, told):
    assert validates_since(MEANT, checked_at, job(status), now) == (MEANT if told else None)
