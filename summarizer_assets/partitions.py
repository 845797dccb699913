"""The Dagster partitions: one per bucket, the same definition for all three assets.

Why buckets and not one partition per author: Dagster handles hundreds of partitions well and millions not at all. Why a
hash and not ranges of ids: ids are assigned in order, so ranges fill unevenly. `core.buckets` assigns authors to
buckets, and the assignment never changes.
"""

import dagster as dg

from summarizer_assets.core.buckets import bucket_keys


def bucket_partitions(count: int) -> dg.StaticPartitionsDefinition:
    return dg.StaticPartitionsDefinition(bucket_keys(count))
