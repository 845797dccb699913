"""A reply of which nothing can be taken, and what to do about it."""

from collections.abc import Mapping

from summarizer_assets.core.records import FailureReason

_DETAIL_CHARACTERS = 300


class UnusableReply(Exception):
    """A 200 whose body as a whole says nothing of any author.

    Args:
        reason: what is wrong with it.
        detail: a readable addition, of printable ASCII.
        retry_same: whether the same request deserves one more try.
        split: whether a group is then to be halved until the author it comes from stands alone.
        provider_error: the provider's error in the body, where there was one, to be classified.
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
    """A provider's words as they may stand in a log or a table: ASCII, one line, cut."""
    return ascii(text)[1:-1][:_DETAIL_CHARACTERS]
