"""Dagster's folder of a root: one history for each root, with the configuration that comes with the package."""

import shutil
import sys
from filecmp import cmp
from importlib.resources import as_file, files
from pathlib import Path

import dagster as dg

from summarizer_assets.installation import Summarizer
from summarizer_assets.settings.environment import use_dagster_home

_CONFIGURATION = "dagster.yaml"
_SHIPPED = "dagster.yaml.shipped"  # the copy of the package's version that the folder's was made from


def dagster_home(summarizer: Summarizer) -> Path:
    """The folder that DAGSTER_HOME names, else `dagster` in the root's local folder; made where it does not exist.

    A configuration of the package is renewed with the package unless somebody changed it: then it stays, and a line on
    standard error says what to compare.
    """
    home = use_dagster_home(summarizer.local_folder / "dagster")
    home.mkdir(parents=True, exist_ok=True)
    mine, shipped = home / _CONFIGURATION, home / _SHIPPED
    with as_file(files("summarizer_assets") / _CONFIGURATION) as packaged:
        if shipped.exists() and cmp(packaged, shipped, shallow=False):
            return home
        if not mine.exists() or (shipped.exists() and cmp(mine, shipped, shallow=False)):
            shutil.copyfile(packaged, mine)
        else:
            sys.stderr.write(f"{mine} has changes of its own and stays; compare it with {packaged}\n")
        shutil.copyfile(packaged, shipped)
    return home


def dagster_instance(summarizer: Summarizer) -> dg.DagsterInstance:
    """Dagster's instance of the root, to be closed by the caller."""
    dagster_home(summarizer)
    return dg.DagsterInstance.get()
