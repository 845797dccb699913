"""Safety checks of summary texts: plain, visible, and harmless to display. Independent of their truth."""

import html
import re
import struct
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from summarizer_assets.core.display_text import cut
from summarizer_assets.core.records import FailureReason

# Characters forbidden in summaries: controls, bidi and zero-width characters, invisible fillers, tags, private use,
# noncharacters, lone surrogates. Tabs and line breaks are layout, folded before this check.
_BROKEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff"
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff\U000f0000-\U0010ffff]"
)
# Most texts contain only these: printable ASCII (removed from the UTF-8 first), Latin and Greek letters, typographic
# marks and subscript digits that are always in NFC, and neither layout nor forbidden characters. Texts may be joined by
# line breaks, which are counted.
_PRINTABLE = bytes(range(0x20, 0x7F))
_PLAIN = re.compile(
    rb"(?:\n|\xc2[\xa0-\xac\xae-\xbf]|[\xc3-\xcb][\x80-\xbf]|\xce[\x91-\xa1\xa3-\xa9\xb1-\xbf]|\xcf[\x80-\x89]"
    rb"|\xe2\x80[\x90-\xa7]|\xe2\x82[\x80-\x89])*"
)
# Joiners are legitimate only after a letter of the Arabic and Indic scripts and inside emoji.
_JOINERS = re.compile(
    "(?<=[\u0600-\u06ff\u0750-\u077f\u0900-\u0dff\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]"
    "|[\u200c\u200d](?=[\u0600-\u06ff])|(?<=[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b"
)
_ENDS = " \u00a0"  # blanks that a plain text may begin or end with
_LAYOUT = re.compile("[ \t]*(?:\r\n|[\t\n\r\x85\u2028\u2029])[ \t\n\r]*")

# An HTML parser takes `<` before one of these for a tag; "p < 0.05" is none.
_TAG = re.compile(r"<[a-zA-Z/!?]")
_ADDRESS = re.compile(r"[\w+-]@\w[\w-]*\.[a-zA-Z]{2,}")
_MARKDOWN_LINK = re.compile(r"\]\s?\((?!\w+/\w+\))[^)\s]*[/:#?]|^\[[^\]]*\]:\s*\S*[/#]", re.MULTILINE)
# What stands before the slash of a path on a domain.
_DOMAIN = re.compile(r"\w\.(?:com|org|net|edu|gov|info|biz|io|ai|app|dev|co|me|ly|xyz|site|ru|cn)(?::\d+)?\Z")
# Text before and after the colon of a URL scheme.
_SCHEMES = ("javascript", "vbscript", "mailto")
_DATA_TYPES = ("text/", "image/", "app")
_SCHEME_LETTERS = 10  # of the longest scheme

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ENCODINGS = 4  # `&amp;amp;lt;` was encoded three times

_BOUNDARY = 24  # characters on each side of a line break that prove a copy of the record
_SAMPLE = 24  # characters of a sample of the summary that is searched in the record
_OPENING = 60  # characters of the record's beginning that prove the same
_PHRASE = 40  # characters of an instruction's sentence that prove a copy
_GRAM, _GAP = 16, 8  # bytes: each copied phrase contains a gram at a multiple of both together: 16 + 24 - 1 <= 40
_GRAMS = struct.Struct(f"{_GRAM}s{_GAP}x")
_SENTENCE_END = re.compile(r"[.!?:]\s|\n")


def fold_layout(text: str) -> str:
    """The text as one stripped paragraph in NFC: line breaks and tabs become a space, nothing else changes."""
    if _is_plain(text):
        return text.strip(_ENDS)
    text = _LAYOUT.sub(" ", text).strip(" \u00a0\u3000")
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def has_broken_characters(text: str) -> bool:
    """Whether a text with folded layout has broken or invisible characters, or ones that change its direction."""
    if _is_plain(text):
        return False
    return _BROKEN.search(text) is not None and _BROKEN.search(_JOINERS.sub("", text)) is not None


def made_visible(text: str, most: int | None = None) -> str:
    """An untrusted text for display: one paragraph of at most `most` characters, with forbidden ones as U+FFFD.

    HTML entities are decoded, so the result must be escaped where it is shown.
    """
    for _ in range(_ENCODINGS):
        if "&" not in text:
            break
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    text = fold_layout(text)
    if has_broken_characters(text):
        text = _BROKEN.sub("\ufffd", text)
    return text if most is None else cut(text, most)


def _is_plain(text: str) -> bool:
    return _are_plain(text.encode(errors="surrogatepass"), 1)


def _are_plain(joined: bytes, count: int) -> bool:
    """Whether so many texts, joined by line breaks, have plain characters only."""
    odd = joined.translate(None, _PRINTABLE)
    return not odd or (_PLAIN.fullmatch(odd) is not None and odd.count(b"\n") == count - 1)


def has_markup(text: str) -> bool:
    """Whether a text has a link, an image, an address, a script or an HTML tag.

    A domain that is only mentioned ("built example.org") is prose; with a path or a scheme it is a link.
    """
    return _has_syntax(text) or (("w." in text or "W." in text) and "www." in text.lower())


def _has_syntax(text: str) -> bool:
    """Whether a text, or one of several joined by line breaks, has any markup but a host `www.`."""
    # Each search is guarded by a character it needs, which most summaries do not contain.
    return (
        (":" in text and _has_scheme(text))
        or ("<" in text and _TAG.search(text) is not None)
        or ("@" in text and _ADDRESS.search(text) is not None)
        or ("[" in text and ("![" in text or _MARKDOWN_LINK.search(text) is not None))
        or ("/" in text and _has_path(text))
    )


def _has_scheme(text: str) -> bool:
    before, *rest = text.split(":")
    for after in rest:
        if after.startswith("//"):
            return True
        word = before[-_SCHEME_LETTERS:].lower()
        if (word.endswith(_SCHEMES) and after[:1].strip()) or (
            word.endswith("data") and after[:6].lower().startswith(_DATA_TYPES)
        ):
            return True
        before = after
    return False


def _has_path(text: str) -> bool:
    *befores, _ = text.split("/")
    return any(_DOMAIN.search(before.rpartition(" ")[2].lower()) is not None for before in befores)


def repeats_prompt(text: str, record: str, instruction: str = "", delimiters: Sequence[str] = ()) -> bool:
    """Whether a text copies the prompt: a delimiter, a phrase of the instruction, or the rendered record.

    Quoting a title of any length is allowed; continuing over the record's line break is not.
    """
    marks, boundary = _marks(tuple(delimiters))
    marked = any([mark in text for mark in marks])  # noqa: C419 - a generator costs more than the searches
    if marked and any(delimiter in text for delimiter in delimiters):
        return True
    if _has_phrase(text.encode(errors="surrogatepass"), instruction):
        return True
    return _copies_record(text, record, () if marked else marks, _BOUNDARIES if marked else boundary)


def _has_phrase(text: bytes, instruction: str) -> bool:
    phrases, grams = _phrases(instruction)
    if grams.isdisjoint(_GRAMS.iter_unpack(text + bytes(-len(text) % _GRAMS.size))):
        return False
    return any(phrase in text for phrase in phrases)


def _copies_record(text: str, record: str, unused: tuple[str, ...], boundary: re.Pattern[str]) -> bool:
    """Whether the text continues over a line break of the record (found by `boundary`), or begins with its beginning.

    Samples at the quarters of the text are searched first: a text that is mostly copied has one of them from the
    record. Smaller copies are recognised by the delimiters. `unused`: characters that the text does not have.
    """
    quarter = max(1, len(text) // 4)
    for start in range(0, 3 * quarter + 1, quarter):
        if text[start : start + _SAMPLE] in record:
            break
    else:
        return False
    opens = len(record) >= _OPENING and not record.startswith(unused)
    if opens and " ".join(record[:_OPENING].split()) in text:
        return True
    for end, start_of_next in boundary.findall(record):
        if end in text and f"{end} {start_of_next.strip()}" in text:
            return True
    return False


@lru_cache(maxsize=16)
def _marks(delimiters: tuple[str, ...]) -> tuple[tuple[str, ...], re.Pattern[str]]:
    """The rarest character of each delimiter, and the line breaks that a text without these may continue over."""
    marks = tuple(dict.fromkeys((delimiter.strip() or delimiter)[0] for delimiter in delimiters))
    return marks, _line_breaks("".join(marks))


def _line_breaks(without: str) -> re.Pattern[str]:
    """Line breaks between lines of at least `_BOUNDARY` characters whose ends have none of the characters `without`."""
    return re.compile(rf"\n(?<=([^\n{re.escape(without)}]{{{_BOUNDARY}}})\n)(?=([^\n]{{{_BOUNDARY}}}))")


_BOUNDARIES = _line_breaks("")


@lru_cache(maxsize=16)
def _phrases(instruction: str) -> tuple[tuple[bytes, ...], frozenset[tuple[bytes]]]:
    """The beginnings of the instruction's sentences, one of which every copy has, and all grams of these."""
    sentences = (" ".join(sentence.split()) for sentence in _SENTENCE_END.split(instruction))
    beginnings = (sentence[:_PHRASE] for sentence in sentences if len(sentence) >= _PHRASE)
    phrases = tuple(beginning.encode(errors="surrogatepass") for beginning in beginnings)
    grams = ((phrase[at : at + _GRAM],) for phrase in phrases for at in range(len(phrase) - _GRAM + 1))
    return phrases, frozenset(grams)


def text_problem(
    text: str, record: str, max_characters: int, instruction: str = "", delimiters: Sequence[str] = ()
) -> FailureReason | None:
    """Why a summary with folded layout must not be stored; None if it may."""
    if not text:
        return FailureReason.EMPTY_SUMMARY
    if len(text) > max_characters:
        return FailureReason.TOO_LONG
    if has_broken_characters(text):
        return FailureReason.BAD_TEXT
    if has_markup(text):
        return FailureReason.UNSAFE_TEXT
    if repeats_prompt(text, record, instruction, delimiters):
        return FailureReason.ECHO
    return None


def folded_with_problems(
    answers: Sequence[str], records: Sequence[str], max_characters: int, instruction: str, delimiters: Sequence[str]
) -> list[tuple[str, FailureReason | None]]:
    """`fold_layout` and `text_problem` of each answer of a reply, with its author's record.

    Most replies are proven harmless at once. Of the others each answer is, or else it is examined.
    """
    summaries = [answer.strip(_ENDS) for answer in answers]
    marks, boundary = _marks(tuple(delimiters))
    if _are_harmless(summaries, instruction, marks):
        return [
            (summary, _problem_of_harmless(summary, record, max_characters, marks, boundary))
            for summary, record in zip(summaries, records, strict=True)
        ]
    if len(answers) == 1:
        summary = fold_layout(answers[0])
        return [(summary, text_problem(summary, records[0], max_characters, instruction, delimiters))]
    alone = [([answer], [record]) for answer, record in zip(answers, records, strict=True)]
    return [folded_with_problems(*one, max_characters, instruction, delimiters)[0] for one in alone]


def _are_harmless(summaries: Sequence[str], instruction: str, marks: Sequence[str]) -> bool:
    """Whether stripped texts need no folding, and have no problem but their length or a copy of their record.

    Whatever a rule finds in one of them, it finds in all of them joined.
    """
    joined = "\n".join(summaries)
    data = joined.encode(errors="surrogatepass")
    if not _are_plain(data, len(summaries)):
        return False
    marked = any([mark in joined for mark in marks])  # noqa: C419 - a generator costs more than the searches
    return not (marked or _has_syntax(joined) or b"www." in data.lower() or _has_phrase(data, instruction))


def _problem_of_harmless(
    summary: str, record: str, max_characters: int, marks: tuple[str, ...], boundary: re.Pattern[str]
) -> FailureReason | None:
    if not summary:
        return FailureReason.EMPTY_SUMMARY
    if len(summary) > max_characters:
        return FailureReason.TOO_LONG
    return FailureReason.ECHO if _copies_record(summary, record, marks, boundary) else None
