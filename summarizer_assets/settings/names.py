"""Detection of misspelt setting names, which would otherwise be ignored silently in favour of a default.

A name is refused only if it is clear which setting is meant, because other programs have variables, too.
"""

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from summarizer_assets.settings.errors import SettingsError

_NEAR: Final = 0.8  # similarity of a prefix with two wrong letters
_ALIKE: Final = 0.75
_TELLING: Final = 3  # letters
_OF_THE_SECOND: Final = "second_"


def refuse_strange(
    environment: Iterable[str], in_file: Mapping[str, int], prefix: str, fields: Collection[str]
) -> None:
    """Refuse names that look like a setting but are not one.

    Args:
        environment: names of environment variables.
        in_file: names in the `.env` file, with their lines.
        prefix: prefix of our names.
        fields: names of the settings in lower case.

    Raises:
        SettingsError: says which name is wrong, and which was meant.
    """
    seen: dict[str, str] = {}
    in_environment = list(environment)
    for name in in_environment:
        if name.upper().startswith(prefix) and seen.setdefault(name.upper(), name) != name:
            raise SettingsError(
                f"{seen[name.upper()]} and {name} are one setting to us, and only one of them would count; unset one"
            )
    set_right = {name.upper() for name in (*in_environment, *in_file)}
    for name, where in [
        *((name, "") for name in in_environment),
        *((n, f" in line {at}") for n, at in in_file.items()),
    ]:
        if name.upper().startswith(prefix):
            if name.upper().removeprefix(prefix).lower() not in fields:
                field = _field(_letters(name.upper().removeprefix(prefix)), fields)
                hint = f"did you mean {prefix}{field.upper()}?" if field else "see docs/settings.md for all settings"
                raise SettingsError(f"unknown setting {name}{where}: {hint}")
            continue
        field = _field_behind(name, prefix, fields)
        if (
            where
            and field is None
            and "_" in name
            and name.lower() in fields
            and prefix + name.upper() not in set_right
        ):
            field = name.lower()  # in our own file: the prefix is missing
        if field is not None:
            raise SettingsError(
                f"{name}{where} is read by nobody here: did you mean {prefix}{field.upper()}? If it is another "
                "program's, keep it out of this file and of this program's environment"
            )


def _field_behind(name: str, prefix: str, fields: Collection[str]) -> str | None:
    """The field whose name follows a misspelt prefix in `name`; None if there is none."""
    ours, letters = _letters(prefix), _letters(name)
    if not any(ours[place : place + 3] in letters for place in range(len(ours) - 2)):
        return None  # two wrong letters leave three consecutive correct ones
    heads: dict[str, float] = {}  # the rest after each candidate prefix, and the prefix's similarity
    for start in range(min(6, len(letters))):  # `$env:` or a quotation mark may precede
        for end in range(start + len(ours) - 2, min(start + len(ours) + 3, len(letters))):
            near = difflib.SequenceMatcher(None, letters[start:end], ours).ratio()
            heads[letters[end:]] = max(near, heads.get(letters[end:], 0.0))
    rests = sorted((rest for rest, near in heads.items() if near >= _NEAR), key=lambda rest: -heads[rest])
    exact = {_letters(field) for field in fields}
    rests = [rest for rest in rests if rest in exact] or rests
    return _field(rests[0], fields) if rests else None


def _field(letters: str, fields: Collection[str]) -> str | None:
    """The most similar field, or the only field that contains the letters; None if there is none."""
    by_letters = {_letters(field): field for field in fields}
    if letters in by_letters:
        return by_letters[letters]
    within = [field for written, field in by_letters.items() if len(letters) >= _TELLING and letters in written]
    if len(within) > 1:  # whoever means the second model says so
        within = [field for field in within if not field.startswith(_OF_THE_SECOND)]
    if len(within) == 1:
        return within[0]
    close = difflib.get_close_matches(letters, by_letters, n=1, cutoff=_ALIKE)
    return by_letters[close[0]] if close else None


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", name).casefold())
