"""What the package's commands share: they load the settings and show the root; some print lines for people."""

import sys
from collections.abc import Iterable

from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings


def opened(*, needs_tables: bool = True) -> Summarizer:
    """Load the settings and return the installation; print its root to standard error, and write nothing.

    Raises:
        SettingsError: a setting is invalid.
        TableError: the tables cannot be read, or do not exist although `needs_tables`.
    """
    summarizer = Summarizer(load_settings())
    sys.stderr.write(f"root: {summarizer.root.place}\n")
    if needs_tables:
        summarizer.root.require()
    return summarizer


def say(lines: Iterable[str]) -> None:
    """Print the lines at once, also into a pipe."""
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()
