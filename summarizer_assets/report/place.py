"""The report's files beside the tables, in a local folder or on an object store: each is written as a whole.

They are the page and, in a folder beside it, the scripts that hold the authors, which the page loads on demand.
"""

import os
import re
import secrets
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
from deltalake.exceptions import DeltaError
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSelector

from summarizer_assets.storage.delta.store_errors import store_errors
from summarizer_assets.storage.disk import remedy
from summarizer_assets.storage.errors import StorageError, cause_of

NAME: Final = "report.html"
FOLDER: Final = "report_authors"
INDEX: Final = f"{FOLDER}/index.js"
#: Where the UI's webserver serves the files.
SERVED_AT: Final = "/author-report"
_OURS: Final = re.compile(rf"{re.escape(NAME)}|{FOLDER}/(?:index|\d{{4}}-\d{{3}})\.js")


def is_of_report(name: str) -> bool:
    """Whether `name`, relative to the root, is one of a report's files."""
    return _OURS.fullmatch(name) is not None


def put(root: str, page: bytes, options: Mapping[str, str], name: str = NAME) -> str:
    """Write `page` as the report's file `name` of `root`; return its path or address.

    On an object store it is written through the Delta engine's file system, with the tables' credentials; an object
    appears only once it is complete.

    Raises:
        StorageError: the file cannot be written.
    """
    if "://" not in root:
        return put_file(Path(root) / name, page, lasting=name == NAME)
    place = f"{root}/{name}"
    try:
        with store_errors(root, options, f"{name} cannot be written"):
            raw = DeltaStorageHandler(root, dict(options)).open_output_stream(name)
            # The engine's stream accepts only bytes, as a larger buffer passes them; pyarrow itself passes a Buffer.
            with pa.BufferedOutputStream(raw, len(page) + 1) as stream:
                stream.write(page)
    except (DeltaError, OSError) as error:
        raise StorageError(f"{place} cannot be written: {cause_of(error)}; is the store well?") from error
    return place


def put_file(path: Path, page: bytes, *, lasting: bool = True) -> str:
    """Replace the content of `path` by `page` atomically: readers see the old page or the new one.

    `lasting`: wait until the disk has it.

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
                if lasting:
                    os.fsync(file.fileno())
            passing.replace(path)
        finally:
            passing.unlink(missing_ok=True)  # missing after a successful rename
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {cause_of(error)}; {remedy(error)}") from error
    return str(path)


def get(root: str, name: str, options: Mapping[str, str]) -> bytes | None:
    """The report's file `name` of `root`; None if there is none.

    Raises:
        StorageError: it cannot be read.
        ValueError: a report has no such file.
    """
    if not is_of_report(name):
        raise ValueError(f"{name!r} is no file of a report")
    try:
        with store_errors(root, options, f"{name} cannot be read"):
            try:
                if "://" not in root:
                    return (Path(root) / name).read_bytes()
                return bytes(DeltaStorageHandler(root, dict(options)).open_input_file(name).read())
            except FileNotFoundError:
                return None
    except (DeltaError, OSError) as error:
        raise StorageError(f"{root}/{name} cannot be read: {cause_of(error)}") from error


def keep_only(root: str, names: Collection[str], options: Mapping[str, str]) -> None:
    """Remove the scripts of earlier reports in `root`: those that `names` does not hold. Other files stay.

    Raises:
        StorageError: one cannot be removed.
    """
    try:
        if "://" not in root:
            for file in (Path(root) / FOLDER).glob("*.js"):
                if is_of_report(name := f"{FOLDER}/{file.name}") and name not in names:
                    file.unlink(missing_ok=True)  # another report removed it
            return
        with store_errors(root, options, f"{FOLDER} cannot be tidied"):
            store = DeltaStorageHandler(root, dict(options))
            for found in store.get_file_info_selector(FileSelector(FOLDER, allow_not_found=True)):
                if is_of_report(name := f"{FOLDER}/{found.base_name}") and name not in names:
                    store.delete_file(name)
    except (DeltaError, OSError) as error:
        raise StorageError(f"{root}/{FOLDER}: an earlier report's file cannot be removed: {cause_of(error)}") from error
