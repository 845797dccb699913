"""The first phase of a bucket's run: find out what there is to do, and claim the bucket."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from summarizer_assets.bucket_run.journal_records import RunFacts, Todo
from summarizer_assets.bucket_run.other_hosts import with_word_of_another_host
from summarizer_assets.bucket_run.quote import offer, words
from summarizer_assets.bucket_run.results import Outcomes
from summarizer_assets.bucket_run.run_settings import RunContext
from summarizer_assets.bucket_run.snapshot import Snapshot, fences, take_snapshot
from summarizer_assets.storage.journal import has_records, replay
from summarizer_assets.storage.state_db.claim import Claim, LastRun


@dataclass(frozen=True)
class Work:
    """The work in a bucket that the run has claimed.

    `record`: of the run, in the state store. The snapshot's plan has no texts: they take most of the memory, and `todo`
    has them. `outcomes` has what a dead run left: outcomes of `replayed` authors, from `segments` of the journal.
    """

    snapshot: Snapshot
    claim: Claim
    record: int
    facts: RunFacts
    todo: Todo
    outcomes: Outcomes
    replayed: int
    segments: list[Path]


@dataclass(frozen=True)
class Found:
    """A bucket as the run finds it.

    `last_run`: the run of the bucket before this one. `offer`: what the run would ask and cost, if a person chose the
    authors. `work` is None when there is nothing to do, or when only the offer was wanted.
    """

    snapshot: Snapshot
    last_run: LastRun | None
    offer: Mapping[str, Any]
    work: Work | None = None


@contextmanager
def finding_work(context: RunContext) -> Iterator[Found]:
    """Decide what there is to do; if there is any work, hold the claim of the bucket until the block ends.

    Raises:
        ClaimRefused: another run works on the bucket.
        TableError: there are no authors yet, or a table cannot be read, or written where there is work.
        JournalError: the journal cannot be read, or written where there is work.
    """
    last_run = context.state.last_run(context.bucket)  # before the tables: see `settle_last_run`
    found = Found(take_snapshot(context), last_run, {})
    if context.choice.priced:
        found = replace(found, offer=offer(found.snapshot.plan.todo, context.settings.terms, context.settings.second))
        does = "asks" if context.choice.spend else "would ask, with `spend: true`,"
        context.log(f"bucket {context.bucket}: this run {does} {words(found.offer)}")
    if not context.choice.spend or not (
        found.snapshot.has_work or has_records(context.journal) or context.jobs.live(context.bucket)
    ):
        yield found
        return
    with context.state.claim(context.bucket, context.run_id) as claim:
        work = _claimed(context, found.snapshot, claim)
        found = replace(found, snapshot=work.snapshot, work=work)
        with closing(work.outcomes):
            yield found


def _claimed(context: RunContext, snapshot: Snapshot, claim: Claim) -> Work:
    left = with_word_of_another_host(replay(context.journal), context.bucket, claim)
    # The last holder changed the bucket meanwhile, or left answers that count in the plan.
    if left.records or fences(context) != snapshot.fences:
        snapshot = take_snapshot(context, left.records)
    settings = context.settings
    record = context.state.begin_run(context.bucket, context.run_id, snapshot.plan.wanted, settings.fingerprint)
    context.tables.prove_writable(context.bucket, context.journal)
    for warning in left.warnings:
        context.log(f"journal: {warning}")
    todo = Todo.of(snapshot.plan.todo)
    second = None if settings.second is None else settings.second.name
    facts = RunFacts(context.bucket, context.run_id, settings.identity, settings.terms.price, settings.retry, second)
    outcomes = Outcomes(todo, facts, context.journal, settings.journal_fsync_s)
    outcomes.replay(left.records)
    replayed = len(todo.ids) - len(outcomes.open_positions())
    if replayed:
        context.log(f"{replayed} authors answered before a crash are taken from the journal, not asked")
    lean = replace(snapshot, plan=replace(snapshot.plan, todo=snapshot.plan.todo.drop("text")))
    return Work(lean, claim, record, facts, todo, outcomes, replayed, left.segments)
