"""The variables that a command sets for itself and for the processes that it starts."""

import os
from pathlib import Path
from typing import Final

_ROOT: Final = "SUMMARIZER_ROOT"
_DAGSTER_HOME: Final = "DAGSTER_HOME"


def use_root(root: str) -> None:
    """Take `root` for the tables, whatever the environment or the `.env` file says."""
    os.environ[_ROOT] = root


def use_dagster_home(default: Path) -> Path:
    """The folder of Dagster's records: the one that DAGSTER_HOME names, else `default`, for child processes too."""
    given = os.environ.setdefault(_DAGSTER_HOME, str(default.absolute()))
    return Path(given)
