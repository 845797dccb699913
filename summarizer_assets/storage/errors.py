"""What storage refuses, each with its remedy.

StorageError
├── TableError        a table cannot be opened, read or written as asked
│   └── StoreUnfit    the object store cannot hold tables, or not with these settings; waiting does not help
├── BucketsDiffer     the tables were made with another number of buckets
├── FenceLost         another run committed to the bucket behind our back
├── JournalError      the journal's disk takes no more
├── ClaimRefused      another run holds the bucket
└── ClaimLost         our claim lapsed and another run took the bucket
"""


class StorageError(Exception):
    pass


class TableError(StorageError):
    pass


class StoreUnfit(TableError):
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
