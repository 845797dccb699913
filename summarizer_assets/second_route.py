"""The second model behind a route, put together from an installation's parts."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from summarizer_assets.asked_model import AskedModel
from summarizer_assets.bucket_run.route import Route
from summarizer_assets.bucket_run.second_model import SECOND_BRAKED, SecondOutcomes, ThenSecond
from summarizer_assets.bucket_run.work import Work
from summarizer_assets.llm.client import Client
from summarizer_assets.routes import Parts, online
from summarizer_assets.settings.second import in_names_of_the_second


def then_second(
    first: Route,
    work: Work,
    model: AskedModel,
    parts_of: Callable[[Work, Sequence[int]], Parts],
    client: Callable[[], Client],
) -> Route:
    """`first`, and then requests to `model` for whom it failed. `client`: called when there is anybody to ask about."""
    as_second = replace(work, facts=replace(work.facts, identity=model.identity, price=model.price))

    def asks(positions: Sequence[int]) -> tuple[Route, SecondOutcomes]:
        sink = SecondOutcomes(as_second)
        return online(parts_of(as_second, positions), client(), sink, SECOND_BRAKED), sink

    return ThenSecond(first, work, model.identity.model, asks, in_names_of_the_second)
