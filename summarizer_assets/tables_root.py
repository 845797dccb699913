"""Normalisation of a root's address: one spelling for one folder or prefix, however it is written in a setting."""

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

_ALLOWED = "allowed: a folder, s3://bucket/prefix"
#: Characters that are misread in a local path: `%20` as a blank, brackets as a URL's host.
_MISREAD = frozenset("%[]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/|$)")
_S3 = {"s3", "s3a", "s3n"}  # Hadoop's names for the same store
_LOG = "_delta_log"


def tables_root(root: str) -> str:
    """A folder as an absolute path with links resolved, or a prefix as `s3://bucket/prefix`.

    Raises:
        ValueError: tables cannot be stored there. The message quotes no address that may contain a password.
    """
    if root != root.strip() or not root.isprintable():
        raise ValueError(f"{root!r} begins or ends with a blank, or has a character that is not printed; {_ALLOWED}")
    scheme = _SCHEME.match(root)
    if scheme is None:
        return _folder(root)
    if scheme[1].lower() in _S3:
        return _prefix(root[scheme.end(1) + 1 :])
    if scheme[1].lower() == "file":
        return _folder(_of_file_url(root))
    raise ValueError(f"{scheme[1]}: is not supported; {_ALLOWED}")


def _prefix(rest: str) -> str:
    bucket, *names = [name for name in rest.split("/") if name not in {"", "."}] or [""]
    if not bucket or not rest.startswith("/"):
        raise ValueError(f"it names no bucket; {_ALLOWED}")
    if "@" in bucket or ":" in bucket:
        raise ValueError("a key, a password or a port does not belong into it: they are set as AWS_* variables")
    if ".." in names or re.search(r"[?#]", rest):
        raise ValueError(f"'s3:{rest}' has `..`, `?` or `#` in it, which is no prefix; {_ALLOWED}")
    return "/".join(["s3:/", bucket.lower(), *names])


def _of_file_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.netloc.lower() not in {"", "localhost"} or parts.query or parts.fragment or not parts.path:
        raise ValueError(f"{url!r} names no folder of this machine; allowed: file:///a/folder")
    return unquote(parts.path)


def _folder(path: str) -> str:
    if path.startswith(("~", "$")):
        raise ValueError(
            f"{path!r}: nobody puts a folder in for {path[0]} here; write it out, or ./ before such a name"
        )
    try:
        found, plain = os.path.realpath(path), str(Path(path).absolute())
        is_file, is_table = Path(found).is_file(), Path(found, _LOG).is_dir()
    except OSError as error:  # too long, not accessible, or the working folder is gone
        raise ValueError(f"{path[:100]!r} cannot be looked at: {error.strerror}; {_ALLOWED}") from None
    if not _MISREAD.isdisjoint(found) and _MISREAD.isdisjoint(plain):
        return plain  # the link's target has a misread character, so the link itself is used
    if not _MISREAD.isdisjoint(found):
        raise ValueError(f"{path!r} has %, [ or ] in its path, which Delta's engine misreads; choose another folder")
    if is_file:
        raise ValueError(f"{path!r} is a file; {_ALLOWED}")
    if is_table:
        raise ValueError(f"{path!r} is itself a Delta table; the root is the folder in which the tables lie")
    return found
