"""What storage refuses, each with its remedy.

StorageError
├── TableError        a table cannot be opened, read or written as asked
│   ├── ProtocolUnfit others put something on it with which it cannot be read, or written
│   ├── ColumnsDiffer it has other columns than this version writes
│   ├── StoreUnfit    the object store cannot hold tables, or not with these settings; waiting does not help
│   └── LogDamaged    its log was damaged: what it says cannot be trusted, and nothing is done on it
├── RootCopied        the tables have the id of others that are still there
├── BucketsDiffer     the tables were made with another number of buckets
├── FenceLost         another run committed to the bucket behind our back
├── JournalError      the journal's disk takes no more
├── ClaimRefused      another run holds the bucket
└── ClaimLost         our claim lapsed and another run took the bucket
"""

import re

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_BACKTRACE = re.compile(r"\s*\d+: ")
_SHOWN_CHARACTERS = 300


class StorageError(Exception):
    pass


class TableError(StorageError):
    pass


class ColumnsDiffer(TableError):
    """`wrong`: what is wrong with each column that is, in words."""

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
    """An error of the Delta engine in one line: without its colours, arrows and backtrace, and not without end."""
    lines = _COLOURS.sub("", str(error)).splitlines()
    said = [line.strip().removeprefix("↳").strip() for line in lines if not _BACKTRACE.match(line)]
    text = ": ".join(line for line in said if line) or type(error).__name__
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
