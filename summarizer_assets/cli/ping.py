"""`summarizer ping`: one author asked, before many are."""

import sys
import textwrap
from collections.abc import Iterator
from typing import Any, Final

import click
import polars as pl

from summarizer_assets.calibration.drawing import draw
from summarizer_assets.calibration.one_author import Trial, try_one
from summarizer_assets.cli.answer import DONE, NOT_GOOD, Answer
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.buckets import bucket_of
from summarizer_assets.core.display_text import exact_usd, number, usd
from summarizer_assets.core.money.amounts import dollars
from summarizer_assets.estimate.terms import NO_PRICE, prices_of
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.sources.explore import explore
from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.errors import TableError

_WIDTH: Final = 100
_MILLION: Final = 1_000_000


@as_command
@click.option("--author", metavar="ID", help="The author to send; without it, one from the table.")
def command(*, author: str | None) -> Answer:
    """Send one author to the model: shows the reply, tokens, price and limits, and changes of the request's form.

    The answer is shown but not stored. Its cost is booked, and the budget applies, as for every request.

    \b
    Example: summarizer ping
    Status 1: there was no usable answer; the text says why, and what to do.
    """
    summarizer = opened(needs_tables=False)
    chosen = _from_source(summarizer, author) if _is_empty(summarizer) else _from_tables(summarizer, author)
    if summarizer.price is not None and not summarizer.price.free:
        summarizer.tables.authors.ensure()  # the ledger belongs to the root, and the table makes it one
    sys.stderr.write(f"asking {summarizer.settings.llm_base_url} for one author\n")
    trial = try_one(summarizer, chosen)
    return Answer(
        data=_data(summarizer, trial),
        text="\n".join(_lines(summarizer, trial)),
        status=DONE if trial.summary is not None else NOT_GOOD,
    )


def _is_empty(summarizer: Summarizer) -> bool:
    return summarizer.root.found is None or not summarizer.tables.authors.rows_by_bucket()


def _from_tables(summarizer: Summarizer, author: str | None) -> pl.DataFrame:
    if author is None:
        return draw(summarizer, 1)
    table = summarizer.tables.authors
    assert table.buckets is not None
    with reading(table.uri):
        rows = table.read([bucket_of(author, table.buckets)]).filter(pl.col("author_id") == author).collect()
    if rows.is_empty():
        raise TableError(f"{table.uri}: there is no author {author}; `summarizer author NAME` finds an id")
    return _to_ask(summarizer, rows)


def _from_source(summarizer: Summarizer, author: str | None) -> pl.DataFrame:
    """Before the first ingest: an author of the source's first rows."""
    uri, settings = summarizer.source, summarizer.settings
    found = explore(uri, settings.columns, summarizer.options_for(uri))
    if found.problem:
        raise SettingsError(f"{uri}: {found.problem}")
    rows = found.authors if author is None else found.authors.filter(pl.col("author_id") == author)
    if rows.is_empty():
        raise TableError(f"{uri}: {author or 'no author'} is not among its first rows; read all of it: summarizer run")
    return _to_ask(summarizer, rows)


def _to_ask(summarizer: Summarizer, authors: pl.DataFrame) -> pl.DataFrame:
    """One of these who may be asked, rendered.

    Raises:
        TableError: none has papers or topics, or all are in SUMMARIZER_EXCLUDE.
    """
    excluded = pl.col("author_id").is_in(sorted(summarizer.settings.excluded_ids))
    bucketed = authors if "bucket" in authors.columns else authors.with_columns(bucket=pl.lit(""))
    rows = summarizer.render(bucketed.filter(~excluded)).filter(~pl.col("empty"))
    if rows.is_empty():
        raise TableError(
            f"{summarizer.source}: nobody there may be asked: no papers or topics, or named in SUMMARIZER_EXCLUDE"
        )
    return rows.sort("tokens", descending=True).head(1)


def _lines(summarizer: Summarizer, trial: Trial) -> Iterator[str]:
    yield made_visible(f"{trial.name or 'without a name'}  ({trial.author_id})")
    if trial.summary is not None:
        yield from textwrap.wrap(made_visible(trial.summary), _WIDTH, initial_indent="  ", subsequent_indent="  ")
        if trial.flags:
            yield f"  in doubt: {', '.join(trial.flags)}"
    elif trial.failed:
        yield f"no answer: {made_visible(trial.failed)}"
    else:
        yield f"not accepted: {made_visible(trial.reason)}"
        if trial.reply is not None:
            yield from textwrap.wrap(made_visible(trial.reply), _WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield ""
    yield from (f"{name:<9} {value}" for name, value in _facts(summarizer, trial))


def _facts(summarizer: Summarizer, trial: Trial) -> Iterator[tuple[str, str]]:
    if trial.model is not None:
        yield "model", made_visible(trial.model)
    if trial.tries:
        yield "took", f"{trial.seconds:.1f} s{f', the try {trial.tries}' if trial.tries > 1 else ''}"
    if trial.usage is not None:
        yield "tokens", f"{trial.usage.prompt_tokens:,} in, {trial.usage.completion_tokens:,} out"
    elif trial.tries:
        yield "tokens", "the reply tells none"
    prices = prices_of(summarizer)
    if prices.price is None:
        yield "price", NO_PRICE
    elif trial.cost is not None:
        per_million = f", {usd(_MILLION * dollars(trial.cost))} for a million such requests" if trial.cost else ""
        yield "price", f"{exact_usd(trial.cost)}{per_million}; by {prices.source}"
    if trial.tries and not summarizer.settings.embedded:
        yield "limits", _limits(trial)
    yield from (("adapted", made_visible(line)) for line in trial.adapted)
    if trial.form and not trial.adapted:
        yield "adapted", f"as learnt before: {trial.form}"
    yield from (("mind", notice) for notice in prices.notices)
    if trial.summary is not None:
        yield "next", "summarizer run --limit 50"


def _limits(trial: Trial) -> str:
    told = {"requests": trial.limits.requests, "tokens": trial.limits.tokens}
    known = [f"{number(value)} {what} a minute" for what, value in told.items() if value is not None]
    return ", ".join(known) or "the reply's headers tell none; SUMMARIZER_RPM and SUMMARIZER_TPM set them"


def _data(summarizer: Summarizer, trial: Trial) -> dict[str, Any]:
    usage = trial.usage
    return {
        "author_id": trial.author_id,
        "author_name": trial.name,
        "record": trial.record,
        "summary": trial.summary,
        "flags": list(trial.flags),
        "reason": trial.reason or None,
        "error": trial.failed or None,
        "reply": trial.reply,
        "asked_of": summarizer.settings.llm_base_url,
        "protocol": summarizer.settings.protocol.name,
        "model": trial.model,
        "seconds": round(trial.seconds, 3),
        "tries": trial.tries,
        "request_id": trial.request_id,
        "prompt_tokens": None if usage is None else usage.prompt_tokens,
        "completion_tokens": None if usage is None else usage.completion_tokens,
        "cost_usd": None if trial.cost is None else dollars(trial.cost),
        "requests_a_minute": trial.limits.requests,
        "tokens_a_minute": trial.limits.tokens,
        "adapted": trial.adapted,
        "asked_as": trial.form or None,
    }
