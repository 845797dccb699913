"""A row as text that is the same whichever engine read it. The standard library only: it runs beside each of them."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any


def digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """Of all rows and columns, whatever their order: values are compared, not the types that an engine has for them."""
    lines = sorted(json.dumps(_plain(row), sort_keys=True) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:  # noqa: ANN401 - engines hand out what they like
    match value:
        case None | bool() | str() | int():
            return value
        case float():
            return ["a float", repr(value)]
        case datetime():  # one without a zone is an engine's way to say UTC
            moment = value if value.tzinfo else value.replace(tzinfo=UTC)
            return ["a moment", moment.astimezone(UTC).isoformat(timespec="microseconds")]
        case Mapping():
            return {str(name): _plain(part) for name, part in value.items()}
        case list() | tuple():
            return ["a list", *map(_plain, value)]
    raise TypeError(f"{type(value)} has no plain form: {value!r}")
