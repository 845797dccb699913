"""Who is shown one by one: everybody of a small table, a bounded sample of a large one with those who matter first."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.report.choice import chosen, shares

KINDS = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60)


def people(kinds: list[tuple[bool, bool]]) -> pl.DataFrame:
    rows = [(f"p{number}", failed, doubtful) for number, (failed, doubtful) in enumerate(kinds)]
    return pl.DataFrame(
        rows, schema={"author_id": pl.String, "failed": pl.Boolean, "doubtful": pl.Boolean}, orient="row"
    )


@given(sizes=st.dictionaries(st.sampled_from(["0000", "0001", "0002"]), st.integers(0, 10**8)), most=st.integers(1, 99))
def test_the_shares_are_everybody_or_at_most_so_many_and_one_more_a_bucket(sizes: dict[str, int], most: int) -> None:
    found = shares(sizes, most)
    assert found.keys() == sizes.keys()
    assert all(found[bucket] <= size for bucket, size in sizes.items())
    assert found == sizes if sum(sizes.values()) <= most else sum(found.values()) <= most + len(sizes)


@given(kinds=KINDS, share=st.integers(0, 40))
def test_nobody_twice_nobody_else_and_as_many_as_the_share_or_the_bucket_has(
    kinds: list[tuple[bool, bool]], share: int
) -> None:
    authors = people(kinds)
    ids = chosen(authors, share)["author_id"].to_list()
    assert len(ids) == len(set(ids)) == min(share, authors.height)
    assert set(ids) <= set(authors["author_id"])


@given(kinds=KINDS, share=st.integers(4, 40))
def test_failed_authors_come_first_up_to_half_then_those_in_doubt_up_to_a_quarter(
    kinds: list[tuple[bool, bool]], share: int
) -> None:
    authors = people(kinds)
    shown = authors.join(chosen(authors, share), on="author_id", how="semi")
    failed, doubtful = pl.col("failed"), pl.col("doubtful") & ~pl.col("failed")
    assert shown.filter(failed).height >= min(authors.filter(failed).height, share // 2)
    assert shown.filter(doubtful).height >= min(authors.filter(doubtful).height, share // 4)


def test_who_is_shown_today_is_shown_tomorrow_too() -> None:
    authors = people([(False, False)] * 50)
    assert chosen(authors, 10).sort("author_id").equals(chosen(authors.reverse(), 10).sort("author_id"))
