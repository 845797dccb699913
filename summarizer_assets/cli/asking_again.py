"""Authors asked again by a person's choice: the price first, then the runs."""

import sys
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from summarizer_assets.cli.answer import Answer
from summarizer_assets.cli.bucket_runs import Job
from summarizer_assets.cli.confirm import agreed
from summarizer_assets.cli.dagster_home import dagster_instance
from summarizer_assets.cli.progress_bar import ProgressBar
from summarizer_assets.cli.ran import answer_of
from summarizer_assets.core.authors.redrive import Choice, ChoiceError
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.display_text import number_of, usd
from summarizer_assets.estimate.choice_price import ChoicePrice, choice_prices, total
from summarizer_assets.installation import Summarizer


def known_buckets(summarizer: Summarizer, given: Sequence[str]) -> list[str]:
    """The buckets that a person named, or all.

    Raises:
        ChoiceError: there is no such bucket.
    """
    keys = bucket_keys(summarizer.buckets)
    for bucket in given:
        if bucket not in keys:
            raise ChoiceError(f"there is no bucket {bucket}; allowed: {keys[0]} to {keys[-1]}")
    return sorted(set(given)) or keys


def ask_again(
    summarizer: Summarizer,
    choice: Choice,
    config: Mapping[str, Any],
    *,
    yes: bool,
    only: Collection[str] | None = None,
) -> Answer:
    """Show what the runs would ask and cost, ask, and run them.

    Args:
        summarizer: the installation.
        choice: whom a person chose.
        config: the same, as in the asset's launchpad.
        yes: a person agreed beforehand.
        only: look in these buckets; None: in all.
    """
    began = time.monotonic()
    with ProgressBar() as bar:
        prices = choice_prices(summarizer, choice, only, step=bar.step)
    buckets, price = list(prices), total(list(prices.values()))
    figures = _figures(buckets, price)
    if not price.chosen:
        return Answer(data={"asked": False, "estimate": figures}, text="nobody is chosen")
    sys.stderr.write(_words(buckets, price) + "\n")
    if not agreed(f"Ask {number_of(price.asks)} now?", yes=yes):
        return Answer(data={"asked": False, "estimate": figures}, text="nobody was asked")
    with dagster_instance(summarizer) as instance, ProgressBar() as bar:
        bar.authors = price.asks
        ended = Job(summarizer, instance, bar).summarize(buckets, {**config, "spend": True})
        go_on = "the same command"
        return answer_of(summarizer, ended, began, ingested=False, buckets=buckets, price=figures, go_on=go_on)


def _figures(buckets: Sequence[str], price: ChoicePrice) -> dict[str, Any]:
    return {
        "buckets": buckets,
        "chosen": price.chosen,
        "others": price.asks - price.chosen,
        "authors": price.asks,
        "requests": price.calls,
        "tokens": price.tokens,
        "cost_usd": price.usd,
        "cost_usd_high": price.usd_at_most,
    }


def _words(buckets: Sequence[str], price: ChoicePrice) -> str:
    cost = "a price that nobody knows" if price.usd is None else usd(price.usd)
    most = f", {usd(price.usd_at_most)} at most" if price.usd_at_most else ""
    others = f" and {price.asks - price.chosen:,} more who are asked anyway" if price.asks > price.chosen else ""
    who = f"{number_of(price.chosen)}{others}, in {number_of(len(buckets), 'bucket')}"
    return f"{who}, would be asked: about {price.calls:,} requests, {price.tokens:,} tokens, {cost}{most}"
