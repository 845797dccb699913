import re

from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.grounding import _has_stem
from summarizer_assets.core.words import fold, numbers_of, stem, words_of

WORDS = st.lists(st.text("abdeginotuys", min_size=1, max_size=9), max_size=12)


@given(st.text(st.sampled_from("0159.,; x-é٣\n")))
def test_numbers_are_runs_of_digits_with_points_and_commas_inside(text):
    assert numbers_of(text) == re.findall(r"\d+(?:[.,]\d+)*", text)


@given(WORDS, st.text("abdeginotuys", min_size=1, max_size=9))
def test_a_stem_is_found_by_its_letters_as_among_all_stems(words, word):
    assert _has_stem(f" {' '.join(words)} ", stem(word)) is (stem(word) in set(map(stem, words)))


@given(st.text())
def test_words_hold_no_separator_and_folding_is_final(text):
    plain = fold(text)
    assert fold(plain) == plain
    assert all(word == "".join(word.split()) for word in words_of(plain))


def test_typographic_marks_fold_to_typed_ones_wherever_the_last_of_them_stands():
    assert fold("“a” – ‘b’ — c…") == "\"a\" - 'b' - c..."  # noqa: RUF001 - they are the point
    assert fold("“São” Łódź…") == '"Sao" Lodz...'
