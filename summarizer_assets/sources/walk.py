"""Walking of local folders: follows links, and reports whatever cannot be listed."""

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from summarizer_assets.sources.errors import SourceError


def entries_under(folder: Path) -> Iterator[Path]:
    """All files in a folder at any depth, hidden ones included; links are followed.

    Raises:
        SourceError: a link is circular or broken, or a folder cannot be listed.
    """
    for place, folders, files in os.walk(folder, followlinks=True, onerror=_cannot_be_listed):
        here = Path(place)
        for name in folders:
            if (here / name).is_symlink():
                _refuse_loop(here / name)
        folders.sort()
        for name in files:
            path = here / name
            if not path.exists():
                raise SourceError(f"{path}: is a link to {path.readlink()}, where nothing is; mend or remove it")
            yield path


def matching(pattern: str) -> list[Path]:
    """Files and folders that match a glob.

    Raises:
        SourceError: a match is a circular or broken link.
    """
    matches = glob.glob(pattern, recursive=True)  # noqa: PTH207 - a Path cannot glob an absolute pattern
    found = [Path(match) for match in matches]
    for path in found:
        if not path.exists():
            raise SourceError(f"{path}: is a link to {path.readlink()}, where nothing is; mend or remove it")
        for above in (path, *path.parents):
            if above.is_symlink() and above.is_dir():
                _refuse_loop(above)
    return found


def _refuse_loop(link: Path) -> None:
    target = link.resolve()
    above = {parent.resolve() for parent in link.parents}
    if any(target == folder or target in folder.parents for folder in above):
        raise SourceError(
            f"{link}: is a link to {target}, in which it lies itself: a loop, whose files would be read without end; "
            "remove the link, or choose the files with a glob"
        )


def _cannot_be_listed(error: OSError) -> None:
    raise SourceError(f"{error.filename}: cannot be listed: {error.strerror}; check your rights to it") from error
