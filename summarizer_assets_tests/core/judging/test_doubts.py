"""Which summaries come first, and which of their words are marked."""

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from summarizer_assets.core.answers.text_safety import fold_layout
from summarizer_assets.core.judging.doubts import doubted_words, doubtful, most_doubtful, pieces
from summarizer_assets.core.judging.flags import Flag
from summarizer_assets.core.judging.words import fold

RECORD = (
    '#"7" Marlow-Quint, Ada B. @ Harbour Inst | 4 papers, cited 57\n'
    "Journal of Lakes | Limnology\n Ice cover of northern lakes | cited 40 @ Harbour Inst; Univ Nord"
)
FLAGS = st.lists(st.sampled_from([*map(str, Flag), "unsupported_claim", "<b>"]), max_size=4)
ROWS = st.lists(
    st.tuples(FLAGS, st.none() | st.floats(0, 1)).map(lambda row: {"flags": row[0], "support": row[1]}), max_size=20
)


def frame(rows: list[dict]) -> pl.DataFrame:
    numbered = [{"author_id": f"a{number}", **row} for number, row in enumerate(rows)]
    return pl.DataFrame(
        numbered, schema={"author_id": pl.String, "flags": pl.List(pl.String), "support": pl.Float64}, orient="row"
    )


def gravest(flags: list[str]) -> int:
    return min(flag.doubt for flag in Flag if flag.doubt is not None and flag in flags)


def test_the_gravest_flag_decides_then_the_least_support():
    rows = frame(
        [
            {"flags": ["little_support"], "support": 0.1},
            {"flags": ["unknown_name"], "support": 0.2},
            {"flags": ["unknown_number"], "support": 0.9},
            {"flags": ["unknown_name", "unknown_place"], "support": None},
            {"flags": ["unknown_institution"], "support": 0.5},
            {"flags": ["claim_about_person"], "support": 0.9},
            {"flags": ["usage_missing", "grave_claim"], "support": 0.9},
            {"flags": ["other_language"], "support": None},
            {"flags": ["usage_missing", "other_model", "unknown_id", "duplicate_id"], "support": 0.1},
            {"flags": [], "support": 0.0},
            {"flags": None, "support": 0.0},
        ]
    )
    found = doubtful(rows)
    assert most_doubtful(found, 30)["author_id"].to_list() == ["a6", "a5", "a4", "a3", "a2", "a1", "a0", "a7"]
    assert most_doubtful(found, 2)["author_id"].to_list() == ["a6", "a5"]


@settings(deadline=None, max_examples=60)
@given(ROWS, st.integers(0, 20), st.integers(1, 8))
def test_the_most_doubtful_of_the_parts_are_those_of_the_whole_in_its_order(rows, cut, number):
    found = doubtful(frame(rows))
    whole = most_doubtful(found, number)
    first, rest = doubtful(frame(rows)[:cut]), doubtful(frame(rows)[cut:])
    parts = most_doubtful(pl.concat([most_doubtful(first, number), rest]), number)
    assert parts.equals(whole)
    grave = [gravest(flags) for flags in whole["flags"]]
    assert grave == sorted(grave)
    assert found.height == sum(
        any(Flag(one).doubt is not None for one in row["flags"] if one in set(Flag)) for row in rows
    )


@pytest.mark.parametrize(
    ("said", "flag", "marked"),
    [
        (" The author was dismissed for it.", Flag.GRAVE_CLAIM, ["was dismissed"]),
        (" She won the awards of three academies.", Flag.CLAIM_ABOUT_PERSON, ["won the awards"]),
        (" Some of it was done at the Lugano Institute.", Flag.UNKNOWN_INSTITUTION, ["Lugano"]),
        (" She has worked in Belgium, and in Belgium again.", Flag.UNKNOWN_PLACE, ["Belgium", "Belgium"]),
        (" Samples came from 312 sites of 3120.", Flag.UNKNOWN_NUMBER, ["312", "3120"]),
        (" The idea goes back to Łukasiewicz and Groß.", Flag.UNKNOWN_NAME, ["Łukasiewicz", "Groß"]),
        (" The idea goes back to Alfred Wegener.", Flag.UNKNOWN_NAME, ["Alfred Wegener"]),
    ],
)
def test_the_words_in_doubt_are_marked_as_the_summary_writes_them(said, flag, marked):
    summary = "Ada B. Marlow-Quint studies ice cover of northern lakes at the Harbour Institute." + said
    words = doubted_words("Marlow-Quint, Ada B.", RECORD, summary)
    assert [piece.text for piece in pieces(summary, {flag: words[flag]}) if piece.doubted] == marked


def test_a_name_within_a_longer_word_is_not_marked():
    found = pieces("Of Lyonnaise art, and of Lyon.", {Flag.UNKNOWN_PLACE: ["Lyon"]})
    assert [(piece.text, piece.doubted) for piece in found] == [
        ("Of Lyonnaise art, and of ", False),
        ("Lyon", True),
        (".", False),
    ]


def test_a_faithful_summary_has_no_words_in_doubt():
    assert doubted_words("Marlow-Quint, Ada B.", RECORD, "Ada Marlow-Quint studies the ice cover of lakes.") == {}


TEXTS = st.lists(
    st.sampled_from(["Belgium", "was retracted", " ", ". ", "ß", "é", "e\u0301", "312", "Wegener", "<b>", "Ünal", "の"])
    | st.text(max_size=4),
    max_size=12,
).map(lambda parts: fold_layout("".join(parts)))


@settings(deadline=None, max_examples=150)
@given(TEXTS)
@example("Ünal went to Belgium. ﬁ … Wegener")
def test_pieces_give_the_summary_back_and_what_is_marked_folds_to_the_words_in_doubt(summary):
    words = doubted_words("Marlow-Quint, Ada B.", RECORD, summary)
    found = pieces(summary, words)
    assert "".join(piece.text for piece in found) == summary
    assert all(piece.text for piece in found)
    marked = [fold(piece.text) for piece in found if piece.doubted]
    for one in (word for some in words.values() for word in some):
        assert any(one in text for text in marked), one
