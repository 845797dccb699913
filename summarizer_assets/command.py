"""What each command of the package begins with: the settings, and the root that they lead to, told."""

import sys

from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings


def opened(*, needs_tables: bool = True) -> Summarizer:
    """The installation of the settings; tells on the standard error where its root is, and writes nothing.

    Raises:
        SettingsError: a setting cannot work.
        TableError: there are no tables, and it needs some, or they cannot be read.
    """
    summarizer = Summarizer(load_settings())
    sys.stderr.write(f"root: {summarizer.root.place}\n")
    if needs_tables:
        summarizer.root.require()
    return summarizer
