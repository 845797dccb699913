"""File systems (local or S3) for listing files and reading their first bytes; the engines open files themselves."""

import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow.fs as pafs

S3 = "s3://"


def filesystem(uri: str, options: dict[str, str] | None) -> tuple[pafs.FileSystem, str]:
    """The file system of `uri`, and the path in it."""
    if uri.startswith(S3):
        return s3_filesystem(options or {}), uri.removeprefix(S3).rstrip("/")
    return pafs.LocalFileSystem(), str(Path(uri.removeprefix("file://")).absolute())


def s3_filesystem(options: Mapping[str, str]) -> pafs.S3FileSystem:
    """Arrow's S3 file system, configured by the same `AWS_*` options that polars and delta-rs use."""
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
    """The environment's proxy for `endpoint`; delta-rs and polars look it up themselves, Arrow does not."""
    address = urlsplit(endpoint)
    proxy = urllib.request.getproxies().get(address.scheme)
    return None if not proxy or urllib.request.proxy_bypass(address.netloc) else proxy
