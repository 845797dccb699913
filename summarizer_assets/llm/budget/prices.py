"""The list of models that comes with the package, `prices.toml`: what they cost, and which end."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from summarizer_assets.core.money.amounts import STANDARD, Price, tier_name
from summarizer_assets.llm.batches.names import usual_factor_at
from summarizer_assets.llm.budget.model_ends import End

_TABLE: Final = Path(__file__).with_name("prices.toml")
_DATED: Final = re.compile(r"-(?:20\d\d-\d\d-\d\d|20\d{6})$")
_KINDS: Final = ("input", "cached_input", "cache_write", "output")
_TIERS: Final = ("flex", "priority")
_ANYWHERE: Final = None


@dataclass(frozen=True)
class ListPrice:
    """A model's price, with the name and the date it stands under."""

    price: Price
    model: str
    taken: date


def list_price(
    model: str, *, tier: object = None, largest_request: int = 0, host: str | None = None, today: date | None = None
) -> ListPrice | None:
    """The price of `model`, None when the table has none that surely holds.

    Its `tiers` has what replies of other tiers than the one asked for cost.

    Args:
        model: as configured; a provider's prefix and a date at its end may be there.
        tier: the `service_tier` of the requests.
        largest_request: the most input tokens a request may have.
        host: of the provider: some prices hold at one only.
        today: from some day on another model may answer, at its price; None: before any such day.
    """
    entry = _entry(model, host)
    at_home = entry is not None and _at_home(entry, host)
    if entry is not None and at_home and "answered_by" in entry and today is not None and _last_day(entry) <= today:
        entry = _entry(entry["answered_by"], host)
    if entry is None or largest_request > entry.get("most_input", largest_request):
        return None
    shares = {STANDARD: Decimal(1)} | {name: Decimal(entry[name]) for name in _TIERS if name in entry}
    asked = tier_name(tier)
    if asked not in shares:
        return None
    by_tier = {name: _price(entry, share) for name, share in shares.items()}
    tiers = tuple(by_tier.items()) if len(by_tier) > 1 else ()
    price = replace(by_tier[asked], tiers=tiers)
    return ListPrice(price, entry["name"], list_taken())


@dataclass(frozen=True)
class ListedModel:
    """A model of the list with its prices, standard and with flex or in batch jobs; None: not known.

    `host`: where alone the prices hold; None: wherever it is served. `ends`: see `model_ends`.
    """

    name: str
    maker: str
    host: str | None
    price: Price
    flex: Price | None
    batch: Price | None
    ends: date | None


def listed_models() -> list[ListedModel]:
    """All models that had not ended when the list was taken. Batch jobs are those of the maker, or of the host."""
    found = []
    for section in _sections():
        host = next(iter(section.get("hosts", ())), None)
        factor = usual_factor_at(host or section.get("home"))
        for name, entry in section["models"].items():
            if "ended" not in entry:
                price = _price(entry, Decimal(1))
                flex = _price(entry, Decimal(entry["flex"])) if "flex" in entry else None
                batch = None if factor is None else price.times(factor)
                found.append(ListedModel(name, section["maker"], host, price, flex, batch, entry.get("ends")))
    return found


def list_taken() -> date:
    """When the list was last compared with the makers' pages."""
    taken: date = _list()["taken"]
    return taken


def listed_end(model: str, host: str | None = None) -> End | None:
    """What the list knows of the end of `model`."""
    entry = _entry(model, host)
    if entry is None or not {"ended", "ends"} & entry.keys():
        return None
    source = f"{entry['maker']} ({entry['source']})"
    at_home = _at_home(entry, host)
    return End(model, _last_day(entry), source, entry.get("instead"), entry.get("answered_by"), at_home=at_home)


def _at_home(entry: Mapping[str, Any], host: str | None) -> bool:
    """Whether the ends of this entry are those of `host`."""
    return host is None or entry["home"] in (None, host.lower())


def _last_day(entry: Mapping[str, Any]) -> date:
    day: date = entry.get("ended") or entry["ends"]
    return day


def _price(entry: Mapping[str, Any], share: Decimal) -> Price:
    prices = {kind: entry[kind] * share for kind in _KINDS if kind in entry}
    return Price.per_million(
        prices["input"],
        prices["output"],
        cached_input_usd=prices.get("cached_input"),
        cache_write_usd=prices.get("cache_write"),
    )


def _entry(model: str, host: str | None) -> Mapping[str, Any] | None:
    """A dated model may have an entry of its own; a host's own prices go before those that hold anywhere."""
    by_host = _by_host()
    for place in (host and host.lower(), _ANYWHERE):
        for name in (model, _DATED.sub("", model)):
            if (found := by_host.get(place, {}).get(name)) is not None:
                return found
    return None


@cache
def _list() -> dict[str, Any]:
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"), parse_float=Decimal)


def _sections() -> list[dict[str, Any]]:
    return [part for part in _list().values() if isinstance(part, dict)]


@cache
def _by_host() -> dict[str | None, dict[str, dict[str, Any]]]:
    """Each entry by every name that stands for it, without dates, by the host where it holds."""
    found: dict[str | None, dict[str, dict[str, Any]]] = {}
    for section in _sections():
        for host in section.get("hosts", [_ANYWHERE]):
            for name, entry in section["models"].items():
                for known_as in (name, *(f"{prefix}/{name}" for prefix in section.get("prefixes", ()))):
                    of_section = {key: section.get(key) for key in ("maker", "source", "home")}
                    found.setdefault(host, {})[known_as] = {**entry, "name": name, **of_section}
    return found
