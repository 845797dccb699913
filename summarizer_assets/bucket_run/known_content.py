"""What the records of a bucket are known to render to, so that a run renders only those of which it is not known.

The content hash of a record follows from the record, the render settings and the code that renders. So a run keeps 8
bytes for each author: a hash of the record together with its content hash. Where a later run finds the same for a
record and the content hash of its summary, the summary is of the current content, and nobody needs the text. What is
kept says nothing about a table, so that it stays true whatever happens to the tables: rows changed by others, restored
versions, an old table. Without it a run renders the whole bucket, once.
"""

import array
import inspect
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from hashlib import blake2b
from pathlib import Path

import msgspec
import polars as pl

from summarizer_assets.bucket_run.asking.prompts import NOTHING_TO_SUMMARISE, render_bucket
from summarizer_assets.core import paper_fields
from summarizer_assets.core.prompt import cleaning, latex, rendering
from summarizer_assets.core.prompt.rendering import RENDERED, RenderSettings

#: All that decides what a record renders to, beside its settings, the interpreter and polars.
CODE = (rendering, cleaning, latex, paper_fields)
_AT_ONCE = 10_000  # authors; their papers are rows for a moment
_FILE = "known.content"


class KnownContent:
    """The known content of one bucket, in a local file.

    Any bytes do for the file: half of it, or a damaged one, makes a run render more.

    Args:
        folder: of the bucket's journal.
        settings: how records are rendered.
        log: told when the file cannot be read or written, which is no reason to end a run.
    """

    def __init__(self, folder: Path, settings: RenderSettings, log: Callable[[str], None]) -> None:
        self._path = folder / _FILE
        self._settings = settings
        self._seed = _seed(settings)
        self._log = log

    def contents(self, authors: pl.DataFrame, summaries: pl.DataFrame, *, keep: bool) -> pl.DataFrame:
        """`render_bucket` in any order, without name, text and tokens of authors known to have a current summary.

        Args:
            authors: of the bucket (`records.AUTHORS`), each once.
            summaries: author_id, content_hash; one row an author.
            keep: for the next run.
        """
        records, before = record_keys(authors), self._load()
        stated = authors.select("author_id").join(summaries, on="author_id", how="left", maintain_order="left")
        facts = self._facts(records, stated["content_hash"])
        known = facts.is_in(before.implode()) & stated["content_hash"].is_not_null()
        rendered = render_bucket(authors.filter(~known) if known.any() else authors, self._settings)
        if keep and not (known.all() and before.len() == known.len()):
            self._keep(pl.concat([facts.filter(known), self._facts(records.filter(~known), rendered["content_hash"])]))
        if not known.any():
            return rendered
        current = authors.select("author_id", "bucket", empty=NOTHING_TO_SUMMARISE).with_columns(stated["content_hash"])
        unread = {name: pl.lit(None, RENDERED[name]) for name in ("author_name", "text", "tokens")}
        return pl.concat([rendered, current.filter(known).with_columns(**unread).select(rendered.columns)])

    def _facts(self, records: pl.Series, content_hashes: pl.Series) -> pl.Series:
        """For each record the fact that it has this content hash (UInt64)."""
        return pl.DataFrame([records.alias("record"), content_hashes.alias("content")]).hash_rows(self._seed)

    def _load(self) -> pl.Series:
        content = b""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            pass
        except OSError as error:
            self._log(f"{self._path} cannot be read ({error}): all records of the bucket are rendered")
        return pl.Series(array.array("Q", content[: len(content) // 8 * 8]), dtype=pl.UInt64)

    def _keep(self, facts: pl.Series) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_bytes(array.array("Q", facts.to_list()))
        except OSError as error:
            self._log(f"{self._path} cannot be written ({error}): the next run renders all records of the bucket")


def record_keys(authors: pl.DataFrame) -> pl.Series:
    """A hash (UInt64) of all that is rendered of each author, of whatever its row holds, not of its `record_hash`."""
    parts = [_record_keys(part) for part in authors.iter_slices(_AT_ONCE)]
    return pl.concat(parts) if parts else pl.Series(dtype=pl.UInt64)


def _record_keys(authors: pl.DataFrame) -> pl.Series:
    rows = authors.select("author_id", "author_name", "primary_affiliation", "topics").with_row_index("row")
    lists = pl.DataFrame([rows["row"], authors["papers"]]).filter(pl.col("papers").list.len() > 0)
    papers = lists.explode("papers").unnest("papers")
    each = papers.select(pl.col("row").set_sorted(), paper=papers.drop("row").hash_rows())
    each = each.group_by("row", maintain_order=True).agg("paper")
    return rows.join(each, on="row", how="left", maintain_order="left").drop("row").hash_rows()


def _seed(settings: RenderSettings) -> int:
    return int.from_bytes(blake2b(_code() + msgspec.json.encode(asdict(settings)), digest_size=8).digest())


@cache
def _code() -> bytes:
    """The code that renders, and hashes: polars promises equal hashes within a version only."""
    versions = (pl.__version__, sys.version, unicodedata.unidata_version)
    return "\n".join([*versions, *map(inspect.getsource, CODE)]).encode()
