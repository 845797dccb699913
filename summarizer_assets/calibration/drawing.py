"""The deterministic sample of authors for a calibration: the same at each size, as long as the table is unchanged."""

from typing import Final

import polars as pl

from summarizer_assets.bucket_run.admission import require_exact_exclusions
from summarizer_assets.core.estimation.sampling import spread
from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.errors import TableError

_BUCKETS: Final = 8
_SEED, _ORDER_SEED = 22, 23
_LOOKED_AT: Final = 4  # factor of candidates per author wanted: some are skipped by rule, and buckets differ


def draw(summarizer: Summarizer, number: int) -> pl.DataFrame:
    """At most `number` authors of some buckets, chosen by a hash of their ids: author_id, author_name, text, tokens.

    As in a run, authors in SUMMARIZER_EXCLUDE and those with nothing to summarise are left out.

    Raises:
        TableError: there are no authors yet, none can be asked, or the table cannot be read.
        SettingsError: an id nearly matches an entry of the exclusion list.
    """
    table = summarizer.tables.authors
    rows = {bucket: count for bucket, count in sorted(table.rows_by_bucket().items()) if count}
    chosen = spread(list(rows), _BUCKETS)
    if sum(rows[bucket] for bucket in chosen) < _LOOKED_AT * number:
        chosen = list(rows)
    parts = [_of_bucket(summarizer, bucket, rows[bucket], -(-number // len(chosen))) for bucket in chosen]
    if not parts or not sum(part.height for part in parts):
        raise TableError(f"{table.uri}: there is no author to ask; materialise the asset `authors` first")
    return pl.concat(parts).sort(pl.col("author_id").hash(_ORDER_SEED)).head(number)


def _of_bucket(summarizer: Summarizer, bucket: str, authors: int, number: int) -> pl.DataFrame:
    table = summarizer.tables.authors
    part = max(1, authors // (_LOOKED_AT * number))
    picked = pl.col("author_id").hash(_SEED) % part == 0
    with reading(table.uri):
        found = table.read([bucket]).filter(picked).collect(engine="streaming")
    lines = summarizer.settings.excluded_lines
    require_exact_exclusions(found["author_id"], lines, table)
    excluded = pl.col("author_id").is_in(list(lines))
    rendered = summarizer.render(found).filter(~(pl.col("empty") | excluded))
    # More than this bucket's share, because another bucket may have fewer.
    wanted = rendered.sort(pl.col("author_id").hash(_ORDER_SEED)).head(_LOOKED_AT * number)
    return wanted.select("author_id", "author_name", "text", "tokens")
