from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.batches.lines import custom_id, file_name, is_made_with, key_of, mark_of_file, parts_of
from summarizer_assets.core.batches.states import RemoteJob
from summarizer_assets.core.batches.suspects import mark_of_request, suspects

KEY, ROOT, MEANT = "0123456789abcdef", "fedcba9876543210", 10_000.0
marks = st.from_regex(r"[0-9a-f]{16}", fullmatch=True)


def job(job_id: str, created_at: float = MEANT, requests: int | None = 3) -> RemoteJob:
    return RemoteJob(job_id, None, created_at, requests=requests)


def test_only_a_job_of_that_time_and_size_that_is_no_other_may_be_the_one_that_nobody_heard_of():
    listed = [
        job("same"),
        job("unsized", requests=None),
        job("by a clock behind ours", MEANT - 300),
        job("answered late", MEANT + 900),
        job("before", MEANT - 301),
        job("after", MEANT + 901),
        job("smaller", requests=2),
        job("another of ours"),
    ]
    found = suspects(MEANT, 3, listed, {"another of ours"})
    assert [one.id for one in found] == ["same", "unsized", "by a clock behind ours", "answered late"]


@given(marks, st.integers(0, 999_999_999), marks)
def test_the_id_of_a_request_tells_its_job_and_its_tables_and_is_one_that_anthropic_takes(key, number, root):
    made = custom_id(key, number, root)
    assert parts_of(made) == (key, number, root)
    assert len(made) <= 64
    assert is_made_with(mark_of_request(made), key)
    assert key_of(mark_of_request(made), root) == key


@given(marks, marks, marks)
def test_the_name_of_a_file_tells_its_job_and_its_tables(key, digest, root):
    assert key_of(mark_of_file(file_name(key, digest, root)), root) == key
    assert key_of(mark_of_file(f"x{file_name(key, digest, root)}"), root) is None


@given(st.one_of(st.none(), st.text(), st.just(custom_id(KEY, 1))))
def test_the_id_of_somebody_else_s_request_tells_no_tables_of_ours(text):
    assert key_of(mark_of_request(text), ROOT) is None
