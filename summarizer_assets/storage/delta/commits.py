"""Commit properties shared by all our commits."""

from collections.abc import Mapping

from deltalake import CommitProperties, Transaction, WriterProperties

WRITER = WriterProperties(compression="ZSTD", compression_level=3)
_COMMIT_RETRIES = 100  # with 15, two of 200 concurrent appends were lost
CREATE_ONCE = CommitProperties(max_commit_retries=0)  # a retry would make the table again, as version 1


#: Metadata key in the log entry that identifies the writer and its change.
MARK = "summarizer.change"


def commit_properties(
    transaction: Transaction | None = None, mark: str | None = None, note: Mapping[str, str] | None = None
) -> CommitProperties:
    return CommitProperties(
        max_commit_retries=_COMMIT_RETRIES,
        app_transactions=None if transaction is None else [transaction],
        custom_metadata=None if mark is None else {MARK: mark, **(note or {})},
    )
