"""The list prices that come with the package, by model: `prices.toml`."""

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from summarizer_assets.core.money import Price

_TABLE: Final = Path(__file__).with_name("prices.toml")
_DATED: Final = re.compile(r"-(?:20\d\d-\d\d-\d\d|20\d{6})$")
#: What a request may name as `service_tier` and still be billed at the list price.
_STANDARD: Final = frozenset({None, "auto", "default", "standard", "standard_only"})


@dataclass(frozen=True)
class ListPrice:
    """A model's price, with the name and the date it stands under."""

    price: Price
    model: str
    taken: date


def list_price(model: str, *, tier: object = None, largest_request: int = 0) -> ListPrice | None:
    """The price of `model`, None when the table has none that surely holds.

    Args:
        model: as configured; a provider's prefix and a date at its end may be there.
        tier: the `service_tier` of the requests.
        largest_request: the most input tokens a request may have.
    """
    taken, entries = _table()
    entry = None
    for name in (model, _DATED.sub("", model)):  # a dated model may have a price of its own
        entry = entry or entries.get(name)
    if entry is None or largest_request > entry.get("most_input", largest_request):
        return None
    share = Decimal(1) if tier in _STANDARD else entry.get("flex") if tier == "flex" else None
    if share is None:
        return None
    prices = {kind: entry[kind] * share for kind in ("input", "cached_input", "cache_write", "output") if kind in entry}
    price = Price.per_million(
        prices["input"],
        prices["output"],
        cached_input_usd=prices.get("cached_input"),
        cache_write_usd=prices.get("cache_write"),
    )
    return ListPrice(price, entry["name"], taken)


@cache
def _table() -> tuple[date, dict[str, dict[str, Any]]]:
    """When the prices were taken, and each by every name that stands for it, without dates."""
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"), parse_float=Decimal)
    taken: date = table.pop("taken")
    by_name: dict[str, dict[str, Any]] = {}
    for provider in table.values():
        for name, entry in provider["models"].items():
            for known_as in (name, *(f"{prefix}/{name}" for prefix in provider["prefixes"])):
                by_name[known_as] = {**entry, "name": name}
    return taken, by_name
