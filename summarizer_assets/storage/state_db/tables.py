"""Imports all modules that declare tables of the state database, so that the first user creates all of them.

So a database user with the right to create tables is needed only once.
"""

from summarizer_assets.storage import roots
from summarizer_assets.storage.state_db import (
    batch_tables,
    earlier_attempts,
    estimates,
    ledger,
    rate_limits,
    request_forms,
    source_marks,
    state,
    summarized,
)
from summarizer_assets.storage.state_db.database import METADATA

__all__ = [
    "METADATA",
    "batch_tables",
    "earlier_attempts",
    "estimates",
    "ledger",
    "rate_limits",
    "request_forms",
    "roots",
    "source_marks",
    "state",
    "summarized",
]
