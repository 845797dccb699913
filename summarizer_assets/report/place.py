"""Where the page lies: beside the tables, put there as a whole or not at all."""

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
    """Make `page` the report of `root`; returns its place.

    On an object store it goes through the file system of the Delta engine, with the rights that the tables are written
    with: an object is there when all of it is.

    Raises:
        StorageError: the place takes no file.
    """
    if "://" not in root:
        return put_file(Path(root) / NAME, page)
    place = f"{root}/{NAME}"
    try:
        raw = DeltaStorageHandler(root, dict(options)).open_output_stream(NAME)
        # The engine's stream takes bytes only, which a larger buffer hands to it; pyarrow's own way is a Buffer.
        with pa.BufferedOutputStream(raw, len(page) + 1) as stream:
            stream.write(page)
    except (DeltaError, OSError) as error:
        refused = refusal(root, options, f"{NAME} cannot be written", error)
        if refused is not None:
            raise refused from None  # the cause would show what the store echoes
        raise StorageError(f"{place} cannot be written: {cause_of(error)}; is the store well?") from error
    return place


def put_file(path: Path, page: bytes) -> str:
    """Make `page` the content of `path`; whoever reads meanwhile reads the old page or the new one.

    Raises:
        StorageError: the folder takes no file.
    """
    path = path.absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not by `tempfile`, whose files are their maker's alone: the umask says who reads a report.
        passing = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            with passing.open("xb") as file:
                file.write(page)
                file.flush()
                os.fsync(file.fileno())
            passing.replace(path)
        finally:
            passing.unlink(missing_ok=True)  # it is there no more once it became the page
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {cause_of(error)}; {remedy(error)}") from error
    return str(path)
