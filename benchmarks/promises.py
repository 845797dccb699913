"""How a benchmark that checks promises ends: each broken one named, then all figures as one line of JSON."""

import json
from collections.abc import Sequence
from typing import Any


def conclude(name: str, found: dict[str, Any], broken: Sequence[str]) -> int:
    """Print the end of benchmark `name`; returns the process's exit status."""
    for promise in broken:
        print(f"BROKEN: {promise}")
    print("all promises kept\n" if not broken else "")
    print(json.dumps({name: found}))
    return 1 if broken else 0
