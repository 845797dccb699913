from datetime import UTC, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.bucket_run.journal_records import OWN, SHARED
from summarizer_assets.bucket_run.results import _Rows
from summarizer_assets.core.records import SUMMARIES
from summarizer_assets.storage.journal import Journal

NOW = datetime(2026, 11, 1, tzinfo=UTC)
COUNT = st.one_of(st.none(), st.integers(0, 5000))
ROW = st.tuples(
    st.text(max_size=5),
    st.one_of(st.none(), st.text(max_size=5)),
    st.text(max_size=9),
    st.text(max_size=4),
    COUNT,
    COUNT,
    st.one_of(st.none(), st.floats(0, 1)),
    st.one_of(st.none(), st.floats(0, 1)),
    st.lists(st.sampled_from(["unknown_number", "other_model"]), max_size=2),
)
RECORD = st.builds(
    lambda rows, request, model: {
        "rows": rows,
        "shared": {
            "bucket": "0001",
            "prompt_version": "p",
            "model": "m",
            "response_model": model,
            "request_id": request,
            "run_id": "r",
            "summarized_at": NOW,
        },
    },
    st.lists(ROW, min_size=1, max_size=4),
    st.one_of(st.none(), st.text(max_size=3)),
    st.one_of(st.none(), st.just("m-2")),
)


@given(st.lists(st.lists(RECORD, max_size=4), max_size=3))
@settings(max_examples=60)
def test_a_batch_holds_each_answer_with_what_its_request_shares(tmp_path_factory, batches):
    rows = _Rows(Journal(tmp_path_factory.mktemp("journal"), "run"))
    for records in batches:
        for record in records:
            rows.add(record)
        expected = [
            {**dict(zip(OWN, row, strict=True)), **record["shared"]} for record in records for row in record["rows"]
        ]
        assert len(rows) == len(expected)
        frame = rows.take()().frame
        assert set(OWN) | set(SHARED) == set(frame.columns)
        assert frame.equals(pl.DataFrame(expected, schema=SUMMARIES))
    assert len(rows) == 0


def test_what_comes_while_a_batch_is_made_waits_for_the_next(tmp_path):
    rows = _Rows(Journal(tmp_path, "run"))
    shared = {name: NOW if name == "summarized_at" else name for name in SHARED}
    record = {"rows": [("a", None, "text", "hash", 1, 1, None, None, [])], "shared": shared}
    rows.journal.write([record])
    rows.add(record)
    made = rows.take()
    rows.journal.write([record])
    rows.add(record)
    batch, later = made(), rows.take()()
    assert batch.frame.height == later.frame.height == 1
    assert len({*batch.segments, *later.segments}) == 2
