"""Each author is in one place, whatever the tables hold, and the numbers of parts are those of the whole."""

from collections import Counter

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.authors.coverage import Coverage, coverage_by_bucket
from summarizer_assets.core.authors.state import FAILED, PENDING, SUMMARY, author_state

KEYS = ["0000", "0001", "0002"]
_PEOPLE = [f"p{number}" for number in range(9)]
_IDS = {"author_id": pl.String, "bucket": pl.String}
_HASHED = {**_IDS, "content_hash": pl.String}


def bucket_of(author: str) -> str:
    return KEYS[int(author[1:]) % 3]


def frame(rows: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame([(author, bucket_of(author), text) for author, text in rows], schema=_HASHED, orient="row")


def oracle(authors: dict[str, str], summaries: list[tuple[str, str]], failed: set[str]) -> dict[str, str]:
    """Where each author is, said without frames."""
    where = {}
    for author, content in authors.items():
        if (author, content) in summaries:
            where[author] = SUMMARY
        else:
            where[author] = FAILED if author in failed else PENDING
    return where


_hash = st.sampled_from(["old", "new"])
_rows = st.lists(st.tuples(st.sampled_from(_PEOPLE), _hash), max_size=14)


@settings(max_examples=30)
@given(st.dictionaries(st.sampled_from(_PEOPLE), _hash), _rows, st.lists(st.sampled_from(_PEOPLE), max_size=12))
def test_authors_are_summaries_and_failed_and_pending_in_every_mixture(authors, summaries, failed):
    people, rows = frame(list(authors.items())), frame(summaries)
    failures = frame([(author, "") for author in failed]).drop("content_hash")  # each counts, whatever its content
    found = author_state(people, rows, failures)
    where = oracle(authors, summaries, set(failed))
    assert dict(found.select("author_id", "state").iter_rows()) == where
    held = {author for author, _ in summaries}
    outdated = {author for author, place in where.items() if place == PENDING and author in held}
    assert set(found.filter(pl.col("outdated") & (pl.col("state") == PENDING))["author_id"]) == outdated

    whole = coverage_by_bucket(found, rows, failures, KEYS)
    assert list(whole) == KEYS
    total = sum(whole.values(), start=Coverage())
    assert all(some.authors == some.summaries + some.failed + some.pending for some in (*whole.values(), total))
    places = Counter(where.values())
    assert (total.authors, total.summaries, total.failed) == (len(authors), places[SUMMARY], places[FAILED])
    assert (total.pending, total.outdated) == (places[PENDING], len(outdated))
    assert total.vanished == len(held - authors.keys())
    assert total.vanished_failures == len(set(failed) - authors.keys())
    for key in KEYS:
        mine = pl.col("bucket") == key
        part = author_state(people.filter(mine), rows.filter(mine), failures.filter(mine))
        assert coverage_by_bucket(part, rows.filter(mine), failures.filter(mine), [key]) == {key: whole[key]}


@settings(max_examples=15)
@given(st.sets(st.sampled_from(_PEOPLE)), _rows)
def test_without_comparing_every_summary_counts(authors, summaries):
    people = frame([(author, "") for author in authors]).drop("content_hash")
    found = author_state(people, frame(summaries), frame([]))
    assert set(found.filter(state=SUMMARY)["author_id"]) == authors & {author for author, _ in summaries}
    assert not found["outdated"].any()


def test_a_bucket_is_complete_when_of_each_of_its_authors_it_is_known_what_became_of_them():
    assert Coverage(authors=3, summaries=2, failed=1).complete
    assert Coverage(authors=3, failed=3).complete
    assert not Coverage(authors=3, summaries=2, pending=1).complete
    assert not Coverage().complete
    assert not Coverage(vanished=2).complete
