"""Inputs of the capacity model: given values, else the settings, else the tables, else documented measurements."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

import polars as pl

from summarizer_assets.capacity.fleet import Fleet, Job, Provider
from summarizer_assets.core.buckets import Buckets, buckets_for
from summarizer_assets.core.display_text import number
from summarizer_assets.core.duration import latency_of
from summarizer_assets.core.estimation.sampling import spread
from summarizer_assets.core.estimation.token_model import TokenModel, believed
from summarizer_assets.core.money.amounts import Price
from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.estimate.history import learnt
from summarizer_assets.estimate.pace import pace_of
from summarizer_assets.estimate.terms import prices_of
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.storage.delta.guards import reading

#: Tokens of a rendered author, without the instruction: docs/decisions.md, `python -m benchmarks.engine.tokens`.
RECORD_TOKENS: Final = 140
#: Latency of the server in the table of docs/group-sizes.md: half a second, plus 10 ms per token of the answer.
LATENCY_S, LATENCY_TOKEN_S = 0.5, 0.01
#: Cores of the machine used for all measurements, and concurrent runs in dagster.yaml.
CORES, RUNS_AT_ONCE = 2, 2
_BUCKETS_READ: Final = 8
_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True)
class Wishes:
    """Values given by a person; None if they are to be determined."""

    authors: int | None = None
    group_size: int | None = None
    tokens_in: float | None = None
    tokens_out: float | None = None
    rpm: float | None = None
    tpm: float | None = None
    latency_s: float | None = None
    latency_token_s: float | None = None
    price: Price | None = None
    workers: int = 1
    cores: int | None = None
    runs_a_worker: int | None = None
    in_flight: int | None = None
    buckets: int | None = None


class Figure(NamedTuple):
    """One input figure with its origin, for display."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True)
class Given:
    """The determined inputs. `recommended`: number of buckets; `made_with`: that of the existing tables."""

    job: Job
    provider: Provider
    fleet: Fleet
    recommended: Buckets
    made_with: int | None
    figures: tuple[Figure, ...] = field(default_factory=tuple)


class _Figures(list[Figure]):
    def first(self, name: str, *offers: tuple[_Number | None, str]) -> _Number:
        """The first value that is not None, recorded with its origin; the last one never is None."""
        value, origin = next((value, origin) for value, origin in offers if value is not None)
        self.append(Figure(name, f"{value:,.10g}", origin))
        return value


def given(summarizer: Summarizer, wishes: Wishes) -> Given:
    """Determine all inputs. Opens tables only for values not given; makes no request and writes nothing.

    Raises:
        SettingsError: the number of authors is unknown.
        TableError: a table cannot be read.
        StorageError: the state store does not answer.
    """
    figures = _Figures()
    in_table = _in_table(summarizer) if wishes.authors is None else 0
    authors = figures.first("authors", (wishes.authors, "--authors"), (in_table, "the table `authors`"))
    job = _job(summarizer, wishes, authors, figures)
    provider = _provider(summarizer, wishes, job, figures)
    made_with = summarizer.buckets if in_table else None
    recommended = buckets_for(authors, wishes.workers * (wishes.runs_a_worker or RUNS_AT_ONCE))
    fleet = _fleet(summarizer, wishes, (made_with, "of the tables"), recommended, figures)
    return Given(job, provider, fleet, recommended, made_with, tuple(figures))


def _in_table(summarizer: Summarizer) -> int:
    table = summarizer.tables.authors
    authors = sum(table.rows_by_bucket().values())
    if not authors:
        raise SettingsError(
            f"how many authors? {table.uri} holds none yet: give --authors, or materialise the asset `authors` first"
        )
    return authors


def _job(summarizer: Summarizer, wishes: Wishes, authors: int, figures: _Figures) -> Job:
    size = figures.first(
        "authors a request",
        (wishes.group_size, "--group-size"),
        (summarizer.settings.group_size, "SUMMARIZER_GROUP_SIZE"),
    )
    asked = said = None
    origin = ""
    if wishes.tokens_in is None or wishes.tokens_out is None:
        model, record, origin = _tokens(summarizer)
        asked, said = record + model.overhead / size, model.output
    return Job(
        authors,
        size,
        figures.first("tokens in, an author", (wishes.tokens_in, "--tokens-in"), (_whole(asked), origin)),
        figures.first("tokens out, an author", (wishes.tokens_out, "--tokens-out"), (_whole(said), origin)),
    )


def _whole(value: float | None) -> float | None:
    """A limit rounded to a whole number, because fractions of a token mean nothing."""
    return None if value is None else float(round(value))


def _tokens(summarizer: Summarizer) -> tuple[TokenModel, float, str]:
    """The token model, the record's tokens and their origin: from answers so far, else from prior assumptions."""
    terms = summarizer.terms
    used = _mean_prompt_tokens(summarizer)
    if used is not None:
        model = learnt(summarizer, terms)
        if model.learnt:
            record = max(0.0, used - model.overhead / model.group_size)
            return model, record, f"{number(model.requests)} requests in `author_summaries`"
    model = believed(terms.overhead_tokens, terms.words)
    return model, RECORD_TOKENS, f"beforehand, for {terms.words} words: nothing was answered to this prompt yet"


def _mean_prompt_tokens(summarizer: Summarizer) -> float | None:
    """Mean prompt tokens per author with this prompt and model, by reported usage; None without answers."""
    table, identity = summarizer.tables.summaries, summarizer.identity
    keys = spread(sorted(table.rows_by_bucket()), _BUCKETS_READ)
    if not keys:
        return None
    mine = (pl.col("prompt_version") == identity.prompt_version) & (pl.col("model") == identity.model)
    with reading(table.uri):
        mean: float | None = table.read(keys).filter(mine).select(pl.col("prompt_tokens").mean()).collect().item()
    return mean


def _provider(summarizer: Summarizer, wishes: Wishes, job: Job, figures: _Figures) -> Provider:
    settings = summarizer.settings
    limits = RateLimits(
        _limit("requests a minute", "rpm", wishes.rpm, settings.rpm, figures),
        _limit("tokens a minute", "tpm", wishes.tpm, settings.tpm, figures),
    )
    fixed, a_token, origin = _latency(summarizer, wishes, job)
    prices = prices_of(summarizer)
    provider = Provider(limits, fixed, a_token, prices.price if wishes.price is None else wishes.price)
    figures.first("seconds a request", (provider.request_s(job), origin))
    origin = prices.source if wishes.price is None else "--price-input-usd, --price-output-usd"
    origin = " ".join((origin, *prices.notices))
    figures.append(Figure("price", "not known" if provider.price is None else "known", origin))
    return provider


def _limit(name: str, option: str, wished: float | None, setting: int | None, figures: _Figures) -> float | None:
    variable = f"SUMMARIZER_{option.upper()}"
    if wished is None and setting is None:
        figures.append(Figure(name, "unlimited", f"neither --{option} nor {variable} says"))
        return None
    given_by_settings = None if setting is None else float(setting)
    return figures.first(name, (wished, f"--{option}"), (given_by_settings, variable))


def _latency(summarizer: Summarizer, wishes: Wishes, job: Job) -> tuple[float, float, str]:
    """Latency of a request: seconds, seconds per token of its answer, and the origin."""
    if wishes.latency_s is not None or wishes.latency_token_s is not None:
        return wishes.latency_s or 0.0, wishes.latency_token_s or 0.0, "--latency-s, --latency-token-s"
    if summarizer.tables.authors.open() is not None:  # otherwise an empty state store would be created
        measured = latency_of(pace_of(summarizer).latencies, job.group_size)
        if measured is not None:
            return measured, 0.0, "`summarizer calibrate`"
    return LATENCY_S, LATENCY_TOKEN_S, "a guess: time a request of yours, and give --latency-s"


def _fleet(
    summarizer: Summarizer, wishes: Wishes, made: tuple[int | None, str], recommended: Buckets, figures: _Figures
) -> Fleet:
    settings = summarizer.settings
    where, dagster = "as where all was measured", "`max_concurrent_runs` of dagster.yaml"
    fleet = Fleet(
        workers=wishes.workers,
        buckets=figures.first(
            "buckets", (wishes.buckets, "--buckets"), made, (recommended.count, "recommended, see below")
        ),
        cores=figures.first("cores a worker", (wishes.cores, "--cores"), (CORES, where)),
        runs_at_once=figures.first(
            "runs at once, a worker", (wishes.runs_a_worker, "--runs-a-worker"), (RUNS_AT_ONCE, dagster)
        ),
        in_flight=figures.first(
            "requests in flight, a run",
            (wishes.in_flight, "--max-in-flight"),
            (settings.max_in_flight, "SUMMARIZER_MAX_IN_FLIGHT"),
        ),
        object_store=settings.remote,
    )
    figures.append(Figure("tables on", "an object store" if settings.remote else "a local disk", "SUMMARIZER_ROOT"))
    return fleet
