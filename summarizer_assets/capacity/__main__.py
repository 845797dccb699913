"""How many workers a job needs, how long it takes, and its bottleneck: `python -m summarizer_assets.capacity`.

Arithmetic over measured costs: makes no request and writes nothing. Values that are not given are taken from the
settings, the tables or the documentation; the last table of the output shows which.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace

from summarizer_assets.capacity.fleet import MOST_IN_FLIGHT, Costs, plan
from summarizer_assets.capacity.footprint import footprint_of
from summarizer_assets.capacity.inputs import Wishes, given
from summarizer_assets.capacity.markdown import capacity_json, capacity_markdown
from summarizer_assets.command import opened
from summarizer_assets.core.buckets import MAX_BUCKETS
from summarizer_assets.core.money.amounts import Price
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.storage.errors import StorageError, TableError

_COMPARED = (1, 2, 4, 8)  # workers


def main(arguments: list[str] | None = None) -> int:
    """Print the plan; return 0, or 2 if a setting is wrong or the tables or state store cannot be read."""
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    as_json, input_usd, output_usd = (options.pop(name) for name in ("json", "price_input_usd", "price_output_usd"))
    if (input_usd is None) != (output_usd is None):
        parser.error("--price-input-usd and --price-output-usd go together: give both or none")
    price = None if input_usd is None else Price.per_million(input_usd, output_usd)
    try:
        found = given(opened(needs_tables=False), Wishes(price=price, **options))
    except (SettingsError, StorageError, TableError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    fleets = [found.fleet, *(replace(found.fleet, workers=workers) for workers in _COMPARED)]
    plans = [plan(found.job, found.provider, fleet) for fleet in fleets]
    footprint = footprint_of(found.job, found.fleet, Costs(), plans[0].seconds)
    if as_json:
        sys.stdout.write(f"{json.dumps(capacity_json(found, plans, footprint))}\n")
    else:
        sys.stdout.write(f"{capacity_markdown(found, plans, footprint)}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m summarizer_assets.capacity", description=__doc__)
    job = parser.add_argument_group("the job")
    job.add_argument("--authors", type=_count(), help="default: those in the table `authors`")
    job.add_argument("--group-size", type=_count(1000), help="authors a request; default: SUMMARIZER_GROUP_SIZE")
    job.add_argument("--tokens-in", type=_amount, help="of an author, with its share of the instruction")
    job.add_argument("--tokens-out", type=_amount, help="of an author; default of both: what answers so far used")
    account = parser.add_argument_group("the provider")
    account.add_argument("--rpm", type=_above_zero, help="requests a minute; default: SUMMARIZER_RPM")
    account.add_argument("--tpm", type=_above_zero, help="tokens a minute; default: SUMMARIZER_TPM")
    account.add_argument("--latency-s", type=_amount, help="of a request; default: as the calibration measured it")
    account.add_argument("--latency-token-s", type=_amount, help="more for each token that a request's answer has")
    account.add_argument("--price-input-usd", type=_amount, help="a million tokens; default: as runs would book it")
    account.add_argument("--price-output-usd", type=_amount)
    fleet = parser.add_argument_group("the workers")
    fleet.add_argument("--workers", type=_count(), default=1, help="hosts; default: %(default)s")
    fleet.add_argument("--cores", type=_count(), help="of a worker")
    fleet.add_argument("--runs-a-worker", type=_count(), help="at the same time")
    fleet.add_argument(
        "--max-in-flight",
        dest="in_flight",
        type=_count(MOST_IN_FLIGHT),
        help="requests of a run; default: SUMMARIZER_MAX_IN_FLIGHT",
    )
    fleet.add_argument("--buckets", type=_count(MAX_BUCKETS), help="default: the tables', or as recommended")
    parser.add_argument("--json", action="store_true", help="numbers for a machine")
    return parser


def _count(most: int | None = None) -> Callable[[str], int]:
    allowed = "a whole number from 1" if most is None else f"a whole number from 1 to {most:,}"

    def count(text: str) -> int:
        try:
            value = int(text.replace("_", "").replace(",", ""))
        except ValueError:
            value = 0
        if value < 1 or (most is not None and value > most):
            raise argparse.ArgumentTypeError(f"{text!r}; allowed: {allowed}")
        return value

    return count


def _amount(text: str) -> float:
    return _number(text, "a number from 0", lambda value: value >= 0)


def _above_zero(text: str) -> float:
    return _number(text, "a number above 0", lambda value: value > 0)


def _number(text: str, allowed: str, right: Callable[[float], bool]) -> float:
    try:
        value = float(text.replace("_", "").replace(",", ""))
    except ValueError:
        value = -1.0
    if not right(value) or value == float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}; allowed: {allowed}")
    return value


if __name__ == "__main__":
    sys.exit(main())
