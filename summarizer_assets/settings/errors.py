"""The exception for invalid settings, and its message."""

from pydantic import ValidationError


class SettingsError(ValueError):
    """A setting is invalid; the message says which one, what is wrong, and what is allowed."""


def readable(error: ValidationError, prefix: str) -> str:
    """The problems by variable, without values of variables that may contain a secret."""
    lines = []
    for problem in error.errors(include_input=True, include_url=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        variable = prefix + name.upper() if name else "settings"
        message = problem["msg"].removeprefix("Value error, ")
        secret = any(word in name for word in ("key", "state", "extra_body"))
        got = "" if secret or not name or problem["type"] == "value_error" else f" (got {problem['input']!r})"
        inside = "".join(f"[{part!r}]" for part in problem["loc"][1:])
        lines.append(f"{variable}{inside}: {message}{got}")
    return "; ".join(lines)
