"""Cost of regenerating selected summaries, over all buckets: their last usage at today's price.

The same authors are asked about the same records, so this is the best predictor. It is computed from three columns of
the whole table, not from a sample: for 20 million summaries about 200 MB are read, without the summaries' text.
"""

from dataclasses import dataclass

import polars as pl

from summarizer_assets.core.authors.redrive import Resummarize
from summarizer_assets.core.display_text import number, usd
from summarizer_assets.core.markdown import table
from summarizer_assets.core.money.amounts import Usage, dollars
from summarizer_assets.estimate.terms import NO_PRICE
from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.delta.guards import reading

_TOKENS = ("prompt_tokens", "completion_tokens")


@dataclass(frozen=True)
class Renewal:
    """The selected summaries of one prompt and model.

    `tokens`, `cost_usd`: of regenerating them; None if no reply had a usage, or no price is known.
    """

    prompt_version: str
    model: str
    summaries: int
    tokens: int | None
    cost_usd: float | None


def renewals(summarizer: Summarizer, chosen: Resummarize) -> list[Renewal]:
    """The renewals by prompt and model, the most summaries first; empty if nothing is selected.

    Raises:
        TableError: the summaries cannot be read.
    """
    identity, uri = summarizer.identity, summarizer.tables.summaries.uri
    with reading(uri):
        rows = (
            summarizer.tables.summaries.read()
            .filter(chosen.summaries(identity.prompt_version, *summarizer.models))
            .group_by("prompt_version", "model")
            .agg(pl.len(), pl.col("prompt_tokens").count().alias("told"), *(pl.col(name).sum() for name in _TOKENS))
            .sort("len", "prompt_version", "model", descending=[True, False, False])
            .collect(engine="streaming")
        )
    return [_renewal(summarizer, row) for row in rows.iter_rows(named=True)]


def renewals_markdown(found: list[Renewal]) -> str:
    """A Markdown table with totals."""
    if not found:
        return "No summary is chosen."
    head = ("prompt", "model", "summaries", "tokens", "cost")
    rows = [_row(one.prompt_version, one.model, one.summaries, one.tokens, one.cost_usd) for one in found]
    if len(found) > 1:
        rows.append(_row("all", "", total(found), tokens(found), cost_usd(found)))
    unknown = "" if cost_usd(found) is not None else f"\n\n{NO_PRICE}"
    return f"{table(head, rows)}\n\nWhat they used last time, at today's price. Nobody was asked.{unknown}"


def total(found: list[Renewal]) -> int:
    return sum(one.summaries for one in found)


def tokens(found: list[Renewal]) -> int | None:
    told = [one.tokens for one in found if one.tokens is not None]
    return sum(told) if len(told) == len(found) else None


def cost_usd(found: list[Renewal]) -> float | None:
    told = [one.cost_usd for one in found if one.cost_usd is not None]
    return sum(told) if len(told) == len(found) else None


def _renewal(summarizer: Summarizer, row: dict[str, object]) -> Renewal:
    summaries, told = int(str(row["len"])), int(str(row["told"]))
    used = None
    if told:  # summaries without usage count like the others
        asked, said = (round(int(str(row[name])) * summaries / told) for name in _TOKENS)
        used = Usage(asked, said)
    price = summarizer.price
    return Renewal(
        str(row["prompt_version"]),
        str(row["model"]),
        summaries,
        None if used is None else used.prompt_tokens + used.completion_tokens,
        None if used is None or price is None else dollars(price.as_asked.cost(used)),
    )


def _row(prompt: str, model: str, summaries: int, used: int | None, cost: float | None) -> tuple[str, ...]:
    return (
        prompt,
        model,
        number(summaries),
        "not told" if used is None else number(used),
        "not known" if cost is None else usd(cost),
    )
