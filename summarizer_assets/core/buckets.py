"""How many buckets, and the stable hash from author id to bucket, which must never change: rows would be orphaned."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import polars as pl

MAX_BUCKETS = 9999  # keys are four digits wide
#: With so few authors a start of a process for each bucket costs more than the work of the bucket.
AUTHORS_OF_ONE_RUN: Final = 20_000
#: The most authors per bucket, for memory and for a run that is not too long to lose: docs/scale.md, "up to 80,000".
AUTHORS_A_BUCKET: Final = 80_000
#: Rounds over all places: with fewer, places that finish early in the last round are idle for too much of the job.
_ROUNDS: Final = 8
_STEP: Final = 16


def bucket_key(number: int) -> str:
    """The partition key of bucket `number`, zero-padded so that keys sort like numbers."""
    return f"{number:04d}"


def bucket_keys(count: int) -> list[str]:
    return [bucket_key(number) for number in range(count)]


def bucket_of(author_id: str, count: int) -> str:
    digest = blake2b(author_id.encode(), digest_size=8).digest()
    return bucket_key(int.from_bytes(digest, "big") % count)


def buckets_of(author_ids: pl.Series, count: int) -> pl.Series:
    """The bucket key of each author id (String, no nulls), about 1 µs each: `bucket_of`, inlined for speed."""
    keys = bucket_keys(count)
    number = int.from_bytes
    texts = author_ids.cast(pl.Binary)
    found = [keys[number(blake2b(text, digest_size=8).digest(), "big") % count] for text in texts]
    return pl.Series("bucket", found, dtype=pl.String)


def in_parts(keys: Sequence[str], sizes: Sequence[int], most: int) -> Iterator[list[str]]:
    """The keys in order, in parts of at most `most` rows together (`sizes`: of each key); a larger bucket is alone."""
    part: list[str] = []
    rows = 0
    for key, size in zip(keys, sizes, strict=True):
        if part and rows + size > most:
            yield part
            part, rows = [], 0
        part.append(key)
        rows += size
    if part:
        yield part


@dataclass(frozen=True)
class Buckets:
    """The number of buckets and its reason. `too_large`: even the maximum leaves too many authors in each."""

    count: int
    reason: str
    too_large: bool = False


def buckets_for(authors: int, places: int) -> Buckets:
    """One bucket for few authors; else the smallest multiple of 16 with which no bucket is too large.

    Fewer buckets mean fewer runs, files, versions and events. `places`: runs at a time, each of which gets several.
    """
    if authors <= AUTHORS_OF_ONE_RUN:
        return Buckets(1, f"up to {AUTHORS_OF_ONE_RUN:,} authors are one run of minutes")
    for_memory, for_places = math.ceil(authors / AUTHORS_A_BUCKET), _ROUNDS * places
    count = math.ceil(max(for_memory, for_places) / _STEP) * _STEP
    if for_memory > MAX_BUCKETS:
        reason = (
            f"{MAX_BUCKETS:,} is the most, and leaves {authors / MAX_BUCKETS:,.0f} authors in each: use several roots"
        )
        return Buckets(MAX_BUCKETS, reason, too_large=True)
    if for_memory >= for_places:
        reason = f"at most {AUTHORS_A_BUCKET:,} authors each, so that a run keeps within its memory"
    else:
        reason = f"{_ROUNDS} for each of {places} runs at a time, so that none stands idle for long at the end"
    return Buckets(min(count, MAX_BUCKETS), reason)
