"""Estimation of the pending authors and requests over all buckets, from the tables' row counts and a sample.

The tables' logs contain, without reading rows, how many authors of each bucket have neither a summary nor a failure. A
sample corrects that number: all or some authors of some buckets, for each of whom it is known whether a run would ask
them now. So only the correction has a sampling error: outdated summaries, due failures, authors skipped by rule.
Buckets with and without missing authors are separate strata, so that a nearly finished job is estimated as well as one
that has not begun.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import polars as pl

from summarizer_assets.core.estimation.cost import Work
from summarizer_assets.core.prompt.grouping import GroupLimits, plan_groups

_BUCKETS_MISSING: Final = 12
_BUCKETS_COVERED: Final = 4
_AUTHORS_A_BUCKET: Final = 1500
_ALL_UP_TO: Final = 20_000  # authors up to which all are read
_UNSEEN: Final = 0.5  # events never seen in a sample count as half an event


@dataclass(frozen=True)
class CountedBucket:
    """Counts of one bucket from the tables' logs. `missing`: authors with neither a summary nor a failure."""

    authors: int
    missing: int


@dataclass(frozen=True)
class SampledBucket:
    """The result of sampling some or all authors of one bucket.

    `seen`: number of authors sampled. `skipped`: number of those without a row who are not to be asked. `gained`:
    number of those with a row who are to be asked for the first time, plus rows of people who left the source, which
    row counts include. `todo`: the authors a run would ask, in its order: tokens, attempts, known (asked before, so
    that SUMMARIZER_LIMIT does not hold them back).
    """

    seen: int
    skipped: int
    gained: int
    todo: pl.DataFrame

    @property
    def known(self) -> int:
        return int(self.todo["known"].sum())


class Total(NamedTuple):
    """A figure for all buckets with its standard deviation."""

    value: float
    sd: float


@dataclass(frozen=True)
class Pending:
    """The authors that runs would ask now, by bucket: `new` for the first time, `known` again.

    `held_back`: further authors never asked, held back by SUMMARIZER_LIMIT. `tokens`: estimated tokens of one record.
    `counted`: whether every author was examined.
    """

    new: Mapping[str, float]
    known: Mapping[str, float]
    held_back: float
    sd: float
    tokens: Total
    samples: Mapping[str, SampledBucket]
    counted: bool

    @property
    def asked(self) -> float:
        return sum(self.new.values()) + sum(self.known.values())


def choose(counts: Mapping[str, CountedBucket]) -> dict[str, int]:
    """The buckets to sample, each with `k`: every k-th of its authors is examined."""
    if sum(count.authors for count in counts.values()) <= _ALL_UP_TO:
        return {bucket: 1 for bucket, count in sorted(counts.items()) if count.authors}
    missing, covered = _strata(counts)
    chosen = [*spread(missing, _BUCKETS_MISSING), *spread(covered, _BUCKETS_COVERED)]
    return {bucket: max(1, counts[bucket].authors // _AUTHORS_A_BUCKET) for bucket in sorted(chosen)}


def spread(buckets: Sequence[str], number: int) -> list[str]:
    """`number` evenly spaced buckets; a bucket's number is independent of its authors."""
    number = min(number, len(buckets))
    return [buckets[(2 * place + 1) * len(buckets) // (2 * number)] for place in range(number)]


def pending_of(
    counts: Mapping[str, CountedBucket], samples: Mapping[str, SampledBucket], room: float | None = None
) -> Pending:
    """Scale the samples up to all buckets.

    Args:
        counts: counts of every bucket.
        samples: samples of the buckets from `choose`.
        room: how many new authors SUMMARIZER_LIMIT still allows; None for no limit.
    """
    new, known = dict.fromkeys(sorted(counts), 0.0), dict.fromkeys(sorted(counts), 0.0)
    weights: dict[str, float] = {}
    new_var = known_var = 0.0
    for stratum in _strata(counts):
        sampled = [bucket for bucket in stratum if bucket in samples and samples[bucket].seen]
        if not sampled:
            continue
        more = _share(sampled, counts, samples, len(stratum), lambda one: (one.gained, one.skipped))
        again = _share(sampled, counts, samples, len(stratum), lambda one: (one.known, 0))
        whole = sum(counts[bucket].authors for bucket in stratum)
        new_var += (whole * more.sd) ** 2
        known_var += (whole * again.sd) ** 2
        for bucket in stratum:
            count, sample = counts[bucket], samples.get(bucket)
            if sample is not None and sample.seen >= count.authors:  # counted completely, not scaled
                new[bucket], known[bucket] = float(sample.todo.height - sample.known), float(sample.known)
            else:
                new[bucket] = min(count.authors, max(0.0, count.missing + count.authors * more.value))
                known[bucket] = count.authors * again.value
        part = sum(counts[bucket].authors for bucket in sampled) / whole
        weights |= {bucket: counts[bucket].authors / samples[bucket].seen / part for bucket in sampled}
    allowed = _within(new, room)
    held_back = sum(new.values()) - sum(allowed.values())
    asked = sum(allowed.values()) + sum(known.values())
    return Pending(
        new=allowed,
        known=known,
        held_back=held_back,
        sd=math.sqrt((0.0 if held_back else new_var) + known_var),
        tokens=_tokens(samples, weights, asked),
        samples=samples,
        counted=all(bucket in samples and samples[bucket].seen >= one.authors for bucket, one in _filled(counts)),
    )


def work_in(pending: Pending, limits: GroupLimits) -> Work:
    """The requests for the pending authors in runs of all buckets, grouped as `limits` allow."""
    if pending.counted:
        todos = [_first(sample.todo, round(pending.new[bucket])) for bucket, sample in pending.samples.items()]
        calls: float = sum(_groups(todo, limits) for todo in todos)
        return Work(pending.asked, calls, float(sum(todo["tokens"].sum() for todo in todos)))
    fills = _fills(pending, limits)
    calls = sum(_calls(pending.new[bucket] + pending.known[bucket], fills) for bucket in pending.new)
    tokens = pending.tokens
    records_sd = math.hypot(pending.sd * tokens.value, pending.asked * tokens.sd)
    return Work(pending.asked, calls, pending.asked * tokens.value, pending.sd, records_sd)


def _filled(counts: Mapping[str, CountedBucket]) -> list[tuple[str, CountedBucket]]:
    return [(bucket, count) for bucket, count in sorted(counts.items()) if count.authors]


def _strata(counts: Mapping[str, CountedBucket]) -> tuple[list[str], list[str]]:
    """The buckets with missing authors, and those without."""
    filled = _filled(counts)
    return [one for one, count in filled if count.missing], [one for one, count in filled if not count.missing]


def _share(
    sampled: Sequence[str],
    counts: Mapping[str, CountedBucket],
    samples: Mapping[str, SampledBucket],
    buckets: int,
    hits: Callable[[SampledBucket], tuple[int, int]],
) -> Total:
    """The share of a stratum's authors that `hits` counts (more, less), by the usual two-stage sampling estimator."""
    rates, within = [], 0.0
    for bucket in sampled:
        sample, authors = samples[bucket], counts[bucket].authors
        more, less = hits(sample)
        rates.append((more - less) / sample.seen)
        part = max(more + less, _UNSEEN) / sample.seen
        within += max(0.0, 1 - sample.seen / authors) * max(0.0, part * (1 - part)) / sample.seen
    sizes = [counts[bucket].authors for bucket in sampled]
    mean = sum(rate * size for rate, size in zip(rates, sizes, strict=True)) / sum(sizes)
    number = len(sampled)
    between = sum((rate - mean) ** 2 for rate in rates) / (number - 1) if number > 1 else 0.0
    return Total(mean, math.sqrt((1 - number / buckets) * between / number + within / number**2))


def _within(new: Mapping[str, float], room: float | None) -> dict[str, float]:
    """Allocate the limit's remaining room to the buckets in order."""
    left = math.inf if room is None else max(0.0, room)
    allowed = {}
    for bucket, authors in new.items():
        allowed[bucket] = min(authors, left)
        left -= allowed[bucket]
    return allowed


def _tokens(samples: Mapping[str, SampledBucket], weights: Mapping[str, float], asked: float) -> Total:
    """The mean tokens of a record, weighted by the inverse sampling rate of bucket and stratum."""
    parts = [(samples[bucket].todo["tokens"], weight) for bucket, weight in weights.items()]
    whole = sum(len(tokens) * weight for tokens, weight in parts)
    number = sum(len(tokens) for tokens, _ in parts)
    if not number:
        return Total(0.0, 0.0)
    mean = sum(float(tokens.sum()) * weight for tokens, weight in parts) / whole
    squares = sum(float(((tokens - mean) ** 2).sum()) * weight for tokens, weight in parts) / whole
    return Total(mean, math.sqrt(squares / number * max(0.0, 1 - number / max(asked, number))))


def _first(todo: pl.DataFrame, new: int) -> pl.DataFrame:
    """The authors asked before, and `new` of the others."""
    return todo.filter(pl.col("known") | ((~pl.col("known")).cum_sum() <= new))


def _groups(todo: pl.DataFrame, limits: GroupLimits) -> int:
    return sum(1 for _ in plan_groups(todo["tokens"].to_list(), todo["attempts"].to_list(), limits))


class _Fill(NamedTuple):
    """Authors with the same number of failed attempts: their share of all, and how many fit into a request."""

    share: float
    authors: float


def _fills(pending: Pending, limits: GroupLimits) -> list[_Fill]:
    todos = [sample.todo for sample in pending.samples.values()]
    whole = sum(todo.height for todo in todos)
    fills = []
    for tried in sorted({attempts for todo in todos for attempts in todo["attempts"].unique()}):
        of_class = [todo.filter(pl.col("attempts") == tried) for todo in todos]
        authors = groups = 0
        for todo in of_class:
            planned = list(plan_groups(todo["tokens"].to_list(), todo["attempts"].to_list(), limits))
            full = planned[:-1]  # the last group has an arbitrary size
            authors += sum(map(len, full))
            groups += len(full)
        share = sum(todo.height for todo in of_class) / whole
        fits = max(1.0, limits.input_tokens / max(1.0, pending.tokens.value))
        fills.append(_Fill(share, authors / groups if groups else min(limits.most(tried), fits)))
    return fills


def _calls(authors: float, fills: Sequence[_Fill]) -> float:
    """Expected requests of a bucket; the last one of each kind is half full on average."""
    calls = 0.0
    for fill in fills:
        number = authors * fill.share
        calls += number if number < 1 else max(1.0, number / fill.authors + (0.5 if fill.authors > 1 else 0.0))
    return calls
