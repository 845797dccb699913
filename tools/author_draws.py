"""Random draws as polars expressions: the same for ever, whatever the chunk, the machine or polars' version.

polars' own `hash` may change between versions. This is splitmix64, as columns: a draw is a function of a row's number,
what is drawn, and the seed, so any part of a table can be made alone.
"""

import polars as pl

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def _constant(value: int) -> pl.Expr:
    return pl.lit(value & _MASK, dtype=pl.UInt64)


def draw(number: pl.Expr, what: int, seed: int) -> pl.Expr:
    """64 random bits (UInt64) for each `number` (UInt64); other `what` or `seed` are other bits."""
    mixed = number * _constant(_GOLDEN) + _constant((what * 0xD1B54A32D192ED03 + seed * 0x8CB92BA72F3D8DD7) | 1)
    mixed = (mixed ^ (mixed // _constant(2**30))) * _constant(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed // _constant(2**27))) * _constant(0x94D049BB133111EB)
    return mixed ^ (mixed // _constant(2**31))


def share(bits: pl.Expr) -> pl.Expr:
    """Bits as a number in (0, 1]."""
    return (bits // _constant(2**11) + _constant(1)).cast(pl.Float64) / 2.0**53


def pick(bits: pl.Expr, choices: pl.Series) -> pl.Expr:
    """One of `choices` for each row."""
    return pl.lit(choices).gather((bits // _constant(2**20)) % _constant(len(choices)))
