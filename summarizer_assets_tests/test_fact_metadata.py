"""Facts become pages that show what people come for, draw no plot of nothing, and can be read back."""

import dagster as dg
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.bucket_run.failure_table import Listing
from summarizer_assets.core.authors.failure_counts import action_for
from summarizer_assets.fact_metadata import REST, from_metadata, to_metadata

NAMES = st.sampled_from(
    ["authors", "summaries", "failed", "pending", "calls", "retries", "outages", "commits", "spent_usd", "wasted_usd"]
)
NUMBERS = st.one_of(st.integers(0, 3), st.sampled_from([0.0, 0.25, 1.5]))
KEYED = st.dictionaries(st.sampled_from(["no_papers", "refusal", "UTF-8, tabs"]), st.integers(0, 3))


def as_stored(facts: dict[str, object]) -> dict[str, dg.MetadataValue[object]]:
    """As an event of Dagster keeps them."""
    return dict(dg.AssetMaterialization("author_summaries", metadata=to_metadata("author_summaries", facts)).metadata)


def drawn(stored: dict[str, dg.MetadataValue[object]]) -> dict[str, object]:
    """What Dagster draws a plot of."""
    numbers = (dg.IntMetadataValue, dg.FloatMetadataValue)
    return {name: value.value for name, value in stored.items() if isinstance(value, numbers)}


@given(st.dictionaries(NAMES, NUMBERS), KEYED)
def test_every_number_is_read_back_and_none_that_is_drawn_is_zero(facts, by_reason):
    stored = as_stored({**facts, "failures_by_reason": by_reason})
    assert all(drawn(stored).values())
    read = from_metadata(stored)
    assert {name: read.get(name, 0) for name in facts} == facts
    assert read.get("failures_by_reason", {}) == {key: number for key, number in by_reason.items() if number}


def test_the_product_comes_first_then_the_numbers_then_one_table_and_last_where_it_is():
    facts = {
        "dagster/partition_row_count": 3,
        "dagster/row_count": 0,
        "outages": 0,
        "retries": 2,
        "authors": 4,
        "failed": 0,
        "root": "/somewhere",
        "newest_summaries": "**a**: b\n\n**c**: d",
    }
    stored = as_stored(facts)
    expected = ["newest_summaries", "authors", "failed", REST, "root"]
    assert list(stored) == [*expected, "dagster/partition_row_count", "dagster/row_count"]
    assert stored["failed"] == dg.MetadataValue.text("0")
    assert isinstance(stored["newest_summaries"], dg.MarkdownMetadataValue)
    (row,) = stored[REST].records
    assert row.data == {"what": "retries", "value": 2, "meaning": "requests sent again after a passing error"}


def test_the_numbers_of_the_reasons_tell_what_to_do():
    (row,) = as_stored({"failures_by_reason": {"ungrounded": 2}})[REST].records
    assert (row.data["what"], row.data["value"]) == ("failures_by_reason: ungrounded", 2)
    assert row.data["meaning"] == action_for("ungrounded")


def test_a_page_without_a_layout_has_everything_in_the_table_but_what_needs_room():
    listing = Listing({"author": "who"}, [["a"], ["b"]])
    stored = to_metadata("things", {"calls": 7, "who": listing, "text": "one\ntwo", "nobody": {}, "word": "yes"})
    assert list(stored) == ["who", "text", REST]
    assert [record.data["what"] for record in stored[REST].records] == ["calls", "word"]
    assert [record.data for record in stored["who"].records] == [{"author": "a"}, {"author": "b"}]
