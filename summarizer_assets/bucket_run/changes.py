"""The second phase of a bucket's run: ask for its authors and turn the answers into changes of `author_summaries`."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from summarizer_assets.bucket_run.commits import Commits
from summarizer_assets.bucket_run.pilot_limit import within_limit
from summarizer_assets.bucket_run.progress import Reporter
from summarizer_assets.bucket_run.route import Route, RouteTotals
from summarizer_assets.bucket_run.run_settings import RunContext
from summarizer_assets.bucket_run.snapshot import single
from summarizer_assets.bucket_run.work import Work
from summarizer_assets.core.outcome import Stop
from summarizer_assets.storage.delta.changes import Append, Change, Merge, Overwrite

_TICK_S = 0.5
_MERGE_SHARE = 10  # replacements are merged when they are a tenth of the bucket: a merge copies all of it


#: Makes the route that asks for the authors at these positions of the work.
RouteTo = Callable[[Work, Sequence[int]], Route]


@dataclass(frozen=True)
class Asked:
    """How the asking ended. The work's `outcomes` hold what is not committed yet.

    `held_back`: authors who stay pending because of SUMMARIZER_LIMIT. `stop`: why not all authors have an outcome.
    `wrote`: whether the phase yielded a change. `committed`: see `Route`.
    """

    held_back: int
    stop: Stop | None
    totals: RouteTotals
    wrote: bool
    committed: Callable[[], None]


def ask(
    context: RunContext, work: Work, route_to: RouteTo, stack: ExitStack, told_to_stop: Callable[[], Stop | None]
) -> Generator[Change, None, Asked]:
    """Ask for the work's authors. First answers are appended as they come, replacements merged now and then.

    Args:
        context: what the run is given.
        work: the claimed bucket's work.
        route_to: makes the route to the provider.
        stack: when it is closed, the route is stopped.
        told_to_stop: called about twice a second; when it returns a stop, the route is told.

    Raises:
        ClaimLost: another run holds the bucket.
    """
    open_positions = work.outcomes.open_positions()
    positions, held_back = within_limit(open_positions, work, context.settings.limit, context.tables)
    route = route_to(work, positions)
    stack.callback(route.stop, None)
    wrote = work.snapshot.doubled
    if wrote:
        context.log(f"bucket {context.bucket}: authors have more than one summary; the newest stays")
        yield Overwrite(context.bucket, single(context.tables.summaries.read([context.bucket]).collect()))
    route.start()
    for change in _batches(context, work, route, told_to_stop):
        yield change
        wrote = True
    return Asked(held_back, route.join(), route.totals(), wrote, route.committed)


def _batches(
    context: RunContext, work: Work, route: Route, told_to_stop: Callable[[], Stop | None]
) -> Iterator[Change]:
    outcomes, authors = work.outcomes, work.snapshot.plan.authors
    commits = Commits(context.settings.commits, lambda: _writers(context), context.log)
    reporter = Reporter(context.bucket, outcomes.tally, route, context.audience, context.log)
    while True:
        ready = commits.due(outcomes, _TICK_S)
        work.claim.check()  # without the claim another run asks the same authors: pay for no more of them
        if (stop := told_to_stop()) is not None:
            route.stop(stop)
        finished = outcomes.finished
        if ready or finished:  # it may have finished since `due` returned: this is the last look
            batch = outcomes.take_first()
            if batch.frame.height:
                yield from commits.timed(Append(context.bucket, batch.frame))
            batch.committed()
        waiting = outcomes.replacing()
        if waiting * _MERGE_SHARE >= max(1, authors) and commits.replacements_due(waiting):
            batch = outcomes.take_replacing()
            yield from commits.timed(Merge(context.bucket, batch.frame))
            batch.committed()
        reporter.look()
        if finished:
            return


def _writers(context: RunContext) -> int:
    """Runs that commit to the same object store; a folder takes their commits as fast as they come."""
    return len(context.state.holders()) if "://" in context.tables.summaries.uri else 0
