"""Atomic writing of the report page beside the tables, to a local folder or an object store."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from deltalake.exceptions import DeltaError
from deltalake.fs import DeltaStorageHandler

from summarizer_assets.storage.delta.store_errors import refusal
from summarizer_assets.storage.disk import remedy
from summarizer_assets.storage.errors import StorageError, cause_of

NAME = "report.html"


def put(root: str, page: bytes, options: Mapping[str, str]) -> str:
    """Write `page` as the report of `root`; return its path or address.

    On an object store it is written through the Delta engine's file system, with the tables' credentials; an object
    appears only once it is complete.

    Raises:
        StorageError: the file cannot be written.
    """
    if "://" not in root:
        return put_file(Path(root) / NAME, page)
    place = f"{root}/{NAME}"
    try:
        raw = DeltaStorageHandler(root, dict(options)).open_output_stream(NAME)
        # The engine's stream accepts only bytes, as a larger buffer passes them; pyarrow itself passes a Buffer.
        with pa.BufferedOutputStream(raw, len(page) + 1) as stream:
            stream.write(page)
    except (DeltaError, OSError) as error:
        refused = refusal(root, options, f"{NAME} cannot be written", error)
        if refused is not None:
            raise refused from None  # the cause would show what the store echoed
        raise StorageError(f"{place} cannot be written: {cause_of(error)}; is the store well?") from error
    return place


def put_file(path: Path, page: bytes) -> str:
    """Replace the content of `path` by `page` atomically: readers see the old page or the new one.

    Raises:
        StorageError: the folder is not writable.
    """
    path = path.absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not `tempfile`, whose files only their owner can read: the umask decides who reads a report.
        passing = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            with passing.open("xb") as file:
                file.write(page)
                file.flush()
                os.fsync(file.fileno())
            passing.replace(path)
        finally:
            passing.unlink(missing_ok=True)  # missing after a successful rename
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {cause_of(error)}; {remedy(error)}") from error
    return str(path)
