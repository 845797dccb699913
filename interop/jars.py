"""Delta's jars for Spark, as a repository of Maven's layout has them, each checked against its SHA-256.

The repository is Maven Central, or what `DEFAULT_ARTIFACT_REPOSITORY` says: the variable by which Spark itself is told.
Proxies and certificate authorities are taken from the usual variables.
"""

import hashlib
import os
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

PINNED = Path(__file__).with_name("jars.toml")
_CENTRAL = "https://repo1.maven.org/maven2"
_TRIES = 3


def fetch(folder: Path) -> list[Path]:
    """The jars in `folder`, those that lack brought there.

    Raises:
        SystemExit: the repository does not give one, or gives another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    repository = (os.environ.get("DEFAULT_ARTIFACT_REPOSITORY") or _CENTRAL).rstrip("/")
    return [_fetched(repository, *coordinates.split(":"), wanted, folder) for coordinates, wanted in pinned().items()]


def pinned() -> dict[str, str]:
    """SHA-256 by `group:artifact:version`."""
    jars: dict[str, str] = tomllib.loads(PINNED.read_text(encoding="utf-8"))["jars"]
    return jars


def release() -> str:
    """Of Delta: that of all its jars."""
    (found,) = {coordinates.rpartition(":")[2] for coordinates in pinned()}
    return found


def _fetched(repository: str, group: str, artifact: str, version: str, wanted: str, folder: Path) -> Path:
    path = folder / f"{artifact}-{version}.jar"
    if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == wanted:
        return path
    address = f"{repository}/{group.replace('.', '/')}/{artifact}/{version}/{path.name}"
    content = _downloaded(address)
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        sys.exit(f"{address}: its SHA-256 is {found}, and {wanted} in {PINNED.name}: nothing of it was kept")
    half = path.with_suffix(".part")
    half.write_bytes(content)
    half.replace(path)
    return path


def _downloaded(address: str) -> bytes:
    for tried in range(1, _TRIES + 1):
        try:
            with urllib.request.urlopen(address, timeout=60) as reply:
                return bytes(reply.read())
        except OSError as error:
            if tried == _TRIES or (isinstance(error, urllib.error.HTTPError) and error.code < 500):
                sys.exit(
                    f"{address}: {error}; set DEFAULT_ARTIFACT_REPOSITORY to a mirror of Maven Central that this "
                    "machine reaches"
                )
            time.sleep(2 * tried)
    raise AssertionError
