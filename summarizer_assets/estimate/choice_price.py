"""The price of a person's choice (failures again, summaries anew): what the run of each bucket would ask."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import polars as pl

from summarizer_assets.core.authors.redrive import Choice
from summarizer_assets.core.display_text import number, number_of, usd
from summarizer_assets.core.markdown import table
from summarizer_assets.estimate.terms import NO_PRICE
from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.delta.guards import reading

#: Dagster shows Markdown of less than 1,000 characters inline.
_BUCKETS_SHOWN = 12


@dataclass(frozen=True)
class ChoicePrice:
    """Of one bucket, or of all.

    `chosen`: failures or summaries of the choice. `asks`: authors whom the runs would ask: the chosen, and who is
    pending or due in the same buckets. `usd`, `usd_at_most`: None if no price is known.
    """

    chosen: int
    asks: int
    calls: int
    tokens: int
    usd: float | None
    usd_at_most: float | None


def choice_prices(
    summarizer: Summarizer,
    choice: Choice,
    only: Collection[str] | None = None,
    *,
    step: Callable[[str], None] = lambda _: None,
) -> dict[str, ChoicePrice]:
    """By bucket, of those with somebody chosen. Nobody is asked, and no bucket is claimed.

    Args:
        summarizer: the installation.
        choice: whom a person chose.
        only: look in these buckets; None: in all.
        step: told what is done.

    Raises:
        TableError: a table cannot be read.
        ChoiceError, SettingsError: as for a run.
    """
    counts = _chosen(summarizer, choice, only)
    found = {}
    for place, (bucket, chosen) in enumerate(counts.items(), start=1):
        step(f"the price, bucket {place:,} of {len(counts):,}")
        with summarizer.bucket_run(bucket, "price", log=_unheard, choice=replace(choice, spend=False)) as run:
            facts = run.offer
        found[bucket] = ChoicePrice(
            chosen,
            facts["would_ask"],
            facts["would_make_calls"],
            facts["would_use_tokens"],
            facts.get("would_cost_usd"),
            facts.get("would_cost_usd_at_most"),
        )
    return found


def _chosen(summarizer: Summarizer, choice: Choice, only: Collection[str] | None) -> dict[str, int]:
    """The number of chosen rows, by bucket; failures of a rule are nobody's choice."""
    tables, identity = summarizer.tables, summarizer.identity
    rows = (
        (tables.failures, choice.redrive.failures & (pl.col("attempts") > 0)),
        (tables.summaries, choice.resummarize.summaries(identity.prompt_version, *summarizer.models)),
    )
    counts: dict[str, int] = {}
    for read, is_chosen in rows:
        with reading(read.uri):
            found = (
                read.read(None if only is None else sorted(only)).filter(is_chosen).group_by("bucket").len().collect()
            )
        for bucket, number_chosen in found.iter_rows():
            counts[bucket] = counts.get(bucket, 0) + number_chosen
    return dict(sorted(counts.items()))


def total(prices: Sequence[ChoicePrice]) -> ChoicePrice:
    """Of all buckets; no cost where that of one is not known."""
    known = [price for price in prices if price.usd is not None and price.usd_at_most is not None]
    complete = len(known) == len(prices)
    return ChoicePrice(
        sum(price.chosen for price in prices),
        sum(price.asks for price in prices),
        sum(price.calls for price in prices),
        sum(price.tokens for price in prices),
        sum(price.usd or 0.0 for price in known) if complete else None,
        sum(price.usd_at_most or 0.0 for price in known) if complete else None,
    )


def redrive_markdown(prices: dict[str, ChoicePrice]) -> str:
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


def _row(name: str, price: ChoicePrice) -> tuple[str, ...]:
    cost = "not known" if price.usd is None else usd(price.usd)
    return name, number(price.chosen), number(price.asks), number(price.calls), number(price.tokens), cost


def _unheard(_line: str) -> None:
    """The log of a plan whose numbers are told in one table."""
