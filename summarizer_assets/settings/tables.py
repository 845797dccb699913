"""Settings of the source, the tables and what is kept beside them."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator
from pydantic_settings import BaseSettings

from summarizer_assets.core.buckets import MAX_BUCKETS
from summarizer_assets.settings.groups import sometimes, to_know
from summarizer_assets.settings.rules import known_columns
from summarizer_assets.tables_root import tables_root


class TableSettings(BaseSettings):
    """Part of `Settings`."""

    source: str | None = to_know(
        None,
        description="The input: a Delta table, or Parquet, CSV, JSON lines as file, folder or glob, local or `s3://`. "
        "Unset: the bundled sample of synthetic authors.",
    )
    columns: Annotated[dict[str, str], AfterValidator(known_columns)] = to_know(
        default_factory=dict,
        description="JSON mapping from our column names to the source's, where they differ, as in "
        '`{"author_id": "person", "title": "paper_title"}`. A column `daisngid` is read as `author_id`.',
    )
    root: Annotated[str, AfterValidator(tables_root)] = to_know(
        "data", validate_default=True, description="Where the tables are: a folder or `s3://bucket/prefix`."
    )
    state: str | None = to_know(
        None,
        repr=False,  # may contain a database's password
        description="Claims, run history and spending: a SQLite file, or `postgresql://…` for several hosts. "
        "Unset: `state.sqlite` beside the tables, or in the user's data folder when the root is remote.",
    )
    journal_dir: Path | None = sometimes(
        None,
        description="Where answers are written first: on a local disk, or in a folder that all hosts mount. Unset: "
        "`journal/` beside the tables, or in the user's data folder when the root is remote.",
    )
    journal_fsync_s: float = sometimes(
        1.0, ge=0, description="Longest time in seconds between two syncs to disk; 0: sync each answer."
    )
    buckets: int | None = to_know(
        None,
        ge=1,
        le=MAX_BUCKETS,
        description="Number of buckets; existing tables keep theirs. Unset: chosen by the size of the source when the "
        "tables are made: 1 up to 20,000 authors, 16 up to 1.28 million, 256 for 20 million.",
    )
    keep_removed: bool = sometimes(False, description="Keep summaries and failures of authors who left the source.")
    max_removed_share: float = sometimes(
        0.1,
        ge=0,
        le=1,
        description="An ingest that would remove more than this share of the authors, or all authors of a bucket, is "
        "refused until you confirm it; 1: never refused.",
    )
    max_rejected_share: float = sometimes(
        0.1, ge=0, le=1, description="An ingest that rejects more than this share of the source's rows is refused."
    )
