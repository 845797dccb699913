"""Every table of the shared database, so that whoever opens it first makes all of them, not only those it uses.

Then a user with the right to make tables is needed once, and not again when a worker comes to use another part.
"""

from summarizer_assets.storage import estimates, ledger, limiter, marks, request_forms, roots, state, summarized, tried
from summarizer_assets.storage.database import METADATA

__all__ = [
    "METADATA",
    "estimates",
    "ledger",
    "limiter",
    "marks",
    "request_forms",
    "roots",
    "state",
    "summarized",
    "tried",
]
