"""The estimate before the spend, against what the job came to.

    python -m benchmarks.engine.estimate [--source authors.parquet] [--authors 1000] [--sizes 20,1] [--pilot 50]
                                         [--route batch]

For each group size and each of two lengths of summaries: the estimate beforehand, a pilot of 50 authors, the estimate
again, then all the others; against a server whose `usage` is counted by o200k, not by our estimate. The template's
summaries are shorter than what is asked for (40 to 60 words of 80), so they show what a guess of the length is worth;
the longer ones go on with further titles. Prices are those of a small model, $0.15 and $0.60 a million tokens.

Prints the deviation of each estimate from what was billed, and whether the interval held it; the same as JSON on the
last line. By batch jobs the server's clock is put forward by a day between sending and collecting, and the price is
half. The status is 1 when an estimate after the pilot is more than 10 % off in tokens or dollars.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.command import command, numbers

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": 60, "sizes": [20], "pilot": 20})
    parser.add_argument("--source", type=Path, help="a Parquet file of authors; without one, the bundled sample")
    parser.add_argument("--authors", type=int, default=1000, help="the first so many of it")
    parser.add_argument("--sizes", type=numbers, default=[20, 1])
    parser.add_argument("--pilot", type=int, default=50)
    parser.add_argument("--route", choices=("online", "batch"), default="online")
    options = parser.parse_args()

import polars as pl

from benchmarks.promises import conclude
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.estimation.cost import Span
from summarizer_assets.estimate.reconcile import reconcile
from summarizer_assets.estimate.spend import SpendEstimate, estimate_spend, keep
from summarizer_assets.installation import Summarizer
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.process import ProviderProcess, running
from summarizer_assets.sample import sample_path
from summarizer_assets.settings import load_settings
from summarizer_assets.storage.delta.stream import persist

BUCKETS, IN_FLIGHT = 4, 16
INPUT_USD, OUTPUT_USD = 0.15, 0.60
MOST_OFF = 0.10
DAY_S = 86_400.0
ANSWERS = {"terse": "answer", "longer": "longer_answer"}
FIGURES = ("calls", "prompt_tokens", "completion_tokens", "tokens", "cost_usd")
COLUMNS = tuple(zip(FIGURES, (8, 10, 8, 10, 8), (0, 0, 0, 0, 4), strict=True))  # with width and decimals


@dataclass(frozen=True)
class Billed:
    """What the ledger holds."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float

    @classmethod
    def of(cls, summarizer: Summarizer) -> "Billed":
        totals = summarizer.ledger.totals()
        return cls(totals["requests"], totals["prompt_tokens"], totals["completion_tokens"], totals["spent"] / 1e9)

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __sub__(self, other: "Billed") -> "Billed":
        return Billed(
            self.calls - other.calls,
            self.prompt_tokens - other.prompt_tokens,
            self.completion_tokens - other.completion_tokens,
            self.cost_usd - other.cost_usd,
        )


@dataclass(frozen=True)
class Setup:
    """Where a job is done, and how."""

    root: Path
    source: Path
    size: int
    route: str


def summarizer_of(setup: Setup, url: str, limit: int | None = None) -> Summarizer:
    return Summarizer(
        load_settings(
            None,
            source=str(setup.source),
            root=str(setup.root),
            buckets=BUCKETS,
            llm_base_url=url,
            llm_model="counted",
            group_size=setup.size,
            route=setup.route,
            batch_factor=0.5,
            max_in_flight=IN_FLIGHT,
            price_input_usd=INPUT_USD,
            price_output_usd=OUTPUT_USD,
            limit=limit,
        )
    )


def summarise(summarizer: Summarizer, name: str, provider: ProviderProcess) -> None:
    """Run all buckets; by batch jobs again and again, a day later each time, until none is under way."""
    for day in count():
        for bucket in bucket_keys(BUCKETS):
            with summarizer.bucket_run(bucket, f"{name}-{day}-{bucket}", log=lambda _: None) as run:
                persist(summarizer.tables.summaries, run.summaries)
                persist(summarizer.tables.failures, run.failures)
                run.finish()
            if run.stop is not None and not run.waits:
                raise SystemExit(f"bucket {bucket} stopped: {run.stop.message}")
        if not summarizer.jobs.live():
            return
        provider.wait(DAY_S)


def one(setup: Setup, answers: str, pilot: int) -> list[dict[str, Any]]:
    """The two estimates of one job, each beside what was billed for the same authors."""
    plan = Plan(replies="answered")
    with running(plan, ["--answer", f"benchmarks.engine.counted_answers:{ANSWERS[answers]}"]) as provider:
        whole = summarizer_of(setup, provider.base_url)
        stream = whole.ingest(bucket_keys(BUCKETS), log=lambda _: None, describe=lambda *_: None)
        persist(whole.tables.authors, stream)
        beforehand = estimate_spend(whole)
        summarise(summarizer_of(setup, provider.base_url, pilot), "pilot", provider)
        after_pilot = Billed.of(whole)
        again = estimate_spend(whole)
        keep(whole, again)
        summarise(whole, "all", provider)
        in_all = Billed.of(whole)
        found = reconcile(whole)
    inside = None if found is None else found.inside
    shared = {"group": setup.size, "summaries": answers}
    return [
        {**shared, "estimate": "beforehand", **compared(beforehand, in_all)},
        {**shared, "estimate": f"after {pilot}", **compared(again, in_all - after_pilot), "reconciled_inside": inside},
    ]


def compared(spend: SpendEstimate, billed: Billed) -> dict[str, Any]:
    found = spend.configured.estimate
    row: dict[str, Any] = {"authors": round(found.authors.expected)}
    for name in FIGURES:
        span: Span = getattr(found, name)
        true = getattr(billed, name)
        row |= {f"{name}_estimated": span.expected, name: true, f"{name}_off": span.expected / true - 1}
    assert found.cost_usd is not None
    row |= {"inside": billed.tokens in found.tokens, "cost_inside": billed.cost_usd in found.cost_usd}
    row["interval"] = (found.tokens.high - found.tokens.low) / 2 / found.tokens.expected
    return row


def table(rows: list[dict[str, Any]]) -> None:
    print(f"{'group':>5} {'summaries':<9} {'estimate':<11} {'authors':>7} | {'requests':>8} {'off':>7} | "
          f"{'tokens in':>10} {'off':>7} | {'out':>8} {'off':>7} | {'all':>10} {'off':>7} {'inside':>7} | "
          f"{'USD':>8} {'off':>7} {'inside':>7}")  # fmt: skip
    for row in rows:
        inside = f"±{row['interval']:.0%} {'y' if row['inside'] else 'N'}"
        pairs = [f"{row[name]:>{width},.{digits}f} {row[f'{name}_off']:>+7.1%}" for name, width, digits in COLUMNS]
        print(
            f"{row['group']:>5} {row['summaries']:<9} {row['estimate']:<11} {row['authors']:>7,} | "
            f"{' | '.join(pairs[:4])} {inside:>7} | {pairs[4]} {'y' if row['cost_inside'] else 'N':>7}"
        )


def main(options: argparse.Namespace) -> int:
    origin = options.source or sample_path()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="estimate-") as temporary:
        home = Path(temporary)
        source = home / "authors.parquet"
        pl.read_parquet(origin).head(options.authors).write_parquet(source)
        for size in options.sizes:
            for answers in ANSWERS:
                rows += one(Setup(home / f"{size}-{answers}", source, size, options.route), answers, options.pilot)
    print(
        f"{origin.name}, {options.route}, a pilot of {options.pilot}; off: estimated against billed; "
        "±: the interval of all tokens\n"
    )
    table(rows)
    broken = [
        f"group size {row['group']}, summaries {row['summaries']}: {row[f'{what}_off']:+.1%} in {what} after the pilot"
        for row in rows
        for what in ("tokens", "cost_usd")
        if row["estimate"] != "beforehand" and abs(row[f"{what}_off"]) > MOST_OFF and not options.small
    ]
    return conclude("estimate", {"rows": rows}, broken)


if __name__ == "__main__":
    sys.exit(main(options))
