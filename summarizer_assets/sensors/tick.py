"""What a tick looks at and decides from: the same for the retry sensor and for the one that asks changed authors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import dagster as dg
from deltalake import DeltaTable

from summarizer_assets.installation import Summarizer
from summarizer_assets.partitions import bucket_partitions
from summarizer_assets.sensors.decide.bucket_verdict import Verdict
from summarizer_assets.sensors.decide.launches import held_back
from summarizer_assets.sensors.decide.retry import BucketState, Decision, decide
from summarizer_assets.sensors.facts import RetryFacts, retry_facts
from summarizer_assets.sensors.runs import RunBook

_ASSET, _BESIDE = "author_summaries", "failed_authors"


@dataclass(frozen=True)
class Look:
    """One tick's finds. `authors_fence`: of a bucket in a snapshot of `authors`; each change of its rows moves it."""

    facts: RetryFacts
    book: RunBook
    states: Sequence[BucketState]
    barred: frozenset[str]
    authors_fence: Callable[[str, DeltaTable | None], int | None]

    def marks(self) -> dict[str, str]:
        """Of buckets to be run for rows that must go: their state, so that it is not tried for ever."""
        return {
            state.bucket: state_mark(state.authors, state.summaries, state.failed, state.barred)
            for state in self.states
            if state.deserted or state.barred
        }

    def decide(self, limits: "Limits", now: float) -> Decision:
        marks, recorded = self.marks(), self.facts.recorded

        def against(buckets: Sequence[str]) -> Mapping[str, Verdict]:
            last = self.book.last(buckets)
            found = {bucket: held_back(last[bucket], recorded, marks.get(bucket)) for bucket in buckets}
            return {bucket: verdict for bucket, verdict in found.items() if verdict is not None}

        return decide(
            self.states,
            now=now,
            runs_per_tick=limits.runs_per_tick,
            held_back=against,
            unfinished_counts=self.facts.unfinished_counts,
            probe_wait_s=limits.probe_wait_s,
            budget=self.facts.budget,
            room_in_queue=limits.most_queued - self.book.queued,
            fingerprint=self.facts.fingerprint,
        )


@dataclass(frozen=True)
class Limits:
    """Of what a tick may ask for."""

    runs_per_tick: int
    most_queued: int
    probe_wait_s: float


def state_mark(*facts: object) -> str:
    return blake2b(repr(facts).encode(), digest_size=8).hexdigest()


def look(summarizer: Summarizer, instance: dg.DagsterInstance, job_name: str, barred: frozenset[str]) -> Look:
    earlier, book = (RunBook(instance, job_name, _ASSET, summarizer.root) for _ in range(2))
    earlier.look()
    facts = retry_facts(summarizer)
    buckets = set(facts.authors)
    if not summarizer.settings.keep_removed:  # else the rows of those who vanished are there to stay
        buckets |= facts.summaries.keys() | facts.failed.keys()
    keys = sorted(buckets)
    # A run that ended while the tables were read may have ended its work in them since, one that began be at it.
    in_flight = frozenset(earlier.in_flight(keys) | book.in_flight(keys))
    states = facts.states(keys, in_flight, barred)
    # A run that died or failed before it could claim its bucket left no record, yet somebody wanted it.
    unheard = [state.bucket for state in states if state.missing and not state.asked_for and not state.in_flight]
    # Failures from before these tables were made are of others, under the same names of partitions.
    wanted = book.failed_last(unheard, summarizer.tables.authors.made_at()) if unheard else set()
    states = [replace(state, asked_for=state.asked_for or state.bucket in wanted) for state in states]
    red = _shown_failed(
        instance, [state.bucket for state in states if not state.failed_on_purpose], summarizer.settings.buckets
    )
    broke_off = book.broke_off(red) if red else set()
    states = [replace(state, shown_failed=state.bucket in broke_off) for state in states]
    return Look(facts, book, states, barred, summarizer.tables.authors.fence)


def _shown_failed(instance: dg.DagsterInstance, buckets: Sequence[str], count: int) -> list[str]:
    """Those that Dagster shows in red. It keeps this up to date by itself, for its own pages."""
    red: set[str] = set()
    for asset in (_ASSET, _BESIDE):
        found = instance.get_status_by_partition(dg.AssetKey(asset), buckets, bucket_partitions(count))
        red |= {bucket for bucket, status in (found or {}).items() if status is not None and status.value == "FAILED"}
    return sorted(red)
