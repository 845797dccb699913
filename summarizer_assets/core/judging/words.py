"""Text normalisation: accent folding, word splitting and stemming, in a few microseconds per text."""

import re
import unicodedata
from collections.abc import Sequence

from summarizer_assets.core.judging.vocabulary import ENGLISH, FOREIGN

SHORTEST_STEM = 4
_OTHER_LANGUAGE_SHARE = 0.1

# Bytes that separate words: all of ASCII except letters and digits. 5 times faster than a regular expression.
_SEPARATORS = bytes(byte for byte in range(128) if not chr(byte).isalnum())
_SPACED = bytes.maketrans(_SEPARATORS, b" " * len(_SEPARATORS))
_WIDE_SEPARATORS = re.compile(
    "[\u0080-\u00bf\u00d7\u00f7\u2000-\u206f\u2190-\u2bff\u3000-\u303f\uff00-\uff0f\uff1a-\uff20]+"
)
_MARKS = re.compile("[\u0300-\u036f]+")
_NOT_LATIN = re.compile("[\u0370-\u1dff\u2c80-\ua71f\uab70-\ufaff\ufb13-\ufeff\uff66-\uffdc\U00010000-\U0003ffff]")
_PLAIN_LETTERS = {
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    "æ": "ae",
    "Æ": "Ae",
    "œ": "oe",
    "Œ": "Oe",
} | {
    "ß": "ss",
    "ð": "d",
    "Ð": "D",
    "þ": "th",
    "Þ": "Th",
    "ħ": "h",
    "Ħ": "H",
}  # Latin letters that Unicode does not decompose
_TYPED = {"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "..."}  # noqa: RUF001 - they are the point
_PLAIN = _TYPED | _PLAIN_LETTERS
_ASCII = bytes(range(128))
# Matches the shortest start followed by an English ending, so that the longest ending is removed.
_STEM = re.compile(
    rf"(.{{{SHORTEST_STEM},}}?)(?:"
    "al|als|ance|ances|ation|ations|e|ed|ement|ements|ence|ences|er|ers|es|est|ic|ical|ically|ied|ies|ing|"
    "ingly|ion|ions|isation|isations|ised|ises|ising|istries|istry|ities|ity|ive|ives|ization|izations|"
    "ized|izes|izing|ly|ment|ments|ness|ological|ologies|ologist|ologists|ology|or|ous|s|y"
    ")"
)


def fold(text: str) -> str:
    """A text without accents, with its case: "São Łódź" becomes "Sao Lodz". Other scripts are unchanged."""
    if text.isascii():
        return text
    for sign in _PLAIN.keys() & beyond_ascii(text):
        text = text.replace(sign, _PLAIN[sign])
    if text.isascii():  # like English texts except for quotes and dashes
        return text
    return _replaced(_MARKS, unicodedata.normalize("NFKD", text), "")


def beyond_ascii(text: str) -> str:
    """The characters of a text that are not ASCII, in order: few to search, and 10 times faster than the whole text."""
    return text.encode(errors="surrogatepass").translate(None, _ASCII).decode(errors="surrogatepass")


def _replaced(signs: re.Pattern[str], text: str, by: str) -> str:
    """A text with each character that `signs` finds, none of them ASCII, replaced."""
    for sign in set("".join(signs.findall(beyond_ascii(text)))):
        text = text.replace(sign, by)
    return text


def words_of(plain: str) -> list[str]:
    """The runs of letters and digits of a folded text, in order, with their case."""
    if not plain.isascii():
        plain = _replaced(_WIDE_SEPARATORS, plain, " ")
    return plain.encode(errors="replace").translate(_SPACED).decode().split()


def stem(word: str) -> str:
    """A word without its English ending, at least four letters: enough to match "studies" with "study"."""
    found = _STEM.fullmatch(word)
    return found[1] if found else word


def share_of_other_script(plain: str) -> float:
    """The share of a text's characters that are letters but not Latin ones, 0 to 1."""
    if plain.isascii():
        return 0.0
    letters = len(plain) - plain.count(" ")  # accurate enough, and 20 times faster than testing each
    return len(_NOT_LATIN.findall(beyond_ascii(plain))) / letters if letters else 0.0


def looks_foreign(words: Sequence[str]) -> bool:
    """Whether a text in Latin letters uses function words of another language, and more of them than English ones."""
    if FOREIGN.isdisjoint(words):
        return False
    foreign = sum(map(FOREIGN.__contains__, words))
    return foreign > _OTHER_LANGUAGE_SHARE * len(words) and foreign > sum(map(ENGLISH.__contains__, words))
