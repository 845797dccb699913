"""From a source's chunks to the changed buckets of `authors`: spill, merge, compare, stream."""
