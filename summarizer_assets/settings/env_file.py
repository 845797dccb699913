"""Strict validation of a `.env` file: lines that its readers would silently ignore or misread are reported.

Messages quote no values, because any of them may be a secret.
"""

import io
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from dotenv.parser import Binding, parse_stream

from summarizer_assets.settings.errors import SettingsError

_PUT_IN: Final = re.compile(r"\$\{([^}:]*)(:-[^}]*)?\}")
_CURLY: Final = re.compile(r"[^=]*=\s*[\u2018-\u201f\u00ab\u00bb]")


def names_in(path: Path, prefix: str, environment: Collection[str]) -> Mapping[str, int]:
    """The names that the file assigns, with their lines; empty if there is no file.

    Args:
        path: path of the file.
        prefix: prefix of our own names, which are case-insensitive.
        environment: names that `${NAME}` in a value may refer to, besides those of the file.

    Raises:
        SettingsError: the file is not text, or a line is not an assignment, repeats a name, or would be read in
            another way than it is meant.
    """
    if not path.exists() and not path.is_symlink():
        return {}
    found: dict[str, int] = {}
    for binding in parse_stream(io.StringIO(_text(path))):
        text = binding.original.string.lstrip()
        line = binding.original.line + binding.original.string[: -len(text) or None].count("\n")
        if not text or (binding.key is None and not binding.error):
            continue  # blank lines, a comment
        where = f"{path}, line {line}"
        if binding.key is None or binding.value is None:
            raise SettingsError(
                f"{where} is no assignment: write NAME=value, in quotes where the value has several lines, and # in "
                "front of a comment"
            )
        name = _folded(binding.key, prefix)
        before = next((number for known, number in found.items() if _folded(known, prefix) == name), None)
        if before is not None:
            raise SettingsError(
                f"{where}: {binding.key} has a value already, in line {before}, and only one of them would count; take "
                "one of the two lines out"
            )
        if name.startswith(prefix):
            _require_meant(binding, where, prefix, {*found, *environment})
        found[binding.key] = line
    return found


def _text(path: Path) -> str:
    if not path.is_file():
        raise SettingsError(f"{path} is no file: put the settings into a text file of this name, or remove it")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    if "\x00" in text:
        raise SettingsError(f"{path} is not UTF-8 text, but perhaps UTF-16; save it as UTF-8")
    return text


def _folded(name: str, prefix: str) -> str:
    """The name in upper case if it is ours: our own names are case-insensitive."""
    return name.upper() if name.upper().startswith(prefix) else name


def _require_meant(binding: Binding, where: str, prefix: str, known: Collection[str]) -> None:
    value = binding.value or ""
    if _CURLY.match(binding.original.string):
        raise SettingsError(
            f"{where}: the value of {binding.key} begins with a typographic quotation mark, which would be part of it; "
            "write \" or ' instead"
        )
    swallowed = re.search(rf"^\s*(?:export\s+)?({prefix}\w+)\s*=", value, re.MULTILINE | re.IGNORECASE)
    if swallowed is not None:
        raise SettingsError(
            f"{where}: the value of {binding.key} goes on over the line that sets {swallowed[1]}; end it with a "
            "quotation mark"
        )
    missing = next((put_in[1] for put_in in _PUT_IN.finditer(value) if not put_in[2] and put_in[1] not in known), None)
    if missing is not None:
        raise SettingsError(
            f"{where}: ${{{missing}}} in the value of {binding.key} has no value, so that nothing would stand there; "
            f"set {missing} before, or write the value out"
        )
