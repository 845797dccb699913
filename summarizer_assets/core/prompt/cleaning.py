r"""Cleaning of source texts, so that they are readable, and safe in a prompt.

Tags are removed (but not the `<` of `p < 0.05`), entities are decoded however often they were encoded, LaTeX becomes
plain text, runs of white space become one blank, invisible characters are removed, and so are the delimiters of a
record's lines (`core.prompt.rendering`). The result is in NFC and stable: cleaning it again changes nothing.

Zero-width joiners are removed, too, although Persian and Indic scripts use them to choose a glyph: words stay readable
without them, and a model that copies a name faithfully must not write a character that the answer checks reject.
"""

import html
import re
import unicodedata

import polars as pl

from summarizer_assets.core.prompt.latex import plain_latex

# Ranges instead of Unicode classes, which grow with each Unicode version and would change hashes.
_INVISIBLE = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ue000-\uf8ff\ufdd0-\ufdef\ufeff\uffa0"
    "\ufff0-\ufffc\ufffe\uffff\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff"
)
_BLANKS = "\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

_INVISIBLES = re.compile(f"[{_INVISIBLE}]+")
# Characters of Windows-1252 whose bytes were read as Latin-1 control characters, for example `š`.
_WINDOWS = {
    code: bytes([code]).decode("cp1252")
    for code in range(0x80, 0xA0)
    if code not in {0x81, 0x85, 0x8D, 0x8F, 0x90, 0x9D}  # 0x85 is a line end, the others are unassigned
}
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")

_TAG_NAMES = frozenset(
    """a abbr acronym article-title b bdi bdo big blockquote body bold br center code dd div dl dt em font h1 h2 h3 h4
    h5 h6 head hr html i iframe img inf italic kbd li link math mfrac mi mn mo mover mrow mroot mspace msqrt mstyle msub
    msubsup msup mtable mtd mtext mtr munder munderover meta nobr ol p pre q s samp sc script sec small span strike
    strong style sub sup svg table tbody td tex-math th thead title tr tt u ul var wbr""".split()  # noqa: SIM905 - words
)
# Attributes must look like attributes, because `a <b and c> d` is a comparison.
_TAG = re.compile(
    r"""</?([A-Za-z][\w-]*(:[A-Za-z][\w-]*)?)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=]+))*)\s*/?>"""
)
_NOT_CONTENT = re.compile(r"<(script|style)\b[^<>]*>.*?</\1\s*>|<!--.*?-->|<[!?]\w[^<>]*>", re.IGNORECASE)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>")
_BREAKING = frozenset(
    """article-title blockquote br center dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre sec table td th title tr
    ul""".split()  # noqa: SIM905 - words
)
# `<|endoftext|>`, `<mask>`, `[INST]`: some servers read these as control tokens anywhere.
_SPECIAL_OPEN = re.compile(r"<+[|\uff5c]")
_SPECIAL_CLOSE = re.compile(r"[|\uff5c]>+")
_SPECIAL_WORD = re.compile(r"<(/?[A-Za-z_][\w-]*)>")
_SPECIAL_BRACKET = re.compile(r"\[(/?[A-Z]+(?:_[A-Z]+)*)\]")

_LOOKS_LIKE_TAG = re.compile(r" ?<(?=[A-Za-z/!?])")  # a comparison; gets a blank, so that a copy of it is no markup

# The delimiter of a record's first line, see `core.prompt.rendering`.
_RECORD_MARK = re.compile('[#\uff03]+\\s*(?=["\u201c\u201d\u201e\uff02])|(?<=[#\uff03])[#\uff03]+')
_FIELD_MARK = re.compile(r"(?:^| )([|@])(?: |$)")
_AT_EDGE = re.compile(r"^[|@ ]+(?: |$)|(?:^| )[|@ ]+$")

#: Characters for which a text is cleaned by Python, for both regex engines in use (Rust's and Python's).
_SUSPICIOUS = (
    rf"[{_INVISIBLE}]|[\t-\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|  |^ | $"
    r"|[\\${}]|<[/!?A-Za-z|\uff5c]|<<|[|\uff5c]>|&[#A-Za-z]|[|@](?: |$)|[#\uff03]{2}"
    '|[#\uff03][ "\u201c\u201d\u201e\uff02]'
    r"|\[/?[A-Z]+(?:_[A-Z]+)*\]"
)
_BLANK_RUN = f"[{_BLANKS}]+"  # what str.split() splits at
# The few tags of most marked-up titles, removed without Python.
_INLINE_TAG = "</?(?:i|b|em|sub|sup|inf|italic|bold|strong)>"
_ROUNDS = 8
_MARKUP = re.compile(r"[<>&\\${}|@#\[\]\uff03\uff5c]")


def _field_mark(match: re.Match[str]) -> str:
    return " at " if match[1] == "@" else "|"


def _untagged(match: re.Match[str]) -> str:
    name = match[1].lower()
    if name in _BREAKING:
        return " "
    return "" if name in _TAG_NAMES or match[2] or match[3] else match[0]


def _round(text: str) -> str:
    # Each rule is guarded by its character, because most texts here have only one or two of them.
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", _INVISIBLES.sub("", text.translate(_WINDOWS)))
    text = " ".join(text.split())
    if "<" in text or ">" in text:
        text = _SPECIAL_CLOSE.sub(")", _SPECIAL_OPEN.sub("(", text))
        if "<!" in text or "<?" in text or "<s" in text or "<S" in text:
            text = _NOT_CONTENT.sub(" ", _CDATA.sub(r"\1", text))
        text = _SPECIAL_WORD.sub(r"(\1)", _TAG.sub(_untagged, text))
        text = _LOOKS_LIKE_TAG.sub(" < ", text)
    if "[" in text:
        text = _SPECIAL_BRACKET.sub(r"(\1)", text)
    if "\\" in text or "$" in text or "{" in text or "}" in text:
        text = plain_latex(text)
    if "#" in text or "\uff03" in text:
        text = _RECORD_MARK.sub("", text)
    if "|" in text or "@" in text:
        text = _FIELD_MARK.sub(_field_mark, _AT_EDGE.sub("", text))
    return " ".join(text.split())


def clean(text: str) -> str:
    """Clean one text; defines the result of `cleaned`."""
    return _settled(re.sub(_INLINE_TAG, "", " ".join(text.split())).strip(" "))


def _settled(text: str) -> str:
    for _ in range(_ROUNDS):
        before, text = text, _round(text)
        if text == before:
            return text
    # Nested deeper than any export does by accident: remove everything that could still be markup.
    text = _MARKUP.sub(" ", text)
    return _round(_round(text))


def cut(column: pl.Series, characters: int) -> pl.Series:
    """The texts, cut to at most `characters` characters; a cut one ends in `…`."""
    long = column.str.len_bytes() > characters  # cheap; characters are counted only for texts with many bytes
    if not long.any():
        return column
    where = long.fill_null(value=False).arg_true()
    some = column.gather(where)
    head = some.str.slice(0, characters - 1).str.strip_chars_end() + "…"
    return _put(column, where, head.zip_with(some.str.len_chars() > characters, some))


def _put(column: pl.Series, where: pl.Series, values: pl.Series) -> pl.Series:
    return column.clone().scatter(where, values)  # scatter writes into the very Series it is called on


def cleaned(column: pl.Series, characters: int) -> pl.Series:
    """`clean` for a String column, then cut to `characters`; empty results are null.

    Only texts with a suspicious character are processed, and only those with more than odd white space by Python, each
    distinct one once. Texts are first cut to eight times the limit, so that a title of ten megabytes costs no more than
    a long one.
    """
    column = _precut(column, 8 * characters)
    where = _suspicious(column)
    if where.len():
        some = column.gather(where).str.replace_all(_BLANK_RUN, " ").str.strip_chars(" ")
        some = some.str.replace_all(_INLINE_TAG, "").str.strip_chars(" ")
        column = _put(column, where, _slowly(some))
    return cut(column, characters)


def cleaned_repeating(column: pl.Series, characters: int) -> pl.Series:
    """`cleaned` for a column with few distinct values, such as journals, each processed once."""
    before = column.unique()
    after = cleaned(before, characters)
    changed = before.ne_missing(after)
    return column.replace(before.filter(changed), after.filter(changed)) if changed.any() else column


def _suspicious(column: pl.Series) -> pl.Series:
    """Positions of texts that `clean` may change."""
    wrong = column.str.contains(_SUSPICIOUS) | (column == "")
    foreign = (column.str.len_bytes() != column.str.len_chars()).arg_true()
    if foreign.len():
        some = column.gather(foreign)
        wrong = _put(wrong, foreign, wrong.gather(foreign) | (some.str.normalize("NFC") != some))
    return wrong.arg_true()


def _slowly(texts: pl.Series) -> pl.Series:
    before = texts.unique()
    before = before.gather(_suspicious(before))
    if not before.len():
        return texts
    after = pl.Series([_round(text) for text in before], dtype=pl.String)
    # Texts that are no longer suspicious are finished; a second round would find the same more slowly.
    again = _suspicious(after)
    if again.len():
        after = _put(after, again, pl.Series([_settled(text) for text in after.gather(again)], dtype=pl.String))
    return texts.replace(before, after.set(after == "", None))


def _precut(column: pl.Series, characters: int) -> pl.Series:
    where = (column.str.len_bytes() > characters).fill_null(value=False).arg_true()
    return _put(column, where, column.gather(where).str.slice(0, characters)) if where.len() else column
