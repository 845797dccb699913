"""Which texts may be stored as a summary at all: plain, visible, harmless to show. Says nothing about truth."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from summarizer_assets.core.records import FailureReason

# What no summary may hold: controls, bidi and zero-width characters, fillers that look like nothing, tags, private
# use, noncharacters, lone surrogates. Tab and line breaks are layout and are folded before this looks.
_BROKEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff"
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff\U000f0000-\U0010ffff]"
)
# Those among them that count as printable.
_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\ufffc"
# The joiners are part of spelling after a letter of the Arabic and Indic scripts and inside emoji, nowhere else.
_JOINERS = re.compile(
    "(?<=[\u0600-\u06ff\u0750-\u077f\u0900-\u0dff\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]"
)
_LAYOUT = re.compile("[ \t]*(?:\r\n|[\t\n\r\x85\u2028\u2029])[ \t\n\r]*")

# `<` before one of these is what an HTML parser takes for a tag; "p < 0.05" is not.
_TAG = re.compile(r"<[a-zA-Z/!?]")
_ADDRESS = re.compile(r"[\w+-]@\w[\w-]*\.\w")
_MARKDOWN_LINK = re.compile(r"\]\s?\([^)]*[/:#?]|\]:\s*\S*[/#]")
_PATH_ON_DOMAIN = re.compile(r"\.(?:com|org|net|edu|gov|info|biz|io|ai|app|dev|co|me|ly|xyz|site|ru|cn)(?::\d+)?/")
_SCHEMES = ("://", "javascript:", "vbscript:", "mailto:", "data:text/", "data:image/", "data:app")

_BOUNDARY = 24  # characters on each side of a line break that show the record itself was copied
_SAMPLE = 24  # characters of a piece of the summary that is looked up in the record
_OPENING = 60  # characters of the record's beginning that show the same
_PHRASE = 40  # characters of a sentence of the instruction that show it was copied
_SENTENCE_END = re.compile(r"[.!?:]\s|\n")


def fold_layout(text: str) -> str:
    """One paragraph in NFC: line breaks and tabs become a space, the ends are stripped. Nothing else is changed."""
    if not text.isprintable():  # layout never is
        text = _LAYOUT.sub(" ", text)
    text = text.strip(" \u00a0\u3000")
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def has_broken_characters(text: str) -> bool:
    """Whether a text, its layout folded, holds characters that are broken, invisible or steer its direction."""
    if text.isprintable():
        return not text.isascii() and any(filler in text for filler in _FILLERS)
    return _BROKEN.search(text) is not None and _BROKEN.search(_JOINERS.sub("", text)) is not None


def has_markup(text: str) -> bool:
    """Whether a text holds a link, an image, an address, a script or an HTML tag.

    A domain that is merely mentioned ("built example.org") is prose; with a path or a scheme it is a link.
    """
    # A search starts only where the character it hangs on occurs: most summaries hold none of them.
    lowered = text.lower()
    return (
        "www." in lowered
        or (":" in text and any(scheme in lowered for scheme in _SCHEMES))
        or ("<" in text and _TAG.search(text) is not None)
        or ("@" in text and _ADDRESS.search(text) is not None)
        or ("[" in text and ("![" in text or _MARKDOWN_LINK.search(text) is not None))
        or ("/" in text and _PATH_ON_DOMAIN.search(lowered) is not None)
    )


def repeats_prompt(text: str, record: str, instruction: str = "", delimiters: Sequence[str] = ()) -> bool:
    """Whether a text copies the prompt: a delimiter, a phrase of the instruction, or the record as it was rendered.

    Quoting a title, however long, is no echo; running on over the record's line break is.
    """
    for delimiter in delimiters:
        if delimiter in text:
            return True
    for phrase in _phrases(instruction):
        if phrase in text:
            return True
    return _copies_record(text, record)


def _copies_record(text: str, record: str) -> bool:
    """Whether the text runs on over a line break of the record, or begins to recite it.

    Pieces at the quarters of the text are looked up first: a text that is copied for the most part has one of them from
    the record. Smaller copies give themselves away by the delimiters.
    """
    quarter = max(1, len(text) // 4)
    for start in range(0, 3 * quarter + 1, quarter):
        if text[start : start + _SAMPLE] in record:
            break
    else:
        return False
    if len(record) >= _OPENING and " ".join(record[:_OPENING].split()) in text:
        return True
    return any(
        len(line) >= _BOUNDARY <= len(following) and f"{line[-_BOUNDARY:]} {following[:_BOUNDARY].strip()}" in text
        for line, following in pairwise(record.split("\n"))
    )


@lru_cache(maxsize=16)
def _phrases(instruction: str) -> tuple[str, ...]:
    """How the instruction's sentences begin: who copies it copies one of them."""
    sentences = (" ".join(sentence.split()) for sentence in _SENTENCE_END.split(instruction))
    return tuple(sentence[:_PHRASE] for sentence in sentences if len(sentence) >= _PHRASE)


def text_problem(
    text: str, record: str, max_characters: int, instruction: str = "", delimiters: Sequence[str] = ()
) -> FailureReason | None:
    """Why a summary, its layout folded, may not be stored; None when it may. About 5 µs for 300 characters."""
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
