"""The variables that a command sets for itself and for the processes that it starts."""

import os
from pathlib import Path
from typing import Final

from summarizer_assets.settings import PREFIX

_ROOT: Final = f"{PREFIX}ROOT"
_DAGSTER_HOME: Final = "DAGSTER_HOME"


def use_root(root: str) -> None:
    """Take `root` for the tables, whatever the environment or the `.env` file says."""
    os.environ[_ROOT] = root


def given_dagster_home() -> Path | None:
    """The folder that DAGSTER_HOME names; None if nobody set it."""
    given = os.environ.get(_DAGSTER_HOME)
    return Path(given) if given else None


def use_dagster_home(home: Path) -> None:
    """Take `home` for Dagster's records, in this process and in those that it starts."""
    os.environ[_DAGSTER_HOME] = str(home.absolute())


def anything_set() -> bool:
    """Whether a person has set anything: a variable of ours, or a file `.env` in the current folder."""
    return Path(".env").exists() or any(name.startswith(PREFIX) for name in os.environ)


def forget_all() -> None:
    """Forget our variables and DAGSTER_HOME, for this process and those that it starts."""
    for name in [name for name in os.environ if name.startswith(PREFIX) or name == _DAGSTER_HOME]:
        del os.environ[name]
