from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.judging.words import fold, words_of


@given(st.text())
def test_words_hold_no_separator_and_folding_is_final(text):
    plain = fold(text)
    assert fold(plain) == plain
    assert all(word == "".join(word.split()) for word in words_of(plain))


def test_typographic_marks_fold_to_typed_ones_wherever_the_last_of_them_stands():
    assert fold("“a” – ‘b’ — c…") == "\"a\" - 'b' - c..."  # noqa: RUF001 - they are the point
    assert fold("“São” Łódź…") == '"Sao" Lodz...'
