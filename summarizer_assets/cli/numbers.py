"""Numbers on the command line: `20_000_000` and `20,000,000` are read too, and a refusal says what is allowed."""

from typing import Any

import click


class Count(click.ParamType[int]):
    """A whole number from 1 to `most`."""

    name = "number"

    def __init__(self, most: int | None = None) -> None:
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 - click's
        found = int(text) if (text := _plain(value)).isdecimal() else 0
        if found < 1 or (self._most is not None and found > self._most):
            up_to = "" if self._most is None else f" to {self._most:,}"
            self.fail(f"{value!r}; allowed: a whole number from 1{up_to}", param, ctx)
        return found


class Amount(click.ParamType[float]):
    """A number from 0, or above 0 where `zero` is not allowed."""

    name = "number"

    def __init__(self, *, zero: bool = True) -> None:
        self._zero = zero

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - click's
        try:
            found = float(_plain(value))
        except ValueError:
            found = -1.0
        if not (0 <= found < float("inf")) or not (found or self._zero):
            self.fail(f"{value!r}; allowed: a number {'from' if self._zero else 'above'} 0", param, ctx)
        return found


class Counts(click.ParamType[list[int]]):
    """Whole numbers from 1 with commas, as in `1,5,20`."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:  # noqa: ANN401 - click's
        if not isinstance(value, str):
            return list(value)
        return [Count().convert(part.strip(), param, ctx) for part in value.split(",")]


def _plain(value: object) -> str:
    return str(value).replace("_", "").replace(",", "")
