"""Change detection for sources without reading rows: a Delta table's version, or files' names, sizes and times."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from summarizer_assets.sources.delta.log import first_line
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.files import list_files
from summarizer_assets.sources.stores import s3_filesystem

_S3 = "s3://"


@dataclass(frozen=True)
class SourceLook:
    """The state of a source at one moment.

    Attributes:
        state: a digest that is equal as long as nothing changed, including address and columns.
        changed_at: when its last part was written (epoch seconds, the writer's or the store's clock).
        atomic: changes are commits; plain files, in contrast, may be half written.
        words: the state described for a person.
    """

    state: str
    changed_at: float
    atomic: bool
    words: str


def look_at(uri: str, columns: Mapping[str, str], storage_options: Mapping[str, str] | None) -> SourceLook:
    """Look at a source as `source.open_source` would find it.

    Raises:
        SourceError: nothing readable exists there.
    """
    options = dict(storage_options) if storage_options else None
    listing = list_files(uri, options)
    if listing.format == "delta":
        return _delta(listing.paths[0], columns, options)
    files = sorted(files_of(listing.paths, options))
    newest = max(changed for _, _, changed in files)
    words = f"{len(files):,} files, {sum(size for _, size, _ in files):,} bytes"
    return SourceLook(_digest(uri, columns, files), newest / 1e9, atomic=False, words=words)


def _delta(uri: str, columns: Mapping[str, str], options: dict[str, str] | None) -> SourceLook:
    try:
        table = DeltaTable(uri, storage_options=options)
        committed = table.history(1)[0].get("timestamp", 0)
    except DeltaError as error:
        raise SourceError(
            f"{uri}: the Delta table's log cannot be read: {first_line(error)}; an ingest of it tells more"
        ) from error
    version = table.version()
    state = _digest(uri, columns, (str(table.metadata().id), version))
    return SourceLook(state, committed / 1000, atomic=True, words=f"version {version}")


def files_of(paths: tuple[str, ...], options: dict[str, str] | None) -> Iterator[tuple[str, int, int]]:
    """Path, size in bytes, and modification time in nanoseconds of each file."""
    if not paths[0].startswith(_S3):
        for path in paths:
            try:
                found = Path(path).stat()
            except FileNotFoundError as error:
                raise SourceError(f"{path}: was there a moment ago; files are being moved: look again") from error
            yield path, found.st_size, found.st_mtime_ns
        return
    try:
        infos = s3_filesystem(options or {}).get_file_info([path.removeprefix(_S3) for path in paths])
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{paths[0]}: cannot be looked at: {first_line(error)}; check the AWS_* variables") from error
    for path, info in zip(paths, infos, strict=True):
        if info.type != pafs.FileType.File:
            raise SourceError(f"{path}: was there a moment ago; objects are being moved: look again")
        yield path, info.size, info.mtime_ns


def _digest(uri: str, columns: Mapping[str, str], told: object) -> str:
    return blake2b(repr((uri, sorted(columns.items()), told)).encode(), digest_size=8).hexdigest()
