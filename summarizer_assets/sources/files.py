"""Listing of the files behind a source's address: local or S3; a file, a folder or a glob."""

import glob
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs

from summarizer_assets.sources.delta.table_folders import refuse_tables, refused_table, table_at
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.file_kinds import named_otherwise
from summarizer_assets.sources.formats import COMPRESSED, FORMATS, KNOWN, Format
from summarizer_assets.sources.stores import S3, s3_filesystem
from summarizer_assets.sources.walk import entries_under, matching


@dataclass(frozen=True)
class Listing:
    """The format of an address, and its files in a stable order; a Delta table counts as one file.

    `base`: the folder that was searched; folders between it and a file may be partition columns.
    """

    format: Format
    paths: tuple[str, ...]
    base: str


def list_files(uri: str, storage_options: Mapping[str, str] | None) -> Listing:
    """Find the files of a source.

    Raises:
        SourceError: the address does not exist, cannot be listed or is a table of an unsupported kind, or its files
            are of unknown or different formats.
    """
    uri = uri.removeprefix("file://")
    if "://" in uri and not uri.startswith(S3):
        raise SourceError(f"{uri}: only local paths and s3:// addresses can be read; copy the source to one of them")
    options = storage_options or {}
    return _s3_listing(uri, options) if uri.startswith(S3) else _local_listing(uri)


def _local_listing(uri: str) -> Listing:
    path = Path(uri).expanduser()
    store = pafs.LocalFileSystem()
    if path.is_dir():
        kind = table_at(store, str(path.absolute()))
        if kind == "a Delta":
            return Listing("delta", (str(path),), str(path))
        if kind is not None:
            raise refused_table(uri, kind)
        found = list(entries_under(path))
        files = [file for file in found if _shown(file.relative_to(path).as_posix())]
        return _listing(uri, store, files, found, str(path))
    if path.is_file():
        return _listing(uri, store, [path], [], str(path.parent))
    if path.is_symlink():
        raise SourceError(
            f"{uri}: is a link to {path.readlink()}, where nothing is; correct SUMMARIZER_SOURCE or the link"
        )
    if not glob.has_magic(uri):
        raise SourceError(f"{uri}: there is no such file or folder (seen from {Path.cwd()}); correct SUMMARIZER_SOURCE")
    matches = [match for match in matching(str(path)) if _chosen(match.name, uri)]
    inside = [(match, file) for match in matches if match.is_dir() for file in entries_under(match)]
    deep = [file for match, file in inside if _shown(file.relative_to(match).as_posix())]
    files = sorted({match for match in matches if match.is_file()} | set(deep))
    fixed = re.split(r"[*?\[]", str(path), maxsplit=1)[0].rpartition("/")[0]
    return _listing(uri, store, files, [file for _, file in inside], fixed)


def _listing(uri: str, store: pafs.FileSystem, files: Sequence[Path], entries: Sequence[Path], base: str) -> Listing:
    refuse_tables(uri, store, [str(file.absolute()) for file in files], [str(entry) for entry in entries])
    paths = _nonempty(uri, [str(file) for file in files])
    return Listing(_common_format(uri, paths, {}), tuple(paths), base)


def _s3_listing(uri: str, options: Mapping[str, str]) -> Listing:
    address = uri.removeprefix(S3).rstrip("/")
    prefix = address
    if glob.has_magic(address):
        fixed = re.split(r"[*?\[]", address, maxsplit=1)[0]
        prefix = fixed.rpartition("/")[0]
    if not prefix:
        raise SourceError(f"{uri}: the bucket's name cannot be a pattern; write it out")
    try:
        store = s3_filesystem(options)
        if store.get_file_info(prefix).type == pafs.FileType.File:
            refuse_tables(uri, store, [prefix], [])
            return Listing(_common_format(uri, [S3 + prefix], options), (S3 + prefix,), S3 + prefix.rpartition("/")[0])
        kind = table_at(store, prefix)
        if kind == "a Delta" and prefix == address:
            return Listing("delta", (uri.rstrip("/"),), uri.rstrip("/"))
        if kind is not None:
            raise refused_table(uri, kind)
        found = store.get_file_info(pafs.FileSelector(prefix, recursive=True, allow_not_found=True))
    except (OSError, pa.ArrowException) as error:
        raise _cannot_be_listed(uri, error) from error
    everything = [entry.path for entry in found if entry.type == pafs.FileType.File]
    if prefix == address:
        files = [file for file in everything if _shown(file.removeprefix(prefix))]
    else:
        pattern = _glob_to_regex(address)
        files = [file for file in everything if pattern.fullmatch(file) and _chosen(file.rpartition("/")[2], uri)]
        everything = files
    refuse_tables(uri, store, files, everything)
    paths = _nonempty(uri, [S3 + file for file in files])
    return Listing(_common_format(uri, paths, options), tuple(paths), S3 + prefix)


def _cannot_be_listed(uri: str, error: Exception) -> SourceError:
    if "ACCESS_DENIED" in str(error):
        return SourceError(
            f"{uri}: access is denied: {error}; the user of AWS_ACCESS_KEY_ID needs s3:ListBucket on the bucket, "
            "and s3:GetObject on the source and what is under it"
        )
    return SourceError(
        f"{uri}: cannot be listed: {error}; check the bucket's name and the AWS_* variables "
        "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL), and SSL_CERT_FILE for a "
        "private certificate authority"
    )


def _shown(relative: str) -> bool:
    """Whether no part of the path is hidden; writers hide their own files (`_SUCCESS`, `.part.crc`)."""
    return not any(part.startswith(("_", ".")) for part in relative.split("/"))


def _chosen(name: str, pattern: str) -> bool:
    """Whether a glob may match the name: it matches hidden files only if it begins like them."""
    return not name.startswith(("_", ".")) or pattern.rstrip("/").rpartition("/")[2].startswith(name[0])


def _nonempty(uri: str, files: list[str]) -> list[str]:
    if not files:
        raise SourceError(f"{uri}: no file is there; expected {KNOWN}")
    return sorted(files)


def _common_format(uri: str, paths: list[str], options: Mapping[str, str]) -> Format:
    formats = {_format(path, options): path for path in reversed(paths)}
    if len(formats) > 1:
        (one, first), (other, second) = sorted(formats.items())[:2]
        raise SourceError(
            f"{uri}: holds files of different formats, {first} ({one}) and {second} ({other}); "
            "choose one with a glob, as in folder/*.parquet"
        )
    return next(iter(formats))


def _format(path: str, options: Mapping[str, str]) -> Format:
    name = path.rpartition("/")[2].lower()
    stem = name
    for suffix in COMPRESSED:
        stem = stem.removesuffix(suffix)
    for one in FORMATS.values():
        if stem.endswith(one.extensions):
            if not one.is_text and stem != name:
                raise SourceError(f"{path}: {one.meaning} compresses inside; decompress the file first")
            return one.name
    otherwise = named_otherwise(path, dict(options))
    raise SourceError(f"{path}: the format cannot be told from the name; expected {KNOWN}{otherwise}")


def _glob_to_regex(pattern: str) -> re.Pattern[str]:
    """Translate a glob with the meaning of the `glob` module: `*` stays within a folder, `**/` crosses folders."""
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", pattern)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}

    def translated(piece: str) -> str:
        if piece.startswith("[") and piece.endswith("]"):
            return "[^" + piece[2:] if piece.startswith("[!") else piece
        return meaning.get(piece) or re.escape(piece)

    return re.compile("".join(translated(piece) for piece in pieces))
