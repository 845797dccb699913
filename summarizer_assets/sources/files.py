"""A source's address to the files behind it: local or S3, a file, a folder or a glob."""

import glob
import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.fs as pafs

from summarizer_assets.sources.errors import SourceError

Format = Literal["delta", "parquet", "csv", "jsonl"]

_EXTENSIONS: Mapping[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_COMPRESSED = (".gz", ".zst")
_KNOWN = "a Delta table, or .parquet, .csv, .tsv, .jsonl, .ndjson; the text forms also with .gz or .zst"
_S3 = "s3://"


@dataclass(frozen=True)
class Listing:
    """What an address stands for: one format, and its files in a stable order (a Delta table is one)."""

    format: Format
    paths: tuple[str, ...]


def list_files(uri: str, storage_options: Mapping[str, str] | None) -> Listing:
    """Find the files of a source.

    Raises:
        SourceError: nothing is there, it cannot be listed, or its files are of unknown or different formats.
    """
    uri = uri.removeprefix("file://")
    if "://" in uri and not uri.startswith(_S3):
        raise SourceError(f"{uri}: only local paths and s3:// addresses can be read; copy the source to one of them")
    paths = _s3_paths(uri, storage_options or {}) if uri.startswith(_S3) else _local_paths(uri)
    if isinstance(paths, Listing):
        return paths
    return Listing(_common_format(uri, paths), tuple(paths))


def _local_paths(uri: str) -> list[str] | Listing:
    path = Path(uri).expanduser()
    if path.is_dir():
        if (path / "_delta_log").is_dir():
            return Listing("delta", (str(path),))
        files = [file for file in path.rglob("*") if file.is_file() and _shown(file.relative_to(path).as_posix())]
        return _nonempty(uri, [str(file) for file in files])
    if path.is_file():
        return [str(path)]
    if not glob.has_magic(uri):
        raise SourceError(f"{uri}: there is no such file or folder (seen from {Path.cwd()}); correct SUMMARIZER_SOURCE")
    matches = glob.glob(str(path), recursive=True)  # noqa: PTH207 - a Path cannot glob an absolute pattern
    return _nonempty(uri, [match for match in matches if Path(match).is_file()])


def _s3_paths(uri: str, options: Mapping[str, str]) -> list[str] | Listing:
    address = uri.removeprefix(_S3).rstrip("/")
    prefix = address
    if glob.has_magic(address):
        fixed = re.split(r"[*?\[]", address, maxsplit=1)[0]
        prefix = fixed.rpartition("/")[0]
    if not prefix:
        raise SourceError(f"{uri}: the bucket's name cannot be a pattern; write it out")
    try:
        store = s3_filesystem(options)
        info = store.get_file_info(prefix)
        if info.type == pafs.FileType.File:
            return [_S3 + prefix]
        if store.get_file_info(f"{prefix}/_delta_log").type == pafs.FileType.Directory:
            return Listing("delta", (uri.rstrip("/"),))
        found = store.get_file_info(pafs.FileSelector(prefix, recursive=True, allow_not_found=True))
    except (OSError, pa.ArrowException) as error:
        if "ACCESS_DENIED" in str(error):
            raise SourceError(
                f"{uri}: access is denied: {error}; the user of AWS_ACCESS_KEY_ID needs s3:ListBucket on the bucket, "
                "and s3:GetObject on the source and what is under it"
            ) from error
        raise SourceError(
            f"{uri}: cannot be listed: {error}; check the bucket's name and the AWS_* variables "
            "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL), and SSL_CERT_FILE for a "
            "private certificate authority"
        ) from error
    files = [entry.path for entry in found if entry.type == pafs.FileType.File]
    if prefix == address:
        files = [file for file in files if _shown(file.removeprefix(prefix))]
    else:
        pattern = _glob_to_regex(address)
        files = [file for file in files if pattern.fullmatch(file)]
    return _nonempty(uri, [_S3 + file for file in files])


def filesystem(uri: str, options: dict[str, str] | None) -> tuple[pafs.FileSystem, str]:
    """The store of `uri`, and its path there."""
    if uri.startswith(_S3):
        return s3_filesystem(options or {}), uri.removeprefix(_S3).rstrip("/")
    return pafs.LocalFileSystem(), str(Path(uri.removeprefix("file://")).absolute())


def s3_filesystem(options: Mapping[str, str]) -> pafs.S3FileSystem:
    """Arrow's S3 for listing, from the same `AWS_*` options that polars and delta-rs read with."""
    given = {name.upper(): value for name, value in options.items()}
    endpoint = given.get("AWS_ENDPOINT_URL") or given.get("AWS_ENDPOINT") or given.get("AWS_ENDPOINT_URL_S3")
    arguments = {
        "access_key": given.get("AWS_ACCESS_KEY_ID"),
        "secret_key": given.get("AWS_SECRET_ACCESS_KEY"),
        "session_token": given.get("AWS_SESSION_TOKEN"),
        "region": given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION"),
        "endpoint_override": endpoint,
        "anonymous": given.get("AWS_SKIP_SIGNATURE", "").lower() in {"1", "true"} or None,
        "proxy_options": given.get("AWS_PROXY_URL") or _proxy_to(endpoint or "https://s3.amazonaws.com"),
    }
    return pafs.S3FileSystem(**{name: value for name, value in arguments.items() if value is not None})


def _proxy_to(endpoint: str) -> str | None:
    """The environment's, as delta-rs and polars take it by themselves and Arrow does not."""
    address = urlsplit(endpoint)
    proxy = urllib.request.getproxies().get(address.scheme)
    return None if not proxy or urllib.request.proxy_bypass(address.netloc) else proxy


def _shown(relative: str) -> bool:
    """Writers keep their own files (`_SUCCESS`, `.part.crc`) under hidden names."""
    return not any(part.startswith(("_", ".")) for part in relative.split("/"))


def _nonempty(uri: str, files: list[str]) -> list[str]:
    if not files:
        raise SourceError(f"{uri}: no file is there; expected {_KNOWN}")
    return sorted(files)


def _common_format(uri: str, paths: list[str]) -> Format:
    formats = {_format(path): path for path in reversed(paths)}
    if len(formats) > 1:
        (one, first), (other, second) = sorted(formats.items())[:2]
        raise SourceError(
            f"{uri}: holds files of different formats, {first} ({one}) and {second} ({other}); "
            "choose one with a glob, as in folder/*.parquet"
        )
    return next(iter(formats))


def _format(path: str) -> Format:
    name = path.rpartition("/")[2].lower()
    stem = name
    for suffix in _COMPRESSED:
        stem = stem.removesuffix(suffix)
    for extension, kind in _EXTENSIONS.items():
        if stem.endswith(extension):
            if kind == "parquet" and stem != name:
                raise SourceError(f"{path}: Parquet compresses inside; decompress the file first")
            return kind
    raise SourceError(f"{path}: the format cannot be told from the name; expected {_KNOWN}")


def _glob_to_regex(pattern: str) -> re.Pattern[str]:
    """The meaning that `glob` gives a local pattern: `*` stays within a folder, `**/` crosses them."""
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", pattern)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}

    def translated(piece: str) -> str:
        if piece.startswith("[") and piece.endswith("]"):
            return "[^" + piece[2:] if piece.startswith("[!") else piece
        return meaning.get(piece) or re.escape(piece)

    return re.compile("".join(translated(piece) for piece in pieces))
