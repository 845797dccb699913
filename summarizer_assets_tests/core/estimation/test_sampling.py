"""From a sample to all buckets: pure."""

import random

import polars as pl
import pytest

from summarizer_assets.core.estimation.sampling import CountedBucket, SampledBucket, choose, pending_of, work_in
from summarizer_assets.core.prompt.grouping import GroupLimits

LIMITS = GroupLimits(20, 24_000, 16_000, 158)
SCHEMA = {"tokens": pl.Int64, "attempts": pl.Int64, "known": pl.Boolean}


def todo(new: int, known: int = 0, tokens: int = 150, attempts: int = 0) -> pl.DataFrame:
    rows = [(tokens, 0, False)] * new + [(tokens, attempts, True)] * known
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_a_small_table_is_read_whole_and_counted_exactly() -> None:
    counts = {"0000": CountedBucket(50, 50), "0001": CountedBucket(0, 0), "0002": CountedBucket(30, 0)}
    assert choose(counts) == {"0000": 1, "0002": 1}
    samples = {
        "0000": SampledBucket(50, skipped=2, gained=0, todo=todo(48)),
        "0002": SampledBucket(30, skipped=0, gained=0, todo=todo(0, 4, attempts=1)),
    }
    found = pending_of(counts, samples)
    assert found.counted
    assert (found.asked, found.sd) == (52, 0)
    work = work_in(found, LIMITS)
    assert (work.authors, work.calls, work.record_tokens) == (52, 3 + 1, 52 * 150)


def test_a_limit_holds_back_those_who_were_never_asked_and_only_them() -> None:
    counts = {"0000": CountedBucket(50, 50), "0001": CountedBucket(50, 40)}
    samples = {
        "0000": SampledBucket(50, 0, 0, todo(50)),
        "0001": SampledBucket(50, 0, 0, todo(40, 5)),
    }
    found = pending_of(counts, samples, room=60)
    assert (found.new["0000"], found.new["0001"], found.known["0001"], found.held_back) == (50, 10, 5, 30)
    assert work_in(found, LIMITS).calls == 3 + 1
    assert pending_of(counts, samples, room=0).asked == 5


def test_of_a_large_table_so_many_buckets_and_authors_are_read_and_no_more() -> None:
    counts = {f"{number:04d}": CountedBucket(78_000, 78_000 if number % 2 else 0) for number in range(256)}
    chosen = choose(counts)
    assert len(chosen) == 16
    assert sum(counts[bucket].missing > 0 for bucket in chosen) == 12
    assert all(78_000 / part < 1600 for part in chosen.values())


def test_the_last_buckets_of_a_job_are_looked_at_although_most_are_done() -> None:
    counts = {f"{number:04d}": CountedBucket(5000, 0) for number in range(256)} | {"0100": CountedBucket(5000, 5000)}
    assert "0100" in choose(counts)


@pytest.mark.parametrize("seed", range(3))
def test_a_sample_of_a_large_table_comes_near_the_truth(seed: int) -> None:
    draw = random.Random(seed)
    counts: dict[str, CountedBucket] = {}
    truth: dict[str, list[str]] = {}
    for number in range(64):
        kinds = draw.choices(["done", "missing", "skipped", "outdated"], [0, 90, 3, 7] if number % 4 else [95, 0, 0, 5],
                             k=3000)  # fmt: skip
        truth[f"{number:04d}"] = kinds
        counts[f"{number:04d}"] = CountedBucket(3000, sum(kind in {"missing", "skipped"} for kind in kinds))
    samples = {}
    for bucket, part in choose(counts).items():
        seen = draw.sample(truth[bucket], 3000 // part)
        new, known = seen.count("missing"), seen.count("outdated")
        tokens = [draw.randint(50, 400) for _ in range(new + known)]
        frame = todo(new, known).with_columns(tokens=pl.Series(tokens, dtype=pl.Int64))
        samples[bucket] = SampledBucket(len(seen), seen.count("skipped"), 0, frame)
    found = pending_of(counts, samples)
    true = sum(kind in {"missing", "outdated"} for kinds in truth.values() for kind in kinds)
    assert not found.counted
    assert abs(found.asked - true) < 4 * found.sd
    assert found.sd < 0.02 * true
    work = work_in(found, LIMITS)
    assert work.calls == pytest.approx(true / 20 + 32, rel=0.02)
    assert abs(work.record_tokens - true * 225) < 4 * work.record_tokens_sd


def test_authors_who_failed_before_are_expected_in_smaller_groups() -> None:
    counts = {f"{number:04d}": CountedBucket(40_000, 0) for number in range(4)}
    samples = {bucket: SampledBucket(1500, 0, 0, todo(0, 150, attempts=1)) for bucket in choose(counts)}
    work = work_in(pending_of(counts, samples), LIMITS)
    assert work.authors == pytest.approx(16_000)
    assert work.calls == pytest.approx(16_000 / 5, rel=0.01)


def test_what_was_never_met_in_a_sample_is_not_taken_for_impossible() -> None:
    counts = {f"{number:04d}": CountedBucket(78_000, 0) for number in range(64)}
    samples = {bucket: SampledBucket(1500, 0, 0, todo(0)) for bucket in choose(counts)}
    found = pending_of(counts, samples)
    assert found.asked == 0
    assert found.sd > 0
