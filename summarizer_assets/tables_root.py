"""The place of the tables, as a person writes it into a setting."""

from pathlib import Path

#: `%20` in a local path is taken for a blank, a bracket for an address's host.
_MISREAD = frozenset("%[]")


def tables_root(root: str) -> str:
    """A folder or an `s3://` prefix in one form: without `file://` and without a slash at its end.

    Raises:
        ValueError: no table can be kept there.
    """
    scheme, separator, rest = root.partition("://")
    if separator and (scheme not in {"s3", "file"} or not rest.strip("/")):
        raise ValueError(f"{root!r} is not supported; allowed: a folder, s3://bucket/prefix")
    root = root.removeprefix("file://").rstrip("/") or "/"
    if scheme != "s3" and not _MISREAD.isdisjoint(str(Path(root).absolute())):
        raise ValueError(f"{root!r} has %, [ or ] in its path, which Delta's engine misreads; choose another folder")
    return root
