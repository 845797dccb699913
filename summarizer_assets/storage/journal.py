"""Answers on a local disk before anything else happens to them: what was paid for survives a crash.

A journal is a folder a bucket, in it one file a segment; each line is `crc32 json`. A run appends to its open
segment, seals it when a batch goes to Delta, and drops it once that batch is committed. What a dead run left is
replayed by the next holder of the bucket's claim, and only by it.
"""

import os
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import msgspec

_FSYNC_EVERY_S = 1.0


@dataclass(frozen=True)
class Replay:
    """What a dead run left: its records in order, and a warning for each damaged file (its good prefix is used)."""

    records: list[dict[str, Any]]
    warnings: list[str]
    segments: list[Path]


class Journal:
    """The open journal of one run over one bucket. Used by one thread."""

    def __init__(self, folder: Path, run_id: str) -> None:
        self._folder = folder
        self._run_id = run_id
        self._number = 0
        self._file: FileIO | None = None
        self._synced_at = time.monotonic()
        self._encode = msgspec.json.Encoder().encode

    def write(self, records: list[dict[str, Any]]) -> None:
        """Hand `records` to the operating system; they outlive this process when it returns.

        Only the fsync, which protects against the machine's own crash, is grouped: at most one a second.
        """
        lines = []
        for record in records:
            text = self._encode(record)
            lines.append(b"%08x %s\n" % (zlib.crc32(text), text))
        file = self._file or self._open()
        unwritten = memoryview(b"".join(lines))
        while unwritten:
            unwritten = unwritten[file.write(unwritten) :]
        now = time.monotonic()
        if now - self._synced_at >= _FSYNC_EVERY_S:
            os.fdatasync(file.fileno())
            self._synced_at = now

    def seal(self) -> Path | None:
        """Close the open segment and return it, or None when nothing was written since the last seal."""
        if self._file is None:
            return None
        os.fdatasync(self._file.fileno())
        path = Path(str(self._file.name))
        self._file.close()
        self._file = None
        return path

    def close(self) -> None:
        """Close without dropping: what is not committed stays for the next run."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> FileIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._number += 1
        path = self._folder / f"{time.time_ns():020d}-{self._run_id}-{self._number:06d}.journal"
        self._file = FileIO(path, "xb")
        return self._file


def replay(folder: Path) -> Replay:
    """Read all segments of a bucket in the order in which they were begun. Only under the bucket's claim."""
    records: list[dict[str, Any]] = []
    warnings: list[str] = []
    segments = sorted(folder.glob("*.journal")) if folder.is_dir() else []
    for path in segments:
        good, damage = _good_prefix(path.read_bytes())
        records.extend(good)
        if damage:
            warnings.append(f"{path}: {damage}; the {len(good)} records before it are used")
    return Replay(records, warnings, segments)


def drop(segments: list[Path]) -> None:
    """Delete segments whose records are committed."""
    for path in segments:
        path.unlink(missing_ok=True)


def has_records(folder: Path) -> bool:
    return folder.is_dir() and any(path.stat().st_size for path in folder.glob("*.journal"))


def _good_prefix(content: bytes) -> tuple[list[dict[str, Any]], str | None]:
    records: list[dict[str, Any]] = []
    for number, line in enumerate(_lines(content), start=1):
        checksum, _, text = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text):
            return records, f"line {number} is damaged or cut off"
        records.append(msgspec.json.decode(text, type=dict[str, Any]))
    return records, None


def _lines(content: bytes) -> Iterator[bytes]:
    yield from content.splitlines(keepends=True)
