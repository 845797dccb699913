"""Price of asking failed authors again by choice, over all buckets: what the run of each bucket would ask."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from summarizer_assets.core.authors.redrive import Choice, Redrive
from summarizer_assets.core.display_text import number, number_of, usd
from summarizer_assets.core.markdown import table
from summarizer_assets.estimate.terms import NO_PRICE
from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.delta.guards import reading

#: Dagster shows Markdown of less than 1,000 characters inline.
_BUCKETS_SHOWN = 12


@dataclass(frozen=True)
class RedrivePrice:
    """Of one bucket, or of all.

    `chosen`: failures of the choice. `asks`: authors whom the runs would ask: the chosen, and who is pending or due in
    the same buckets. `usd`, `usd_at_most`: None if no price is known.
    """

    chosen: int
    asks: int
    calls: int
    tokens: int
    usd: float | None
    usd_at_most: float | None


def redrive_prices(summarizer: Summarizer, redrive: Redrive) -> dict[str, RedrivePrice]:
    """By bucket, of those with a chosen failure. Nobody is asked, and no bucket is claimed.

    Raises:
        TableError: a table cannot be read.
        ChoiceError, SettingsError: as for a run.
    """
    failures = summarizer.tables.failures
    with reading(failures.uri):
        rows = failures.read().filter(redrive.failures).group_by("bucket").agg(pl.len()).sort("bucket").collect()
    found = {}
    for bucket, chosen in rows.iter_rows():
        with summarizer.bucket_run(bucket, "price", log=_unheard, choice=Choice(redrive=redrive, spend=False)) as run:
            facts = run.offer
        found[bucket] = RedrivePrice(
            chosen,
            facts["would_ask"],
            facts["would_make_calls"],
            facts["would_use_tokens"],
            facts.get("would_cost_usd"),
            facts.get("would_cost_usd_at_most"),
        )
    return found


def total(prices: Sequence[RedrivePrice]) -> RedrivePrice:
    known = [price for price in prices if price.usd is not None and price.usd_at_most is not None]
    complete = len(known) == len(prices)
    return RedrivePrice(
        sum(price.chosen for price in prices),
        sum(price.asks for price in prices),
        sum(price.calls for price in prices),
        sum(price.tokens for price in prices),
        sum(price.usd or 0.0 for price in known) if complete else None,
        sum(price.usd_at_most or 0.0 for price in known) if complete else None,
    )


def redrive_markdown(prices: dict[str, RedrivePrice]) -> str:
    """A Markdown table of the buckets, with totals."""
    if not prices:
        return "Nobody failed for these reasons."
    head = ("bucket", "failed so", "asked", "calls", "tokens", "cost")
    rows = [_row(f"`{bucket}`", price) for bucket, price in list(prices.items())[:_BUCKETS_SHOWN]]
    if more := len(prices) - len(rows):
        rows.append((number_of(more, "more bucket"), "", "", "", "", ""))
    whole = total(list(prices.values()))
    rows.append(_row("**all**", whole))
    unknown = f"\n\n{NO_PRICE}" if whole.usd is None else ""
    return f"{table(head, rows)}\n\nAsked are also those who are pending or due in these buckets.{unknown}"


def _row(name: str, price: RedrivePrice) -> tuple[str, ...]:
    cost = "not known" if price.usd is None else usd(price.usd)
    return name, number(price.chosen), number(price.asks), number(price.calls), number(price.tokens), cost


def _unheard(_line: str) -> None:
    """The log of a plan whose numbers are told in one table."""
