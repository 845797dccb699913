"""Every table of the shared database, so that whoever opens it first makes all of them, not only those it uses.

Then a user with the right to make tables is needed once, and not again when a worker comes to use another part.
"""

from summarizer_assets.storage import roots
from summarizer_assets.storage.state_db import (
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
