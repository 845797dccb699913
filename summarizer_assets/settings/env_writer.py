"""Writing of a `.env` file: what is written is what its reader reads, or it is refused."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dotenv.main import DotEnv

from summarizer_assets.settings.errors import SettingsError

_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+,=-?&")
_MODE: Final = 0o600  # it holds a key


def assignment(name: str, value: str) -> str:
    """A line `NAME=value`, quoted where it must be."""
    if value and not set(value) - _PLAIN:
        return f"{name}={value}"
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{name}='{quoted}'"


def env_text(values: Mapping[str, str]) -> str:
    """The text of a `.env` file.

    Raises:
        SettingsError: a value would be read differently from what it is; the message names the variable only.
    """
    text = "".join(assignment(name, value) + "\n" for name, value in values.items())
    read = DotEnv(None, io.StringIO(text), interpolate=True, override=False).dict()
    for name, value in values.items():
        if read.get(name) != value:
            raise SettingsError(f"{name}: its value cannot be written into a file .env; set it in the environment")
    return text


def write_env(path: Path, values: Mapping[str, str]) -> None:
    """Write the file, for its owner alone, in one step: a file that was there stays whole until then.

    Raises:
        SettingsError: see `env_text`; or the folder cannot be written to.
    """
    text = env_text(values)
    new = path.with_name(f"{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "w", encoding="utf-8") as file:
            file.write(text)
        new.replace(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}; run it in a folder of your own") from error
