"""Carries summaries and failures over to a root with another number of buckets, so that nobody is asked again.

    python tools/rebucket.py NEW_ROOT --buckets 256

The old root is that of the settings; it is read and left as it is. No run may be at work on it. Afterwards set
SUMMARIZER_ROOT and SUMMARIZER_BUCKETS to the new values, materialise `authors`, then `author_summaries`: those asked
are the ones that the old root would have asked. What was spent stays in the old root's ledger.
"""

import argparse
import math
import sys

if __name__ == "__main__":  # before what takes long to import
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", help="the new root: a folder or s3://bucket/prefix")
    parser.add_argument("--buckets", type=int, required=True, help="the new number of buckets")
    options = parser.parse_args()

import polars as pl

from summarizer_assets.cli.command import opened
from summarizer_assets.core.buckets import bucket_keys, buckets_of
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.storage.delta.changes import Append
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.storage.journal import has_records


def carry(old: BucketedTable, new: BucketedTable, old_count: int, new_count: int) -> int:
    """All rows of `old` into the empty `new`, an append a bucket; returns how many. Both counts divide into classes:
    the authors of a new bucket come from the old buckets of its class alone, so only those are held at once.
    """
    if old.open() is None:
        return 0
    if new.open() is not None:
        raise SettingsError(f"{new.uri} exists: choose a new root, or remove it")
    new.ensure()
    classes, rows = math.gcd(old_count, new_count), 0
    for start in range(classes):
        frame = old.read(bucket_keys(old_count)[start::classes]).collect()
        frame = frame.with_columns(bucket=buckets_of(frame["author_id"], new_count))
        for (bucket,), part in frame.partition_by("bucket", as_dict=True).items():
            new.writer(str(bucket), None).apply(Append(str(bucket), part.select(new.schema.names())))
            rows += part.height
    if rows != old.read().select(pl.len()).collect().item():
        raise SystemExit(f"{old.uri} changed while it was read: remove {new.uri}, stop all runs, and start again")
    return rows


def carry_all(root: str, buckets: int) -> None:
    old = opened()
    new = Summarizer(load_settings(root=root, buckets=buckets))
    busy = sorted(old.state.holders())
    if busy:
        raise SettingsError(f"runs are at work on buckets {', '.join(busy)}: wait for them, or cancel them")
    left = [key for key in bucket_keys(old.buckets) if has_records(old.journal / key)]
    if left:
        raise SettingsError(
            f"buckets {', '.join(left)}: a run that broke off left answers that are in no table yet; materialise these "
            "buckets first"
        )
    for source, target in ((old.tables.summaries, new.tables.summaries), (old.tables.failures, new.tables.failures)):
        sys.stdout.write(f"{target.uri}: {carry(source, target, old.buckets, buckets):,} rows\n")


def main(root: str, buckets: int) -> int:
    try:
        carry_all(root, buckets)
    except (SettingsError, StorageError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(options.root, options.buckets))
