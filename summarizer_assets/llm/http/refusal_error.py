"""Which error a refusal becomes for the caller of the client."""

from typing import Final

from summarizer_assets.llm.errors import (
    ContentFiltered,
    GroupTooLarge,
    ProviderError,
    Refused,
    RequestRejected,
    Unreadable,
    Unsupported,
)
from summarizer_assets.llm.http.classify import Outcome
from summarizer_assets.llm.http.exchange import FailedTry

_RAISED: Final[dict[Outcome, type[Refused]]] = {
    Outcome.TOO_LARGE: GroupTooLarge,
    Outcome.UNSUPPORTED: Unsupported,
    Outcome.REJECTED: RequestRejected,
    Outcome.DENIED: RequestRejected,
    Outcome.FILTERED: ContentFiltered,
}


def refusal(failed: FailedTry) -> ProviderError:
    """Of a try that was answered, and that neither waiting nor a stop of the run is the answer to."""
    verdict = failed.verdict
    if verdict.outcome is Outcome.GARBLED:
        reason = verdict.kind if verdict.kind == "body_too_big" else "bad_json"
        return Unreadable(reason, retry=False, detail=verdict.message, **failed.facts)
    return _RAISED[verdict.outcome](
        verdict.message,
        cause=verdict.cause,
        fields=verdict.fields,
        blamed=verdict.blamed,
        told=verdict.told,
        **failed.facts,
    )
