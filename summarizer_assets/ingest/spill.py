"""Spill files: rows of one schema routed to one append-only file per key, with bounded memory and open files."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import polars as pl
import pyarrow as pa

_LOCK = "in-use"
_PREFIX = "ingest-"
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")
#: Rows buffered before they are routed, so that many small input files do not become many tiny writes.
_WAITING_ROWS = 50_000


class SpillError(OSError):
    """The local disk cannot hold the spill files of an ingest."""


class Spill:
    """One folder of spill files. Rows of a key are read in the order in which they were added."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._waiting: list[pl.DataFrame] = []
        self._rows: dict[str, int] = {}
        self._bytes: dict[str, int] = {}

    def add(self, rows: pl.DataFrame, keys: pl.Series) -> None:
        """Add rows, each under its key (a String that can be a file's name)."""
        self._waiting.append(rows.with_columns(keys.alias("__key")))
        if sum(frame.height for frame in self._waiting) >= _WAITING_ROWS:
            self._route()

    def put(self, key: str, rows: pl.DataFrame) -> None:
        """Write rows that all belong to one key, without buffering."""
        self._append(key, rows.to_arrow(compat_level=pl.CompatLevel.oldest()))

    def _route(self) -> None:
        if not self._waiting:
            return
        # A stable sort keeps the source's order within a key.
        frame = pl.concat(self._waiting).sort("__key", maintain_order=True)
        self._waiting = []
        sizes = frame.group_by("__key", maintain_order=True).len()
        # Arrow trims buffers to a slice when it writes; polars would write the whole buffers of a text column.
        table = frame.drop("__key").to_arrow(compat_level=pl.CompatLevel.oldest())
        start = 0
        for key, height in sizes.iter_rows():
            self._append(key, table.slice(start, height))
            start += height

    def _append(self, key: str, rows: pa.Table) -> None:
        path = self._path(key)
        try:
            with path.open("ab") as file, pa.ipc.new_stream(file, rows.schema, options=_OPTIONS) as stream:
                stream.write_table(rows)
        except OSError as error:
            raise SpillError(
                f"{path}: cannot be written: {error}; free space there, an ingest puts about the source's size aside "
                "and removes it when it ends, and run again: the tables are as they were"
            ) from error
        self._rows[key] = self._rows.get(key, 0) + rows.num_rows
        self._bytes[key] = self._bytes.get(key, 0) + rows.nbytes

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.arrows"

    def flush(self) -> None:
        """Write the buffered rows; `size` and `read` are correct only after it."""
        self._route()

    def size(self, key: str) -> int:
        """Uncompressed bytes under a key."""
        return self._bytes.get(key, 0)

    def read(self, key: str) -> Iterator[pl.DataFrame]:
        """The frames under a key, one at a time."""
        path = self._path(key)
        if not path.exists():
            return
        end = path.stat().st_size
        with pa.OSFile(str(path)) as file:
            while file.tell() < end:
                with pa.ipc.open_stream(file) as stream:
                    frame = pl.from_arrow(stream.read_all())
                assert isinstance(frame, pl.DataFrame)
                yield frame

    def drop(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)


class SpillFolder:
    """A run's own folder under `parent`, removed on exit; folders of dead runs are removed on entry."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent

    def __enter__(self) -> Path:
        self._parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(self._parent)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._parent))
        self._lock = (self.path / _LOCK).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _remove(self.path)
        self._lock.close()


def _remove_abandoned(parent: Path) -> None:
    """Remove folders of dead runs: a lock ends with its process, so a folder whose lock is free has no owner."""
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            lock = (folder / _LOCK).open("r+")
        except FileNotFoundError:
            continue  # being created or removed at this moment
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # alive
            if folder.exists():  # otherwise another run removed it before we took the lock
                _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, its lock last, so that the next run recognises an interrupted removal as abandoned."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()
    (folder / _LOCK).unlink()
    folder.rmdir()
