"""Jobs that do not tell what they were made with: which of them may be ours, and what their requests tell."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from summarizer_assets.core.batches.lines import metadata_of, parts_of
from summarizer_assets.core.batches.states import RemoteJob, since_of

#: A call to make a job, and the provider's clock, end it so long after it was meant to be made.
_AFTER_S: Final = 900.0


def suspects(intent_at: float, requests: int, listed: Sequence[RemoteJob], ours: Collection[str]) -> list[RemoteJob]:
    """The listed jobs that may be the one that was about to be made at `intent_at`, of which nobody heard.

    Args:
        intent_at: when.
        requests: how many it has.
        listed: the account's jobs.
        ours: ids of jobs that are known to be others.
    """
    return [
        job
        for job in listed
        if since_of(intent_at) <= job.created_at <= intent_at + _AFTER_S
        and job.requests in (None, requests)
        and job.id not in ours
    ]


def mark_of_request(custom_id: object) -> Mapping[str, str]:
    """What the id of a request tells of its job, as `metadata_of` has it; of somebody else's: nothing."""
    parts = parts_of(custom_id)
    return {} if parts is None else metadata_of(parts.key, "", parts.root or "")
