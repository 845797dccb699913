"""The buckets as Dagster partitions: one definition for all three assets.

Why buckets and not one partition an author: Dagster follows hundreds of partitions well and millions not at all. Why a
hash and not ranges of ids: ids are handed out in order, so ranges fill unevenly. Which author is in which bucket is
decided in `core.buckets` and never changes.
"""

import dagster as dg

from summarizer_assets.core.buckets import bucket_keys


def bucket_partitions(count: int) -> dg.StaticPartitionsDefinition:
    return dg.StaticPartitionsDefinition(bucket_keys(count))
