import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.answers.text_safety import (
    _BROKEN,
    _JOINERS,
    fold_layout,
    has_broken_characters,
    has_markup,
    repeats_prompt,
    text_problem,
)
from summarizer_assets.core.records import FailureReason as Why

RECORD = (
    '#"7" Marlow, Ada @ Univ Ostrava | 2 papers, cited 9\n'
    "Soil Letters | soil science\n"
    " Peat bogs in winter and what they keep from us | cited 7 @ Univ Ostrava\n"
    " A second paper on the ice of northern lakes | cited 2 @ Univ Ostrava"
)
INSTRUCTION = "Write one summary of each author below. Use nothing but what the record says about the author."


@pytest.mark.parametrize(
    "text",
    [
        "a\x00b",
        "a\x07b",
        "a\x9bb",
        "a\u00adb",
        "a\u200bb",
        "a\u200db",
        "a\u202eb",
        "a\u2066b",
        "a\ufeffb",
        "a\ud800b",
        "a\ue000b",
        "a\uffffb",
        "a\U000e0041b",
        "a\u3164b",
    ],
)
def test_what_cannot_be_seen_or_stored_is_broken(text):
    assert has_broken_characters(text)
    assert text_problem(text, RECORD, 500) is Why.BAD_TEXT


@pytest.mark.parametrize(
    "text",
    [
        "Crème brûlée, Łódź, 北京大学, Ελλάδα, Москва, 서울",
        "می\u200cخواهم",  # noqa: RUF001 - Persian, whose spelling needs the joiner
        "क्\u200dष",  # and one that Devanagari needs
        "5\u00a0% and 5\u202f%",
        "a family \U0001f468\u200d\U0001f469\u200d\U0001f467 and a heart ❤\ufe0f",
        "x ≤ 5 → y",
    ],
)
def test_every_script_and_its_spelling_is_whole(text):
    assert not has_broken_characters(text)


@pytest.mark.parametrize(
    "text",
    [
        "see https://example.org",
        "see HTTP://EXAMPLE.ORG",
        "see ftp://example.org",
        "see www.example.org",
        "see example.org/profile",
        "write to ada@example.org",
        "[profile](/ada)",
        "[profile] (https:x)",
        "![portrait](x.png)",
        "a <script>alert(1)</script>",
        "a <SCRIPT src=x",
        "a </p> b",
        "a <!-- b",
        "a <img src=x onerror=y>",
        "JavaScript:alert(1)",
        "data:text/html;base64,AAAA",
    ],
)
def test_links_and_markup_are_unsafe(text):
    assert text_problem(text, RECORD, 500) is Why.UNSAFE_TEXT


@pytest.mark.parametrize(
    "text",
    [
        "a significant effect (p < 0.05, n <5)",
        "the site example.org is mentioned",
        "and/or TCP/IP in Node.js and .NET",
        "the compound [2.2](1,4)cyclophane",
        "ratio 3:1; data: mice and rats",
        "=1+1 is escaped where a table is exported, not here",
        "R&D @ scale",
    ],
)
def test_prose_that_only_looks_like_markup_is_safe(text):
    assert text_problem(text, RECORD, 500) is None


@pytest.mark.parametrize(
    "text",
    [
        "Peat bogs in winter and what they keep from us | cited 7 @ Univ Ostrava A second paper on the ice of northern",
        'Marlow #"8" someone else',
        "Sure. Use nothing but what the record says about the author. Ada Marlow",
        " ".join(RECORD.split()),
    ],
)
def test_copying_the_prompt_is_an_echo(text):
    assert text_problem(text, RECORD, 500, INSTRUCTION, ('#"',)) is Why.ECHO


def test_quoting_a_title_is_no_echo():
    text = 'Ada Marlow wrote "Peat bogs in winter and what they keep from us", cited 7 times.'
    assert not repeats_prompt(text, RECORD, INSTRUCTION, ('#"', " | ", " @ "))


def test_the_length_counts_before_anything_else_is_searched():
    assert text_problem("<b>" * 100, RECORD, 299) is Why.TOO_LONG
    assert text_problem("<b>" * 100, RECORD, 300) is Why.UNSAFE_TEXT


def test_a_text_of_blanks_is_empty():
    assert text_problem(fold_layout(" \n\t\u00a0"), RECORD, 500) is Why.EMPTY_SUMMARY


@given(st.text(st.characters(exclude_categories=())))
def test_folding_is_composed_stripped_one_line_and_final(text):
    folded = fold_layout(text)
    assert unicodedata.is_normalized("NFC", folded)
    assert not set("\n\r\t\u2028\u2029\x85") & set(folded)
    assert folded == folded.strip(" ")
    assert fold_layout(folded) == folded


@given(st.text(st.characters(exclude_categories=())))
def test_what_passes_can_be_stored_and_holds_no_control(text):
    folded = fold_layout(text)
    if text_problem(folded, RECORD, 10_000) is None:
        assert folded.encode().decode() == folded
        assert not any(unicodedata.category(character) in {"Cc", "Cs", "Co"} for character in folded)
        assert not any(character in folded for character in "\u200b\u202a\u202e\u2066\ufeff")


@given(st.text(), st.sampled_from(["<b>", "http://x", "</", "www.x"]), st.text())
def test_markup_is_found_wherever_it_stands(before, markup, after):
    assert has_markup(f"{before} {markup}{after}")


@pytest.mark.parametrize("surroundings", [("", ""), ("e", "b"), ("가", "\u0301")])
def test_the_quick_look_at_characters_decides_as_the_thorough_one(surroundings):
    before, after = surroundings
    for code in (*range(0x700), *range(0x2000, 0x2100), 0x3000, 0x3164, 0xD800, 0xFEFF, 0x1F468):
        text = f"{before}{chr(code)}{after}"
        assert has_broken_characters(text) is bool(_BROKEN.search(_JOINERS.sub("", text))), hex(code)
        assert unicodedata.is_normalized("NFC", fold_layout(text)), hex(code)


@pytest.mark.parametrize("at", range(0, 25, 4))
def test_a_phrase_of_the_instruction_is_found_wherever_it_stands(at):
    phrase = INSTRUCTION.partition(". ")[2][:40]
    assert repeats_prompt(f"{'x' * at}{phrase}, and so on", RECORD, INSTRUCTION)
    assert not repeats_prompt(f"{'x' * at}{phrase[:39]}", RECORD, INSTRUCTION)


def test_running_over_a_line_break_is_seen_in_texts_with_and_without_the_marks_of_delimiters():
    record = '#"7" Marlow, Ada\nAnnals of Peat and Other Soils in Winter\n Peat bogs keep what they were given'
    copied = "Annals of Peat and Other Soils in Winter Peat bogs keep what they were given"
    for text in (copied, f"{copied} (a|b)"):
        assert repeats_prompt(text, record, "", ('#"', " | ", " @ "))
    assert repeats_prompt(copied, record)
    assert not repeats_prompt(copied.replace("Winter", "Spring"), record)


@pytest.mark.parametrize("text", ["data: the texts", "mailtos: none", "see: //", "a : //x"])
def test_a_colon_in_prose_is_no_scheme(text):
    assert not has_markup(text)


@pytest.mark.parametrize("text", ["x JavaScript:y", "x: y MAILTO:z", "a: Data:Image/png", "one: two ftp://x"])
def test_a_scheme_is_found_behind_other_colons(text):
    assert has_markup(text)


@pytest.mark.parametrize(
    "text",
    [
        "Ada Marlow writes on “Sound types for JavaScript: a gradual account”.",
        "Ada Marlow coats TiO2@LiNi0.8Co0.1Mn0.1O2.",
        "Ada Marlow measures [α/Fe] (alpha/iron) ratios.",  # noqa: RUF001 - as titles have it
        "Ada Marlow ports Java to .NET/Mono.",
        "شبکه‌های CNN‌ها",  # noqa: RUF001 - Persian
    ],
)
def test_technical_words_are_no_links(text):
    assert text_problem(text, RECORD, 500) is None
