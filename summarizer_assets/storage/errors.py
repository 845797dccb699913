"""The exceptions of storage; each message names a remedy.

StorageError
├── TableError        a table cannot be opened, read or written
│   ├── ProtocolUnfit another tool added a feature with which it cannot be read or written
│   ├── ColumnsDiffer its columns differ from those this version writes
│   ├── StoreUnfit    the object store cannot hold tables, or not with these settings; waiting does not help
│   └── LogDamaged    its log is damaged and cannot be trusted; nothing was done
├── RootCopied        the tables have the id of others that still exist
├── BucketsDiffer     the tables were created with another number of buckets
├── FenceLost         another run committed to the bucket meanwhile
├── JournalError      the journal cannot be read or written, mostly because the disk is full
├── ClaimRefused      another run holds the bucket
└── ClaimLost         our claim lapsed and another run took the bucket
"""

import re

from summarizer_assets.core.display_text import cut

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_BACKTRACE = re.compile(r"\s*\d+: ")
_SHOWN_CHARACTERS = 300


class StorageError(Exception):
    pass


class TableError(StorageError):
    pass


class ColumnsDiffer(TableError):
    """`wrong`: a description of each differing column."""

    def __init__(self, message: str, wrong: tuple[str, ...]) -> None:
        super().__init__(message)
        self.wrong = wrong


class ProtocolUnfit(TableError):
    pass


class LogDamaged(TableError):
    pass


class StoreUnfit(TableError):
    pass


class RootCopied(StorageError):
    pass


class BucketsDiffer(StorageError):
    pass


class FenceLost(StorageError):
    pass


class JournalError(StorageError):
    pass


class ClaimRefused(StorageError):
    pass


class ClaimLost(StorageError):
    pass


def cause_of(error: BaseException) -> str:
    """An error of the Delta engine in one line of bounded length, without colours, arrows and backtrace."""
    lines = _COLOURS.sub("", str(error)).splitlines()
    said = [line.strip().removeprefix("↳").strip() for line in lines if not _BACKTRACE.match(line)]
    text = ": ".join(line for line in said if line) or type(error).__name__
    return cut(text, _SHOWN_CHARACTERS)
