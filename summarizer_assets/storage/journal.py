"""The write-ahead journal: each answer is written to a local disk first, so that paid answers survive a crash.

A journal is one folder per bucket with one file per segment; each line is `crc32 json`. A run appends to its open
segment, cuts and seals it when a batch goes to Delta, and drops it once that batch is committed. Segments of a dead run
are replayed only by the next holder of the bucket's claim.
"""

import contextlib
import os
import threading
import time
import zlib
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import msgspec

from summarizer_assets.storage.disk import remedy
from summarizer_assets.storage.errors import JournalError

FSYNC_EVERY_S = 1.0
_SEGMENTS = "[0-9]" * 20 + "-*.journal"
_DAMAGED = ".damaged"


@dataclass(frozen=True)
class Replay:
    """Result of a replay: the records in order, a warning for each damaged file, and the segments to drop."""

    records: list[dict[str, Any]]
    warnings: list[str]
    segments: list[Path]


class _Sync(threading.Thread):
    """A sync beside the thread that writes, which a busy disk would hold up; `error` once it ended."""

    def __init__(self, file: FileIO) -> None:
        super().__init__(name="journal sync", daemon=True)
        self.error: OSError | None = None
        self._file = file
        self.start()

    def run(self) -> None:
        try:
            os.fdatasync(self._file.fileno())
        except OSError as error:  # raised where the journal is next written, sealed or closed
            self.error = error


class Journal:
    """The open journal of one run over one bucket. Not thread-safe.

    Args:
        folder: the bucket's folder.
        run_id: part of the segments' names.
        fsync_s: the longest time in seconds between the starts of two syncs while writing, beside the writer, unless
            the disk takes longer for one; 0 syncs each write before it returns.
    """

    def __init__(self, folder: Path, run_id: str, fsync_s: float = FSYNC_EVERY_S) -> None:
        self._folder = folder
        self._run_id = run_id
        self._fsync_s = fsync_s
        self._number = 0
        self._file: FileIO | None = None
        self._synced_at = time.monotonic()
        self._syncing: _Sync | None = None
        self._encode = msgspec.json.Encoder().encode

    def write(self, records: list[dict[str, Any]]) -> None:
        """Write `records` to the operating system; on return they survive the end of this process.

        Only the fsync, which protects against a crash of the machine, is grouped: at most one in `fsync_s` seconds.

        Raises:
            JournalError: the disk is full or cannot be written; `records` may be lost, earlier records are not. Also if
                the last sync failed.
        """
        if not records:
            return
        lines = []
        for record in records:
            text = self._encode(record)
            lines.append(b"%08x %s\n" % (zlib.crc32(text), text))
        try:
            file = self._file or self._open()
            start = file.tell()
            try:
                unwritten = memoryview(b"".join(lines))
                while unwritten:
                    unwritten = unwritten[file.write(unwritten) :]
            except OSError:
                # A partial line would hide all later records from a replay.
                file.truncate(start)
                file.seek(start)
                raise
            self._sync_if_due(file)
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    def cut(self) -> "Segment | None":
        """End the open segment: what is written next opens another. None if nothing was written since the last cut."""
        segment = None if self._file is None else Segment(self._file, self._syncing)
        self._file = self._syncing = None
        return segment

    def close(self) -> None:
        """Close without dropping segments: uncommitted records stay for the next run.

        Raises:
            JournalError: the last sync failed; a crash of the machine may lose these records.
        """
        syncing, file = self._syncing, self._file
        self._file = self._syncing = None
        if file is not None:
            with file:
                if syncing is not None:
                    syncing.join()
        if syncing is not None and syncing.error is not None:
            raise _unwritable(self._folder, syncing.error) from syncing.error

    def _sync_if_due(self, file: FileIO) -> None:
        now = time.monotonic()
        if now - self._synced_at < self._fsync_s:
            return
        if not self._fsync_s:
            os.fdatasync(file.fileno())
        elif self._syncing is None or not self._syncing.is_alive():
            if self._syncing is not None and self._syncing.error is not None:
                raise self._syncing.error
            self._syncing = _Sync(file)
            self._synced_at = now

    def _open(self) -> FileIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._number += 1
        # Sorts after every existing segment, even if the clock was set back.
        newest = max((int(path.name.partition("-")[0]) for path in self._folder.glob(_SEGMENTS)), default=0)
        stamp = max(time.time_ns(), newest + 1)
        path = self._folder / f"{stamp:020d}-{self._run_id}-{self._number:06d}.journal"
        self._file = FileIO(path, "xb")
        _sync_folder(self._folder)
        return self._file


class Segment:
    """A part of a journal to which nothing is added; the caller of `Journal.cut` has it alone, in any thread."""

    def __init__(self, file: FileIO, syncing: _Sync | None) -> None:
        self._file = file
        self._syncing = syncing

    def seal(self) -> Path:
        """Sync and close it: it outlives a crash of the machine from now on.

        Raises:
            JournalError: the disk cannot be written.
        """
        path = Path(str(self._file.name))
        try:
            with self._file as file:
                if self._syncing is not None:
                    self._syncing.join()
                    if self._syncing.error is not None:
                        raise self._syncing.error
                os.fdatasync(file.fileno())
        except OSError as error:
            raise _unwritable(path.parent, error) from error
        return path


def replay(folder: Path) -> Replay:
    """Read all segments of a bucket in order of creation. The caller must hold the bucket's claim.

    Raises:
        JournalError: a segment cannot be read, or a damaged one cannot be set aside. Continuing without it would pay
            for its answers again.
    """
    records: list[dict[str, Any]] = []
    warnings: list[str] = []
    segments: list[Path] = []
    try:
        for path in sorted(folder.glob(_SEGMENTS)) if folder.is_dir() else []:
            content = path.read_bytes()
            good, length, damage = _good_prefix(content)
            records.extend(good)
            if damage is None:
                segments.append(path)
                continue
            kept, rest = _put_aside(path, content[:length])
            segments.extend(rest)
            warnings.append(
                f"{path}: {damage}; the {len(good)} records before it are used, authors of later ones are asked "
                f"again; all its bytes are kept in {kept.name}, which may be deleted"
            )
    except OSError as error:
        raise JournalError(
            f"the journal {folder} cannot be read: {error}; it holds answers that were paid for: make it readable and "
            "writable for this user, or move the file away to have its authors asked again"
        ) from error
    return Replay(records, warnings, segments)


def peek(folder: Path) -> list[dict[str, Any]]:
    """All records in the journals under `folder`, read without a claim; some may be committed at this moment.

    Raises:
        JournalError: a segment cannot be read.
    """
    records: list[dict[str, Any]] = []
    try:
        for path in sorted(folder.glob(f"*/{_SEGMENTS}")) if folder.is_dir() else []:
            with contextlib.suppress(FileNotFoundError):
                records.extend(_good_prefix(path.read_bytes())[0])
    except OSError as error:
        raise JournalError(
            f"the journal {folder} cannot be read: {error}; it holds answers that were paid for: make it readable for "
            "this user"
        ) from error
    return records


def drop(segments: list[Path]) -> None:
    """Delete segments whose records are committed."""
    for path in segments:
        path.unlink(missing_ok=True)


def has_records(folder: Path) -> bool:
    """Whether a dead run left records, or a live run is writing; called without the claim, so files may vanish."""
    return folder.is_dir() and any(_size(path) for path in folder.glob(_SEGMENTS))


def _unwritable(folder: Path, error: OSError) -> JournalError:
    return JournalError(
        f"the journal {folder} cannot be written: {error}; {remedy(error)}, or set "
        "SUMMARIZER_JOURNAL_DIR to another disk"
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _put_aside(path: Path, good: bytes) -> tuple[Path, list[Path]]:
    """Rename a damaged segment so that no replay reads it, and write its good records to a segment of their own.

    After an interruption both may exist; then the good records are read twice, which does no harm.
    """
    rest = path.with_name(f"{path.stem}-good{path.suffix}")  # sorts like the damaged one
    if good:
        with rest.open("wb") as file:
            file.write(good)
            file.flush()
            os.fsync(file.fileno())
    kept = path.with_name(path.name + _DAMAGED)
    path.rename(kept)
    _sync_folder(path.parent)
    return kept, [rest] if good else []


def _sync_folder(folder: Path) -> None:
    """Sync the folder, because a crash of the machine may otherwise lose the names of synced files."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _good_prefix(content: bytes) -> tuple[list[dict[str, Any]], int, str | None]:
    """The records before the first damage, their length in bytes, and a description of the damage or None."""
    records: list[dict[str, Any]] = []
    length = 0
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        checksum, _, text = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text):
            return records, length, f"line {number} is damaged or cut off"
        try:
            records.append(msgspec.json.decode(text, type=dict[str, Any]))
        except msgspec.DecodeError:
            return records, length, f"line {number} is no record"
        length += len(line)
    return records, length, None
