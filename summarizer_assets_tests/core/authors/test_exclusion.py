"""The list of people never to be sent: every line is an id, and one that only nearly is one is seen."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.authors.exclusion import exclusion_verdict, lines_of, named, nearly_named

NEARLY = {
    "1001": ['"1001"', "'1001'", "1001,", "1001;", "1001.0", "1001.", "1.001e3", "1,001", "1.001", "1 001", "1'001",
             "1_001", "01001", "1001,Jane Doe", "1001\tJane", "1001;Jane", "1001 # left in May", "1001|x",
             "https://example.org/people/1001", "\u201c1001\u201d", "\uff11\uff10\uff10\uff11", "`1001`"],
    "A5": ["a5", "https://openalex.org/A5", '"A5"', "A5,x", "https://openalex.org/A5/"],
    "0000-0001-2345-678X": ["0000-0001-2345-678x", "https://orcid.org/0000-0001-2345-678X"],
    "0042": ["42", '"0042"', "0042.0"],
    "\u00e9lan": ["\u00c9LAN", "e\u0301lan"],
}  # fmt: skip


@pytest.mark.parametrize(("author", "line"), [(author, line) for author, lines in NEARLY.items() for line in lines])
def test_a_line_that_nearly_names_an_author_is_seen(author: str, line: str) -> None:
    ids = pl.Series([author, "77", "other"])
    assert nearly_named(ids, lines_of(f"# who opted out\n{line}\n")) == {author: line}


@pytest.mark.parametrize(
    ("author", "line"),
    [
        ("1001", "1001"),
        ("1001", "10010"),
        ("1001", "11001"),
        ("1001", "100"),
        ("1001", "# 1001"),
        ("1001", "#1001"),
        ("1001", "1001.5"),
        ("1001", "1e9999"),
        ("1001", ","),
        ("1001", "x1001"),
        ("A5", "A55"),
        ("#5", "#5"),
        ("a,b", "a,b"),
    ],
)
def test_a_line_that_names_the_author_or_somebody_else_is_left_alone(author: str, line: str) -> None:
    assert nearly_named(pl.Series([author]), lines_of(line)) == {}


@pytest.mark.parametrize("text", ["#5", "# no comment, an id", "#", "\ufeff5".removeprefix("\ufeff"), "a b", "5#"])
def test_any_text_may_be_an_id_one_that_looks_like_a_comment_too(text: str) -> None:
    assert lines_of(f"first\n {text} \n") == {"first": 1, text: 2}


def test_comments_and_blank_lines_are_no_listed_people_and_a_line_twice_is_one() -> None:
    lines = lines_of("# who\n\n5\n 5\r\n  # more\n#6\n")
    assert named(lines) == ["5"]
    assert lines["5"] == 3


IDS = st.lists(st.text("0123456789Aa-", min_size=1, max_size=8), min_size=1, max_size=20, unique=True)


@given(IDS, st.data())
def test_whoever_is_listed_as_he_is_written_is_never_taken_for_another(ids: list[str], data: st.DataObject) -> None:
    listed = data.draw(st.lists(st.sampled_from(ids), unique=True))
    near = nearly_named(pl.Series(ids), lines_of("\n".join(listed)))
    assert not near.keys() & set(listed)
    for author, line in near.items():
        assert author.casefold().lstrip("0") == line.casefold().lstrip("0")


@pytest.mark.parametrize(
    ("listed", "known", "holds"), [(0, 0, True), (5, 1, True), (5, 5, True), (1, 0, False), (1000, 0, False)]
)
def test_a_list_that_matches_nobody_is_told(listed: int, known: int, holds: bool) -> None:
    verdict = exclusion_verdict(listed, known)
    assert verdict.holds == holds
    assert not verdict.wrong
    assert ("none is an author's" in verdict.text) == (not holds)
