"""The exception for a reply without usable content, with what to do about it."""

from collections.abc import Mapping

from summarizer_assets.core.records import FailureReason

_DETAIL_CHARACTERS = 300


class UnusableReply(Exception):
    """A response with status 200 whose body as a whole is unusable.

    Args:
        reason: what is wrong with it.
        detail: a readable addition in printable ASCII.
        retry_same: whether to retry the same request once.
        split: whether a group is then halved until the author who causes it is alone.
        provider_error: the provider's error in the body, if any, to be classified.
    """

    def __init__(
        self,
        reason: FailureReason,
        detail: str,
        *,
        retry_same: bool,
        split: bool,
        provider_error: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry_same = retry_same
        self.split = split
        self.provider_error = provider_error


def bad_json(detail: str) -> UnusableReply:
    return UnusableReply(FailureReason.BAD_JSON, printable(detail), retry_same=True, split=True)


def bad_shape(detail: str) -> UnusableReply:
    return UnusableReply(FailureReason.BAD_SHAPE, printable(detail), retry_same=True, split=True)


def truncated(finish: str) -> UnusableReply:
    detail = printable(f"the output limit was reached (finish_reason {finish})")
    return UnusableReply(FailureReason.TRUNCATED, detail, retry_same=False, split=True)


def printable(text: str) -> str:
    """A provider's text made safe for a log or a table: ASCII, one line, cut."""
    return ascii(text)[1:-1][:_DETAIL_CHARACTERS]
