"""The remedy for each failure reason: what the system does, and what a person can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.records import FailureReason as Why


@dataclass(frozen=True)
class Remedy:
    """One short sentence each. `by_itself`: what the system does; `action`: what a person does next."""

    by_itself: str
    action: str


#: Faults between us and the model, for which halving the group would only send more requests into them.
OUTSIDE: Final = frozenset({Why.SERVER_ERROR, Why.TIMEOUT, Why.CONNECTION, Why.GATEWAY_BODY})
#: The author's answer arrived, but its text is not an acceptable summary.
ABOUT_THE_TEXT: Final = frozenset(
    {Why.UNGROUNDED, Why.UNSAFE_TEXT, Why.ECHO, Why.TOO_LONG, Why.BAD_TEXT, Why.BAD_TYPE, Why.EMPTY_SUMMARY}
)
#: Reasons caused by the provider, the network or the record, not by the model.
NOT_THE_MODEL: Final = OUTSIDE | {Why.REJECTED, Why.TOO_LARGE}
#: Reasons for which a second model is asked: the first was reached, and did not do it. The provider may stop or refuse
#: what another takes, and a record may fit another model's context.
FOR_A_SECOND_MODEL: Final = frozenset(reason for reason in Why if not reason.skipped) - OUTSIDE

_LATER = "then asks again in later runs, up to SUMMARIZER_MAX_ATTEMPTS"
_REPEATS = f"Repeats the request, halves the group until the author stands alone, {_LATER}."
_HALVES = f"Halves the group until the author stands alone, {_LATER}."
_ONCE_MORE = f"Asks once more, for the author alone and with the reason, {_LATER}."
_OUTSIDE = f"Repeats the request, waits until others are answered, {_LATER}."
_LEFT_ALONE = "then leaves the author alone: no later run asks by itself"

REMEDIES: Final[Mapping[Why, Remedy]] = {
    Why.NO_PAPERS: Remedy(
        "Makes no request, and looks again in each run.",
        "Nothing: once the source has papers or topics of the author, the next run asks.",
    ),
    Why.EXCLUDED: Remedy(
        "Makes no request, and removes a summary that was there.",
        "Nothing; to have the author asked, take the id out of the file SUMMARIZER_EXCLUDE.",
    ),
    Why.BAD_JSON: Remedy(_REPEATS, "If it lasts, lower SUMMARIZER_GROUP_SIZE or take a model that keeps to a schema."),
    Why.TRUNCATED: Remedy(_HALVES, "If it lasts, raise SUMMARIZER_MAX_OUTPUT_TOKENS or lower SUMMARIZER_WORDS."),
    Why.NO_CHOICE: Remedy(_REPEATS, "If it lasts, ask the provider, with the request id."),
    Why.BAD_SHAPE: Remedy(_REPEATS, "If it lasts, take a model that keeps to a schema and calls no tools."),
    Why.REFUSAL: Remedy(_HALVES, "If it lasts, read the detail, then change SUMMARIZER_INSTRUCTION or the model."),
    Why.CONTENT_FILTER: Remedy(
        f"Halves the group until the author stands alone, {_LEFT_ALONE}.",
        "Look at the record and at the provider's filter settings, then re-drive the author.",
    ),
    Why.GATEWAY_BODY: Remedy(_OUTSIDE, "If it lasts, look at the gateway or proxy before the provider."),
    Why.BODY_TOO_BIG: Remedy(_REPEATS, "If it lasts, lower SUMMARIZER_GROUP_SIZE and look at what the provider sends."),
    Why.EMPTY_SUMMARY: Remedy(_ONCE_MORE, "If it lasts, change SUMMARIZER_INSTRUCTION or the model."),
    Why.ID_MISMATCH: Remedy(_ONCE_MORE, "If it lasts, lower SUMMARIZER_GROUP_SIZE or change the model."),
    Why.BAD_TYPE: Remedy(_ONCE_MORE, "If it lasts, take a model that keeps to a schema."),
    Why.BAD_TEXT: Remedy(_ONCE_MORE, "If it lasts, look at the author's titles in the source, or change the model."),
    Why.TOO_LONG: Remedy(_ONCE_MORE, "If it lasts, raise SUMMARIZER_WORDS or change the model."),
    Why.ECHO: Remedy(_ONCE_MORE, "If it lasts, change SUMMARIZER_INSTRUCTION or the model."),
    Why.UNSAFE_TEXT: Remedy(
        _ONCE_MORE, "If it lasts, look at the author's titles in the source: somebody may have put orders there."
    ),
    Why.UNGROUNDED: Remedy(_ONCE_MORE, "If it lasts, compare the detail with the record, then take a better model."),
    Why.TOO_LARGE: Remedy(
        f"Shortens the record step by step, {_LEFT_ALONE}.",
        "Lower SUMMARIZER_MAX_CHARACTERS or take a model with a larger context, then re-drive the author.",
    ),
    Why.REJECTED: Remedy(
        f"Halves the group until the author stands alone, {_LEFT_ALONE}.",
        "Read the detail, mend the record or the setting that it names, then re-drive the author.",
    ),
    Why.SERVER_ERROR: Remedy(_OUTSIDE, "If it lasts, ask the provider, with the request id."),
    Why.TIMEOUT: Remedy(_OUTSIDE, "If it lasts, raise SUMMARIZER_REQUEST_TIMEOUT_S or lower SUMMARIZER_GROUP_SIZE."),
    Why.CONNECTION: Remedy(_OUTSIDE, "If it lasts, look at the network between here and the provider."),
}
_KNOWN = {str(reason): remedy for reason, remedy in REMEDIES.items()}


def change_for(reason: str) -> str:
    """What a person should change if the reason lasts or is frequent, as part of a sentence.

    `reason`: of the table, so that another version of this package may have written it.
    """
    if reason not in _KNOWN:
        return "read the detail"
    action = _KNOWN[reason].action.removeprefix("If it lasts, ").removesuffix(".")
    return action[0].lower() + action[1:]
