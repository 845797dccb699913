"""Our own code over what Spark wrote: the hash of each record that came out, or the error that refused it."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.storage.delta.stream import persist
from summarizer_assets.storage.errors import StorageError


def hashes(source: Path, columns: Mapping[str, str] | None = None) -> dict[str, str] | SourceError:
    """The record hash of each author in `source`, by the author's id."""
    with tempfile.TemporaryDirectory() as folder:
        summarizer = _over(Path(folder), source, 1, columns or {})
        try:
            _ingest(summarizer)
        except SourceError as error:
            return error
        return _hashes(summarizer)


def ingest_again(root: Path, source: Path, buckets: int) -> StorageError | None:
    """An ingest into tables that are there; what it said if it refused them."""
    try:
        _ingest(_over(root, source, buckets, {}))
    except StorageError as error:
        return error
    return None


def ingest_twice(first: Path, then: Path) -> tuple[dict[str, str], str]:
    """A source that is `first` when it is ingested and `then` the next time: the hashes, and what was read then."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        shutil.copytree(first, source)
        summarizer = _over(Path(folder) / "root", source, 1, {})
        _ingest(summarizer)
        shutil.rmtree(source)
        shutil.copytree(then, source)
        said = _ingest(summarizer)
        return _hashes(summarizer), next(line for line in said if line.startswith("reading "))


def _hashes(summarizer: Summarizer) -> dict[str, str]:
    return dict(summarizer.tables.authors.read().select("author_id", "record_hash").collect().iter_rows())


def _over(root: Path, source: Path, buckets: int, columns: Mapping[str, str]) -> Summarizer:
    given = {"root": str(root), "source": str(source), "buckets": buckets, "columns": dict(columns)}
    return Summarizer(load_settings(None, **given))


def _ingest(summarizer: Summarizer) -> list[str]:
    """What it said."""
    said = list[str]()
    stream = summarizer.ingest(bucket_keys(summarizer.buckets), log=said.append, describe=lambda *_: None)
    persist(summarizer.tables.authors, stream)
    return said
