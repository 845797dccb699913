"""The default plan of a rehearsal: a mixture of all kinds of faults, in batch jobs too."""

from collections.abc import Sequence

from summarizer_assets.rehearsal.batches.terms import BadLine, BatchTerms, CallFault
from summarizer_assets.rehearsal.plan import Plan, Rule

#: Shares of all requests, by fault.
_SHARES = {
    "server_error": 0.05,
    "bad_gateway": 0.02,
    "throttled_ms": 0.04,
    "reset": 0.03,
    "short_body": 0.02,
    "stall": 0.01,
    "gzip_garbage": 0.02,
    "html_page": 0.02,
    "truncated_json": 0.03,
    "finish_length": 0.02,
    "refusal": 0.02,
    "missing_id": 0.05,
    "duplicate_different": 0.03,
    "swapped": 0.03,
    "link": 0.03,
    "slow": 0.02,
}
_FOR_EVER = ("content_filter", "unprocessable")
#: Jobs of hours, lists and results that show late, calls that go wrong, a line that comes twice. No line is missing:
#: nobody knows what such a one cost, and bill and ledger are compared to the last digit.
_BATCH = BatchTerms(
    validating_s=600.0,
    running_s=4 * 3_600.0,
    finalizing_s=300.0,
    listed_after_s=30.0,
    ids_after_s=120.0,
    empty_error_file=True,
    calls=(
        CallFault("upload", "server_error", after=1),
        CallFault("create", "gateway_timeout", done=True, after=1),
        CallFault("jobs", "unavailable", after=2, times=2),
        CallFault("content", "short_body", after=1),
    ),
    lines=(BadLine(1, "twice"),),
)


def something_of_everything(authors: Sequence[str]) -> Plan:
    """Faults of answers, connections and batch jobs, rate limits, an outage, and two authors that always fail."""
    places = sorted({len(authors) // 3, 2 * len(authors) // 3})
    hopeless = zip(_FOR_EVER, [authors[place] for place in places], strict=False)
    return Plan(
        rules=(
            *(Rule(fault, authors=(author,)) for fault, author in hopeless),
            Rule("unavailable", share=1, after_requests=25, heal_after_requests=40),
            *(Rule(fault, share=share, each_request=True) for fault, share in _SHARES.items()),
        ),
        seed=1,
        latency_s=0.1,
        latency_sigma=0.5,
        requests_per_minute=1200,
        tokens_per_minute=4_000_000,
        batch=_BATCH,
    )
