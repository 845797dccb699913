"""Authors asked again by a person's choice: the price first, then the runs."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from summarizer_assets.cli.answer import Answer
from summarizer_assets.cli.bucket_runs import Job
from summarizer_assets.cli.confirm import agreed
from summarizer_assets.cli.dagster_home import dagster_instance
from summarizer_assets.cli.progress_bar import ProgressBar
from summarizer_assets.cli.ran import answer_of
from summarizer_assets.core.authors.redrive import ChoiceError
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.display_text import number_of, usd
from summarizer_assets.estimate.again import Again
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


def ask_again(summarizer: Summarizer, price: Again, config: Mapping[str, Any], *, yes: bool) -> Answer:
    """Show what the runs would ask and cost, ask, and run them.

    Args:
        summarizer: the installation.
        price: of the buckets' runs.
        config: the choice, as in the asset's launchpad, with `spend`.
        yes: a person agreed beforehand.
    """
    began = time.monotonic()
    figures = {**asdict(price), "authors": price.authors}
    if not price.chosen:
        return Answer(data={"asked": False, "estimate": figures}, text="nobody is chosen")
    sys.stderr.write(_words(price) + "\n")
    if not agreed(f"Ask {number_of(price.authors)} now?", yes=yes):
        return Answer(data={"asked": False, "estimate": figures}, text="nobody was asked")
    with dagster_instance(summarizer) as instance, ProgressBar() as bar:
        bar.authors = price.authors
        ended = Job(summarizer, instance, bar).summarize(price.buckets, config)
        go_on = "the same command"
        return answer_of(summarizer, ended, began, ingested=False, buckets=price.buckets, price=figures, go_on=go_on)


def _words(price: Again) -> str:
    cost = "a price that nobody knows" if price.cost_usd is None else usd(price.cost_usd)
    most = f", {usd(price.cost_usd_high)} at most" if price.cost_usd_high else ""
    others = f" and {price.others:,} more who are asked anyway" if price.others else ""
    work = [f"about {price.requests:,} requests"] if price.requests is not None else []
    work += [f"{price.tokens:,} tokens"] if price.tokens is not None else []
    who = f"{number_of(price.chosen)}{others}, in {number_of(len(price.buckets), 'bucket')}"
    return f"{who}, would be asked: {', '.join([*work, cost])}{most}"
