"""`summarizer capacity`: how many workers a job needs, how long it takes, and what binds it."""

from dataclasses import replace
from typing import Any

import click

from summarizer_assets.capacity.by_model import by_model_json, by_model_markdown
from summarizer_assets.capacity.fleet import MOST_IN_FLIGHT, Costs, plan
from summarizer_assets.capacity.footprint import footprint_of
from summarizer_assets.capacity.inputs import Wishes, given
from summarizer_assets.capacity.markdown import capacity_json, capacity_markdown
from summarizer_assets.cli.answer import Answer
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.cli.numbers import Amount, Count
from summarizer_assets.core.buckets import MAX_BUCKETS
from summarizer_assets.core.money.amounts import Price

_COMPARED = (1, 2, 4, 8)  # workers


@as_command
@click.option("--authors", type=Count(), help="Authors of the job; default: those in the table `authors`.")
@click.option("--group-size", type=Count(1000), help="Authors per request; default: SUMMARIZER_GROUP_SIZE.")
@click.option("--tokens-in", type=Amount(), help="Input tokens per author, with the share of the instruction.")
@click.option("--tokens-out", type=Amount(), help="Output tokens per author; default of both: as earlier answers used.")
@click.option(
    "--rpm", type=Amount(zero=False), help="Requests per minute that the provider allows; default: SUMMARIZER_RPM."
)
@click.option("--tpm", type=Amount(zero=False), help="Tokens per minute that it allows; default: SUMMARIZER_TPM.")
@click.option("--latency-s", type=Amount(), help="Seconds per request; default: as the calibration measured it.")
@click.option("--latency-token-s", type=Amount(), help="Additional seconds per output token of a request.")
@click.option("--price-input-usd", type=Amount(), help="Price of a million input tokens; default: as in runs.")
@click.option("--price-output-usd", type=Amount(), help="Price of a million output tokens; default: as in runs.")
@click.option("--workers", type=Count(), default=1, show_default=True, help="Number of hosts.")
@click.option("--cores", type=Count(), help="CPU cores per worker.")
@click.option("--runs-a-worker", type=Count(), help="Runs of a worker at the same time.")
@click.option(
    "--max-in-flight",
    "in_flight",
    type=Count(MOST_IN_FLIGHT),
    help="Requests of a run at the same time; default: SUMMARIZER_MAX_IN_FLIGHT.",
)
@click.option(
    "--buckets", type=Count(MAX_BUCKETS), help="Number of buckets; default: the tables' or the recommended number."
)
@click.option("--by-model", is_flag=True, help="Also the cost by each model of the price list, and by each route.")
def command(
    *,
    price_input_usd: float | None,
    price_output_usd: float | None,
    by_model: bool,
    **wishes: Any,  # noqa: ANN401 - the fields of Wishes
) -> Answer:
    """Calculate how many workers a job needs, how long it takes, and what limits the speed.

    The calculation uses measured costs; it makes no request and writes nothing. Missing options are taken from the
    settings, the tables or the documentation; the last table of the output shows which.

    \b
    Example: summarizer capacity --authors 20_000_000 --rpm 10000 --tpm 10_000_000 --workers 2
    """
    if (price_input_usd is None) != (price_output_usd is None):
        raise click.UsageError("--price-input-usd and --price-output-usd go together: give both or none")
    price = None
    if price_input_usd is not None and price_output_usd is not None:
        price = Price.per_million(price_input_usd, price_output_usd)
    found = given(opened(needs_tables=False), Wishes(price=price, **wishes))
    fleets = [found.fleet, *(replace(found.fleet, workers=workers) for workers in _COMPARED)]
    plans = [plan(found.job, found.provider, fleet) for fleet in fleets]
    footprint = footprint_of(found.job, found.fleet, Costs(), plans[0].seconds)
    data, markdown = capacity_json(found, plans, footprint), capacity_markdown(found, plans, footprint)
    if by_model:
        data["by_model"] = by_model_json(found.job, found.fleet.buckets)
        markdown += f"\n\n{by_model_markdown(found.job, found.fleet.buckets)}"
    return Answer(data=data, markdown=markdown)
