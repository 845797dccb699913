"""The flags of stored summaries: their meaning, and what a person should review.

Flagged summaries are stored, not failed. The values are stored in `author_summaries.flags`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Self


class Flag(StrEnum):
    """The flags that this version writes, those of the text first, in order of doubt.

    `meaning`: the finding, as a clause after "it" or "the". `look`: what to review, one sentence. `doubt`: rank of
    doubt, 0 is the most doubtful, equal for equally doubtful flags; None for flags of the reply, which say nothing
    about the text.
    """

    doubt: int | None
    meaning: str
    look: str

    def __new__(cls, value: str, doubt: int | None, meaning: str, look: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.doubt = doubt
        member.meaning = meaning
        member.look = look
        return member

    # Flags of the text.
    GRAVE_CLAIM = (
        "grave_claim",
        0,
        "it says something grave of the author or of a paper, such as fraud, dismissal or retraction",
        "Check it in a source that you trust, and show the summary to nobody until then.",
    )
    CLAIM_ABOUT_PERSON = (
        "claim_about_person",
        1,
        "it tells something of the person that the record does not: a prize, a post, a degree, fame, a date of life",
        "Look it up: it may be a namesake's, or made up.",
    )
    UNKNOWN_INSTITUTION = (
        "unknown_institution",
        2,
        "it names an institution that the record does not name",
        "Is it one of the record's, written in another way?",
    )
    UNKNOWN_PLACE = (
        "unknown_place",
        2,
        "it names a country, region or nationality that the record does not name",
        "Do the institutions of the record lie there, or are the papers in its language?",
    )
    UNKNOWN_NUMBER = (
        "unknown_number",
        3,
        "it gives a number that neither stands in the record nor follows from it",
        "What does it count, and does the record bear it out?",
    )
    UNKNOWN_NAME = (
        "unknown_name",
        4,
        "it has a name or another word with a capital that the record does not have",
        "Is it a fair word for what the titles say?",
    )
    LITTLE_SUPPORT = (
        "little_support",
        5,
        "less than 30 % of its significant words are in the record",
        "Is it about this author's papers at all?",
    )
    OTHER_LANGUAGE = (
        "other_language",
        5,
        "it is in another language than was asked for",
        "Can your readers read it?",
    )
    NAME_UNMEASURED = (
        "name_unmeasured",
        6,
        "the author has no name, or one in another script than the text, so that it could not be looked for",
        "Is the author called by the right name?",
    )
    # Flags of the reply.
    UNKNOWN_ID = (
        "unknown_id",
        None,
        "the reply also held summaries of authors that nobody asked for; those were dropped",
        "Nothing, unless it is frequent: then lower SUMMARIZER_GROUP_SIZE.",
    )
    DUPLICATE_ID = (
        "duplicate_id",
        None,
        "the reply held the same summary of an author twice",
        "Nothing, unless it is frequent: then lower SUMMARIZER_GROUP_SIZE.",
    )
    OTHER_MODEL = (
        "other_model",
        None,
        "the reply names another model than the one configured",
        "Is what the column response_model says a dated name of the same model, or another one?",
    )
    USAGE_MISSING = (
        "usage_missing",
        None,
        "the reply did not count its tokens, so tokens and cost are estimates",
        "Compare the cost with the provider's bill.",
    )


_KNOWN: Final[Mapping[str, Flag]] = {str(flag): flag for flag in Flag}
#: Flags that only earlier versions stored.
_EARLIER: Final[Mapping[str, str]] = {
    "unsupported_claim": "it has a word such as prize, professor or pioneer (a flag of an earlier version)",
    "unnamed": "the author is not named (a flag of an earlier version)",
    "support_unmeasured": "it is in another language or script than its record (a flag of an earlier version)",
}


def flag_of(value: str) -> Flag | None:
    """The flag of a stored value; None if this version does not write it."""
    return _KNOWN.get(value)


def meaning_of(value: str) -> str:
    """The meaning of a stored flag, as a clause."""
    flag = flag_of(value)
    return flag.meaning if flag else _EARLIER.get(value, "a flag of another version")
