"""What `summarizer status` says of money and of rows of the source."""

from dataclasses import replace

from summarizer_assets.cli.status import status_data, status_text
from summarizer_assets.core.batches.states import JobState
from summarizer_assets.core.batches.waiting import Waiting
from summarizer_assets.overview.facts import BucketNow, Overview

ONE = [BucketNow("0000", 10, 9, 1, 0)]
CENT = 10_000_000  # nano-dollars


def test_wasted_money_and_rejected_rows_are_told() -> None:
    now = Overview("data", ONE, spent=3 * CENT, wasted=CENT, uncertain=2 * CENT, budget=5 * CENT, rejected_rows=1)
    text = status_text(now)
    assert "$0.03  of a budget of $0.05, $0.01 of it for no summary, $0.02 more perhaps" in text
    assert "1  source rows that became no author" in text
    assert (status_data(now)["wasted_usd"], status_data(now)["rejected_rows"]) == (0.01, 1)


def test_nothing_is_said_of_what_did_not_happen() -> None:
    text = status_text(Overview("data", ONE, spent=3 * CENT, budget=5 * CENT))
    assert "of a budget of $0.05\n" in text
    assert "rejected" not in text
    assert "batch" not in text
    assert status_data(Overview("data", ONE))["batch_jobs"] is None


def test_authors_in_batch_jobs_are_told_with_age_expiry_and_money() -> None:
    job = Waiting.of(JobState.OPEN, requests=3, authors=6, reserve=CENT, planned_at=0.0, expires_at=86_400.0)
    buckets = [BucketNow("0000", 10, 2, 0, 8, in_batch=job), BucketNow("0001", 6, 0, 0, 6, in_batch=job)]
    now = Overview("data", buckets, at=10_800.0)
    text = status_text(now, verbose=True)
    assert (
        "in batch            12  in 2 batch jobs of 6 requests, the oldest 3.0 hours old, "
        "the first expires in 21.0 hours, $0.02 reserved"
    ) in text
    assert "6 in 1 batch job" in text
    data = status_data(now)
    assert (data["in_batch"], data["buckets"][0]["in_batch"]) == (12, 6)
    assert data["batch_jobs"] == {
        "jobs": 2,
        "requests": 6,
        "reserved_usd": 0.02,
        "oldest_at": "1970-01-01T00:00:00+00:00",
        "expires_at": "1970-01-02T00:00:00+00:00",
    }
    assert "2 authors wait to be asked" in text
    all_in_jobs = replace(now, buckets=[buckets[1]])
    assert "6 authors wait for 1 batch job; summarizer ui collects them by itself" in status_text(all_in_jobs)
    ended = replace(job, states=frozenset({JobState.ENDED}), for_us=1)
    assert "1 batch job can be collected" in status_text(replace(now, buckets=[replace(buckets[1], in_batch=ended)]))
