"""The calibration run: first an offer with its price, then, once confirmed, the requests."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from summarizer_assets.calibration.asking import Question, SizeTrial
from summarizer_assets.calibration.comparison import Measured, Recommendation, recommend
from summarizer_assets.calibration.drawing import draw
from summarizer_assets.core.answers.reply import Asked
from summarizer_assets.core.authors.redrive import ChoiceError
from summarizer_assets.core.estimation.cost import Estimate, Work, estimate_of, work_of
from summarizer_assets.core.prompt.grouping import plan_groups
from summarizer_assets.estimate.history import learnt
from summarizer_assets.estimate.terms import terms_of
from summarizer_assets.installation import Summarizer
from summarizer_assets.llm.errors import Parked, RunFatal
from summarizer_assets.llm.http.event_loop import run
from summarizer_assets.pricing import model_notices
from summarizer_assets.storage.state_db.estimates import CALIBRATION, EstimateBook

SIZES: Final = (1, 5, 20, 50, 100)
AUTHORS: Final = 200


class CalibrationStopped(Exception):
    """The provider or the budget ended the calibration; `measured`: the sizes finished until then."""

    def __init__(self, message: str, measured: Sequence[Measured]) -> None:
        super().__init__(message)
        self.measured = tuple(measured)


@dataclass(frozen=True)
class Offer:
    """The requests of a calibration and their price, before any is made. `by_size`: the parts of `whole`.

    `notices`: notices about the model, to read before money is spent.
    """

    authors: pl.DataFrame
    sizes: tuple[int, ...]
    by_size: dict[int, Estimate]
    whole: Estimate
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Calibration:
    """The measurements and the recommended size."""

    measured: tuple[Measured, ...]
    recommendation: Recommendation


def offer(summarizer: Summarizer, authors: int = AUTHORS, sizes: Sequence[int] = SIZES) -> Offer:
    """Draw the authors and price the requests.

    Raises:
        ChoiceError: the number of authors or a size is below 1.
        TableError: there are no authors, or the table cannot be read.
    """
    if authors < 1 or not sizes or min(sizes) < 1:
        raise ChoiceError(f"a calibration needs at least one author and sizes from 1, not {authors} and {list(sizes)}")
    drawn = draw(summarizer, authors)
    terms = terms_of(summarizer)
    model = learnt(summarizer, terms)
    works = {size: work_of(drawn["tokens"], terms_of(summarizer, size).limits) for size in sorted(set(sizes))}
    return Offer(
        drawn,
        tuple(works),
        {size: estimate_of(work, terms, model) for size, work in works.items()},
        estimate_of(sum(works.values(), Work()), terms, model),
        tuple(model_notices(summarizer.settings)),
    )


def calibrate(
    summarizer: Summarizer, offered: Offer, *, run_id: str | None = None, log: Callable[[str], None] = lambda _: None
) -> Calibration:
    """Measure one size after another. Every request is booked in the ledger; no table is written.

    Args:
        summarizer: the installation whose model is asked.
        offered: result of `offer`.
        run_id: the id under which requests are booked; None for a new one.
        log: called after each size.

    Raises:
        CalibrationStopped: no request can succeed, the budget is used up, or the provider has an outage.
    """
    client, adapting = (
        summarizer.client(run_id or f"calibration-{uuid.uuid4().hex[:12]}", CALIBRATION),
        summarizer.adapting,
    )
    measured: list[Measured] = []

    async def ask() -> None:
        try:
            trial = SizeTrial(
                client, Question(summarizer.model.request_builder, summarizer.model.checks, summarizer.price), adapting
            )
            for size in offered.sizes:
                found = await _one_size(summarizer, trial, offered.authors, size)
                measured.append(found)
                log(f"groups of {size}: {found.accepted} of {found.authors} first answers accepted")
        finally:
            await client.aclose()

    try:
        run(ask())
    except (Parked, RunFatal) as error:
        raise CalibrationStopped(str(error), measured) from None
    finally:
        adapting.tell(log)
    identity = summarizer.identity
    book = EstimateBook(summarizer.database, summarizer.root_name)
    times = {round(one.authors / one.requests): one.latency_s for one in measured if one.latency_s is not None}
    book.keep_latency(identity.prompt_version, identity.model, times)
    return Calibration(tuple(measured), recommend(measured))


async def _one_size(summarizer: Summarizer, trial: SizeTrial, authors: pl.DataFrame, size: int) -> Measured:
    tokens = authors["tokens"].to_list()
    groups = list(plan_groups(tokens, [0] * len(tokens), terms_of(summarizer, size).limits))
    asked = [
        Asked(*row) for row in authors.select("author_id", pl.col("author_name").fill_null(""), "text").iter_rows()
    ]
    return await trial.measure(
        size,
        [[asked[place] for place in group] for group in groups],
        [sum(tokens[place] for place in group) for group in groups],
    )
