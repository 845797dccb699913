"""Two models: who is summarised by the first, who by the second, who failed with both, and what each of them billed.

    python -m benchmarks.faults.second_model [--authors 400] [--group-size 20]

One run of one bucket, without Dagster, against two of the rehearsal's providers, each in a process of its own. The
first model does not do a fifth of the authors: it declines some, its filter stops some, it cuts some off and writes
links about others. The second declines one in five of these. Then a second run with all failures due. Prints a table by
model, and compares what the providers billed with what the ledger booked, to the nano-dollar; the figures as JSON last.
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": 40, "group_size": 5})
    parser.add_argument("--authors", type=int, default=400)
    parser.add_argument("--group-size", type=int, default=20)
    options = parser.parse_args()

from summarizer_assets.core.authors.redrive import Choice
from summarizer_assets.core.display_text import exact_usd
from summarizer_assets.core.markdown import table
from summarizer_assets.core.money.amounts import Price, Usage
from summarizer_assets.installation import Summarizer
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.process import ProviderProcess, running
from summarizer_assets.storage.delta.stream import persist
from testing.installation import Installation, write_authors

FIRST, SECOND = "first-model", "second-model"
_FAULTS = ("refusal", "content_filter", "finish_length", "link")
_PRICES = {FIRST: Price.per_million(0.1, 0.4), SECOND: Price.per_million(1, 5)}
_SETTINGS: dict[str, Any] = {
    "llm_model": FIRST,
    "price_input_usd": 0.1,
    "price_output_usd": 0.4,
    "second_model": SECOND,
    "second_price_input_usd": 1,
    "second_price_output_usd": 5,
    "budget_usd": 100,
    "retry_after_s": 0,
}


def plans(authors: int) -> tuple[Plan, Plan]:
    undone = [str(number) for number in range(5, authors + 1, 5)]
    rules = tuple(Rule(fault, authors=tuple(undone[place :: len(_FAULTS)])) for place, fault in enumerate(_FAULTS))
    return Plan(rules=rules), Plan(rules=(Rule("refusal", authors=tuple(undone[::5])),))


def work(summarizer: Summarizer, name: str, choice: Choice) -> None:
    run = summarizer.bucket_run("0000", name, log=lambda _: None, choice=choice)
    with run:
        persist(summarizer.tables.summaries, run.summaries)
        persist(summarizer.tables.failures, run.failures)
        run.finish()


def found(house: Installation, providers: dict[str, ProviderProcess]) -> dict[str, Any]:
    summaries, failures = house.frame("summaries"), house.frame("failures")
    by_model = Counter(summaries["model"])
    records = {name: provider.record() for name, provider in providers.items()}
    billed = {
        name: sum(_PRICES[name].cost(Usage(one.prompt_tokens, one.completion_tokens)) for one in record)
        for name, record in records.items()
    }
    booked = house.summarizer.ledger.totals()
    assert house.summarizer.ledger.audit() == []
    return {
        "requests": {name: len(record) for name, record in records.items()},
        "asked_about": {
            name: len({author for one in record for author in one.ids}) for name, record in records.items()
        },
        "summaries": {name: by_model[name] for name in providers},
        "billed": billed,
        "booked": booked["spent"],
        "uncertain": booked["uncertain"],
        "failed": failures.height,
        "failed_by_both": failures["second_model"].count(),
        "reasons": dict(Counter(map(", then ".join, failures.select("reason", "second_reason").iter_rows()))),
        "detail": failures["detail"].first() if failures.height else None,
    }


def run(authors: int, group_size: int) -> dict[str, dict[str, Any]]:
    first, second = plans(authors)
    with tempfile.TemporaryDirectory() as folder, running(first) as one, running(second) as other:
        urls = {"llm_base_url": one.base_url, "second_base_url": other.base_url}
        source = write_authors(Path(folder) / "authors.parquet", authors)
        house = Installation(Path(folder) / "root", source, group_size=group_size, **urls, **_SETTINGS)
        summarizer, providers = house.summarizer, {FIRST: one, SECOND: other}
        persist(summarizer.tables.authors, summarizer.ingest(house.keys, log=lambda _: None, describe=_nowhere))
        told = {}
        for name in ("first run", "all failures again"):
            work(summarizer, name.replace(" ", "-"), Choice(retry_all=True))
            told[name] = found(house, providers)
            house.assert_each_author_in_one_place()
    return told


def _nowhere(*_: object) -> None:
    """Nobody reads it."""


def main(options: argparse.Namespace) -> None:
    told = run(options.authors, options.group_size)
    for name, counts in told.items():
        print(f"\n{options.authors} authors, {name}:\n")
        rows = [
            (
                model,
                f"{counts['requests'][model]:,}",
                f"{counts['asked_about'][model]:,}",
                f"{counts['summaries'][model]:,}",
                exact_usd(counts["billed"][model]),
            )
            for model in (FIRST, SECOND)
        ]
        print(table(("model", "requests", "asked about", "summaries", "billed"), rows))
        billed = sum(counts["billed"].values())
        print(f"\nfailed: {counts['failed']}, by both models: {counts['failed_by_both']}, such as: {counts['detail']}")
        print(f"billed {exact_usd(billed)}, booked {exact_usd(counts['booked'])}, uncertain {counts['uncertain']}")
        assert counts["booked"] == billed, "to the nano-dollar"
        assert not counts["uncertain"]
    first, again = told.values()
    assert first["requests"][SECOND] == again["requests"][SECOND], "the second model is asked once about an author"
    print(json.dumps(told))


if __name__ == "__main__":
    main(options)
