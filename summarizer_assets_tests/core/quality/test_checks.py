"""The judgements behind the checks, on frames; the invariant as a property."""

from collections import Counter

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.buckets import bucket_of
from summarizer_assets.core.quality.checks import (
    Current,
    FailureShare,
    OnePlace,
    OneRow,
    columns_verdict,
    current_after_a_run,
    within_the_limit,
)
from summarizer_assets.core.quality.verdict import Offenders, all_of

PLACES = st.sets(st.sampled_from(["authors", "summaries", "failures"]), min_size=1)


def ids(*values: str | None) -> pl.Series:
    return pl.Series("author_id", values, dtype=pl.String)


def hashes(**values: str) -> pl.DataFrame:
    return pl.DataFrame({"author_id": list(values), "content_hash": list(values.values())}, schema_overrides=HASHES)


HASHES = {"author_id": pl.String, "content_hash": pl.String}


def failures(**reasons: str) -> pl.DataFrame:
    """One failure an author, after one attempt; of a skipped one after none."""
    attempts = [0 if reason == "no_papers" else 1 for reason in reasons.values()]
    return pl.DataFrame({"author_id": list(reasons), "reason": list(reasons.values()), "attempts": attempts})


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from([str(number) for number in range(40)]), PLACES), st.booleans())
def test_the_invariant_fails_exactly_when_an_author_is_in_two_places_or_in_none_that_is_known(mixture, keep_removed):
    def in_place(place):
        return ids(*(author for author, places in mixture.items() if place in places))

    judge = OnePlace(1, keep_removed=keep_removed)
    judge.add("0000", in_place("authors"), in_place("summaries"), in_place("failures"))
    verdict, facts = judge.verdict(), judge.verdict().facts
    twice = {author for author, places in mixture.items() if {"summaries", "failures"} <= places}
    unknown = {author for author, places in mixture.items() if "authors" not in places}
    assert verdict.holds == (not twice and (keep_removed or not unknown))
    assert verdict.wrong == bool(twice)
    assert facts["authors"] == facts["summaries"] + facts["failed"] + facts["pending"]
    assert facts["in_two_places"] == len(twice)


def test_an_author_in_two_places_is_named_with_the_bucket_and_what_to_do():
    judge = OnePlace(1)
    judge.add("0000", ids("1", "2"), ids("1", "2"), ids("2"))
    assert "bucket 0000: 2)" in judge.verdict().text
    assert "Materialise the bucket" in judge.verdict().text


def test_an_author_in_a_bucket_of_somebody_else_is_found():
    mine, other = bucket_of("7", 2), "0001" if bucket_of("7", 2) == "0000" else "0000"
    for bucket, holds in ((mine, True), (other, False)):
        judge = OnePlace(2)
        judge.add(bucket, ids("7"), ids(), ids())
        assert judge.verdict().holds is holds
        assert judge.verdict().wrong is not holds


def test_an_author_with_two_rows_is_found_and_a_row_without_an_id():
    judge = OneRow("failed_authors")
    judge.add("0001", ids("a", "b", "a", "a"))
    judge.add("0002", ids("a", None))
    verdict = judge.verdict()
    assert not verdict.holds
    assert verdict.wrong
    assert "1 author with more than one row (bucket 0001: a)" in verdict.text
    assert "1 row without an author id" in verdict.text
    assert verdict.facts == {"rows": 6, "authors_doubled": 1}


def test_outdated_and_pending_authors_are_told_apart_and_nobody_is_wrong():
    judge = Current()
    judge.add("0000", hashes(a="1", b="2", c="3", d="4"), hashes(a="1", b="old", gone="9"), ids("c"))
    verdict = judge.verdict()
    assert verdict.facts == {"authors": 4, "current": 1, "outdated": 1, "pending": 1}
    assert (verdict.holds, verdict.wrong) == (False, False)
    assert "an older record (bucket 0000: b)" in verdict.text
    assert "not asked yet (bucket 0000: d)" in verdict.text


def test_after_a_run_the_pending_are_told_with_the_cause():
    assert current_after_a_run(10, 0, 0).holds
    assert current_after_a_run(10, 4, 4).holds
    assert "1 author without" in current_after_a_run(10, 5, 4).text


def test_the_rest_of_a_pilot_is_told_and_is_no_error():
    assert within_the_limit(0, None).holds
    assert within_the_limit(0, 50).holds
    rest = within_the_limit(4, 6)
    assert not rest.holds
    assert not rest.wrong
    assert "4 authors" in rest.text
    assert "SUMMARIZER_LIMIT=6" in rest.text
    assert "stopped" in current_after_a_run(10, 4, 0).text


def test_the_share_of_failures_counts_those_who_were_asked():
    judge = FailureShare(0.1)
    judge.add(9, failures(a="refusal", b="no_papers", c="no_papers"))
    assert judge.verdict().holds
    judge.add(0, failures(d="bad_json", e="refusal"))
    verdict = judge.verdict()
    assert verdict.facts == {"asked": 12, "failed": 3, "failure_share": 0.25}
    assert not verdict.holds
    assert "2 refusal, 1 bad\\_json" in verdict.text
    assert FailureShare(0.0).verdict().holds


def test_columns_that_are_wrong_are_named_by_table():
    assert columns_verdict({"authors": ()}).holds
    verdict = columns_verdict({"authors": ("x is not ours",), "failed_authors": ()})
    assert "`authors`: x is not ours" in verdict.text
    assert "failed_authors" not in verdict.text


def test_a_few_are_named_of_many_and_an_id_is_never_markup():
    offenders = Offenders()
    offenders.add("0000", [f"{number:02d}" for number in range(90)])
    offenders.add("0001", ["late"])
    assert str(offenders) == "bucket 0000: 00, 01, 02, 03, 04 and 86 more"
    assert offenders.buckets == ["0000", "0001"]
    hostile = Offenders()
    hostile.add("0000", ["<b>![x](y)", "a\n# b", "z" * 500, ""])
    assert r"\<b\>\!\[x\]\(y\)" in str(hostile)
    assert "\n" not in str(hostile)
    assert len(str(hostile)) < 200


def test_of_several_verdicts_only_the_broken_are_told_and_the_numbers_are_summed():
    good, bad = OneRow("authors"), OneRow("failed_authors")
    good.add("0000", ids("a"))
    bad.add("0000", ids("b", "b"))
    both = all_of([good.verdict(), bad.verdict()])
    assert (both.holds, both.wrong) == (False, True)
    assert "authors`: 1 row" not in both.text
    assert both.facts == Counter(rows=3, authors_doubled=1)
