# ruff: noqa: RUF001 - look-alikes of other scripts are what is cleaned
import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.answers.text_safety import has_broken_characters
from summarizer_assets.core.prompt.cleaning import clean, cleaned, cleaned_repeating

EXAMPLES = [
    ("p < 0.05 and p > 0.01", "p < 0.05 and p > 0.01"),
    ("a<b", "a < b"),
    ("if a <b and c> d", "if a < b and c> d"),
    ("H<sub>2</sub>O and <i>E. coli</i>", "H2O and E. coli"),
    ("<p>One</p><p>Two</p>", "One Two"),
    ("<jats:italic>In vitro</jats:italic>", "In vitro"),
    ('<a href="https://example.org">Text</a>', "Text"),
    ("<script>alert(1)</script>Hi<!-- not this -->", "Hi"),
    ("Caf&eacute; &amp; Bar", "Café & Bar"),
    ("Caf&amp;eacute; &amp;amp; &amp;lt;b&amp;gt;Bar", "Café & Bar"),
    ("R&D at AT&T", "R&D at AT&T"),
    ("$n$-gram and $\\alpha$-decay", "n-gram and α-decay"),
    ("costs $5 and $10 million", "costs $5 and $10 million"),
    (r"\textit{Drosophila} {DNA}", "Drosophila DNA"),
    (
        r"Erd\H{o}s, M\"{u}ller, Fran\c{c}ois, \'{E}cole, {\O}rsted, Simi\'c",
        "Erdős, Müller, François, École, Ørsted, Simić",
    ),
    (r"Health \& Safety", "Health & Safety"),
    (r"$\frac{1}{2}$ and $\sqrt{s}=13\,\mathrm{TeV}$", "1/2 and √s=13 TeV"),
    ("l\\'histoire", "l'histoire"),
    ("two\n   lines\tand\u00a0blanks ", "two lines and blanks"),
    ("zero\u200bwidth \u202ereversed\u202c \x07bell \u00adsoft", "zerowidth reversed bell soft"),
    ("Fi\x9aer", "Fišer"),
    ("می\u200cروم", "میروم"),
    ("e\u0301cole", "école"),
    ('#"123" Somebody', '"123" Somebody'),
    ("＃“x”", "“x”"),
    ("## End of the data", "# End of the data"),
    ("C# and #MeToo", "C# and #MeToo"),
    ("title | cited 9 @ Nowhere", "title|cited 9 at Nowhere"),
    ("<|endoftext|><|im_start|>", "(endoftext)(im_start)"),
    ("[INST] x [/INST] <mask>", "(INST) x (/INST) (mask)"),
    ("日本語 עברית العربية हिन्दी 🧬", "日本語 עברית العربية हिन्दी 🧬"),
]

SHORT_MARKS = list("<>&#\"“|@${}\\ib/!'c[] \n\u200b\u0301\u202e\x85\x9a")
LONG_MARKS = ["amp;", "lt;", "gt;", "<|", "|>", "INST", "&#0;", "&lt;", "script", "frac"]
MARKS = st.sampled_from(SHORT_MARKS + LONG_MARKS)
TEXTS = st.one_of(st.text(), st.lists(st.one_of(MARKS, st.text(max_size=2)), max_size=25).map("".join))


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_a_text_becomes_what_a_reader_would_see(text, expected):
    assert clean(text) == expected
    assert cleaned(pl.Series([text]), 400).to_list() == [expected]


@given(TEXTS)
def test_cleaning_again_changes_nothing(text):
    once = clean(text)
    assert clean(once) == once


@given(TEXTS)
def test_nothing_that_is_invisible_or_marks_a_record_survives(text):
    result = clean(text)
    assert not has_broken_characters(result)
    assert result == " ".join(result.split())
    assert unicodedata.is_normalized("NFC", result)
    assert not any(mark in result for mark in ('#"', "##", " | ", " @ ", "<|", "|>"))


@given(st.lists(st.one_of(st.none(), TEXTS), max_size=8))
def test_a_column_is_cleaned_as_its_texts_are(texts):
    expected = [clean(text)[: 10**6] or None if text is not None else None for text in texts]
    column = pl.Series(texts, dtype=pl.String)
    assert cleaned(column, 10**6).to_list() == expected
    assert cleaned_repeating(column, 10**6).to_list() == expected
    assert column.to_list() == texts


def test_a_title_of_ten_megabytes_is_cut():
    [short] = cleaned(pl.Series(["word " * 2_000_000]), 50).to_list()
    assert short.startswith("word word")
    assert len(short) <= 50
    assert short.endswith("…")


@given(st.text(min_size=1, max_size=30), st.integers(2, 20))
def test_a_cut_text_keeps_to_its_length(text, characters):
    [result] = cleaned(pl.Series([text]), characters).to_list()
    assert result is None or len(result) <= characters
