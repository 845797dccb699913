"""The observations of one tick, shared by the retry sensor and the authors sensor."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import dagster as dg
from deltalake import DeltaTable

from summarizer_assets.installation import Summarizer
from summarizer_assets.names import Names
from summarizer_assets.partitions import bucket_partitions
from summarizer_assets.quality.names import FAILURES, SUMMARIES
from summarizer_assets.sensors.decide.bucket_verdict import Verdict
from summarizer_assets.sensors.decide.launches import objection
from summarizer_assets.sensors.decide.retry import BucketState, Decision, Objections, decide
from summarizer_assets.sensors.facts import RetryFacts, retry_facts
from summarizer_assets.sensors.runs import RunBook


@dataclass(frozen=True)
class TickFacts:
    """One tick's observations. `authors_fence`: a bucket's fence in `authors`, which each change of its rows moves."""

    facts: RetryFacts
    book: RunBook
    states: Sequence[BucketState]
    barred: frozenset[str]
    authors_fence: Callable[[str, DeltaTable | None], int | None]

    def marks(self) -> dict[str, str]:
        """States of the buckets to be run to delete rows, which bound the number of attempts."""
        return {
            state.bucket: state_mark(state.authors, state.summaries, state.failed, state.barred)
            for state in self.states
            if state.deserted or state.barred
        }

    def objections(self, marks: Mapping[str, str]) -> Objections:
        """What Dagster's record says against running buckets; `marks`: their states, where nothing else bounds it."""
        recorded = self.facts.recorded

        def against(buckets: Sequence[str]) -> Mapping[str, Verdict]:
            last = self.book.last(buckets)
            found = {bucket: objection(last[bucket], recorded, marks.get(bucket)) for bucket in buckets}
            return {bucket: verdict for bucket, verdict in found.items() if verdict is not None}

        return against

    def decide(self, limits: "TickLimits", now: float) -> Decision:
        return decide(
            self.states,
            now=now,
            runs_per_tick=limits.runs_per_tick,
            objections=self.objections(self.marks()),
            unfinished_counts=self.facts.unfinished_counts,
            probe_wait_s=limits.probe_wait_s,
            budget=self.facts.budget,
            room_in_queue=limits.most_queued - self.book.queued,
            fingerprint=self.facts.fingerprint,
        )


@dataclass(frozen=True)
class TickLimits:
    """Limits on the runs that a tick may request."""

    runs_per_tick: int
    most_queued: int
    probe_wait_s: float


def state_mark(*facts: object) -> str:
    return blake2b(repr(facts).encode(), digest_size=8).hexdigest()


def tick_facts(
    summarizer: Summarizer, instance: dg.DagsterInstance, names: Names, job: str, barred: frozenset[str]
) -> TickFacts:
    """Read the tables, the state store and Dagster's record of runs.

    Raises:
        StorageError: a table or the state store cannot be read.
    """
    assets = [names.asset(name) for name in (SUMMARIES, FAILURES)]
    earlier, book = (RunBook(instance, names.of(job), assets[0], summarizer.root) for _ in range(2))
    earlier.refresh()
    facts = retry_facts(summarizer)
    buckets = set(facts.authors)
    if not summarizer.settings.keep_removed:  # otherwise rows of removed authors are kept
        buckets |= facts.summaries.keys() | facts.failed.keys()
    keys = sorted(buckets)
    # A run that ended or began while the tables were read may have changed them since, so both looks count.
    in_flight = frozenset(earlier.in_flight(keys) | book.in_flight(keys))
    states = facts.states(keys, in_flight, barred)
    # A run that died before it claimed its bucket left no record, but the bucket was requested.
    unheard = [state.bucket for state in states if state.missing and not state.asked_for and not state.in_flight]
    # Failures from before these tables were created belong to other tables with the same partition names.
    wanted = book.failed_last(unheard, summarizer.tables.authors.made_at()) if unheard else set()
    states = [replace(state, asked_for=state.asked_for or state.bucket in wanted) for state in states]
    looked_at = [state.bucket for state in states if not state.failed_on_purpose]
    red = _shown_failed(instance, assets, looked_at, summarizer.buckets)
    broke_off = book.broke_off(red) if red else set()
    states = [replace(state, shown_failed=state.bucket in broke_off) for state in states]
    return TickFacts(facts, book, states, barred, summarizer.tables.authors.fence)


def _shown_failed(
    instance: dg.DagsterInstance, assets: Sequence[dg.AssetKey], buckets: Sequence[str], count: int
) -> list[str]:
    """The buckets that Dagster shows as failed, from the status that it maintains for its own pages."""
    red: set[str] = set()
    for asset in assets:
        found = instance.get_status_by_partition(asset, buckets, bucket_partitions(count))
        red |= {bucket for bucket, status in (found or {}).items() if status is not None and status.value == "FAILED"}
    return sorted(red)
