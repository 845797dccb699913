"""Deletion vectors of hand-made tables: which rows of a file are no more, as the protocol has it, byte by byte."""

import base64
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from summarizer_assets_tests.sources.delta.databricks_tables import Action, named_uuid


def bitmap(rows: Iterable[int]) -> bytes:
    """A RoaringBitmapArray of row numbers: magic, count, then for each upper half its 32-bit bitmap of arrays."""
    by_half: dict[int, list[int]] = {}
    for row in sorted(set(rows)):
        by_half.setdefault(row >> 32, []).append(row & 0xFFFFFFFF)
    parts = [struct.pack("<i", 1681511377), struct.pack("<q", len(by_half))]
    for half, values in by_half.items():
        parts += [struct.pack("<i", half), _bitmap32(values)]
    return b"".join(parts)


def _bitmap32(values: Sequence[int]) -> bytes:
    containers: dict[int, list[int]] = {}
    for value in values:
        containers.setdefault(value >> 16, []).append(value & 0xFFFF)
    assert all(len(one) <= 4096 for one in containers.values()), "more would be a bitmap container"
    head = struct.pack("<II", 12346, len(containers))
    keys = b"".join(struct.pack("<HH", key, len(one) - 1) for key, one in containers.items())
    start = len(head) + len(keys) + 4 * len(containers)
    offsets, bodies = b"", b""
    for one in containers.values():
        offsets += struct.pack("<I", start + len(bodies))
        bodies += struct.pack(f"<{len(one)}H", *one)
    return head + keys + offsets + bodies


def deleted_inline(add: Action, rows: Sequence[int]) -> Action:
    """The same file without `rows`, which are told in the log itself."""
    data = bitmap(rows)
    text = base85(data)
    vector = {"storageType": "i", "pathOrInlineDv": text, "sizeInBytes": len(data), "cardinality": len(set(rows))}
    return {"add": {**add["add"], "deletionVector": vector}}


def deleted_in_file(folder: Path, adds: Sequence[tuple[Action, Sequence[int]]], prefix: str = "") -> list[Action]:
    """The same files without rows of theirs, which one file beside them tells for all."""
    name = named_uuid(str(adds))
    file = folder / prefix / f"deletion_vector_{name}.bin"
    file.parent.mkdir(exist_ok=True)
    content, told = b"\x01", []
    for add, rows in adds:
        data = bitmap(rows)
        vector = {
            "storageType": "u",
            "pathOrInlineDv": prefix + base85(name.bytes),
            "offset": len(content),
            "sizeInBytes": len(data),
            "cardinality": len(set(rows)),
        }
        content += struct.pack(">i", len(data)) + data + struct.pack(">I", zlib.crc32(data))
        told.append({"add": {**add["add"], "deletionVector": vector}})
    file.write_bytes(content)
    return told


_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_B85 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"


def base85(data: bytes) -> str:
    """Z85: the same digits as Python's base 85, in another alphabet, and whole groups of four bytes."""
    whole = data + b"\0" * (-len(data) % 4)
    return base64.b85encode(whole).decode().translate(str.maketrans(_B85, _Z85))
