"""The sensor on `authors`: launches runs for buckets with new or changed authors. It spends money.

A tick without changes only opens one table. Changed buckets are recognised by their fences in that table's log;
buckets summarised since, by the tags of the runs launched here and by the states recorded in the state store.
"""

import json
import time
from collections import Counter
from collections.abc import Sequence

import dagster as dg
import polars as pl
from deltalake import DeltaTable

from summarizer_assets.names import Names
from summarizer_assets.sensors.decide.changed import Authors, candidates, choose, covers
from summarizer_assets.sensors.decide.provider_gate import provider_gate
from summarizer_assets.sensors.decide.retry import Decision
from summarizer_assets.sensors.retry import RETRY_SENSOR
from summarizer_assets.sensors.runs import FOUND
from summarizer_assets.sensors.tick import TickFacts, TickLimits, state_mark, tick_facts
from summarizer_assets.storage.roots import RUN_MARK
from summarizer_assets.storage.state_db.summarized import SummarizedBuckets

AUTHORS_SENSOR = "summarize_changed_authors"
_NO_AUTHORS = "no authors yet"


def build_authors_sensor(names: Names, job: str, *, interval_s: int, limits: TickLimits) -> dg.SensorDefinition:
    @dg.sensor(
        name=names.of(AUTHORS_SENSOR),
        job_name=names.of(job),
        required_resource_keys={names.summarizer},
        minimum_interval_seconds=interval_s,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Asks for summaries of authors that are new or changed, also in buckets that nobody materialised "
        "yet: it spends money by itself. A new prompt or model asks for nobody.",
    )
    def summarize_changed_authors(context: dg.SensorEvaluationContext, **_: object) -> dg.SensorResult:
        summarizer = names.summarizer_of(context)
        table = summarizer.tables.authors.open()
        if table is None:
            return dg.SensorResult(skip_reason=_NO_AUTHORS)
        limit = summarizer.settings.limit
        whole = state_mark(str(table.metadata().id), table.version(), limit)
        quiet = json.loads(context.cursor).get("quiet") if context.cursor else None
        if quiet == whole:
            return dg.SensorResult(skip_reason=f"no author changed since version {table.version()} of authors")
        tick = tick_facts(summarizer, context.instance, names, job, frozenset())
        noted = SummarizedBuckets(summarizer.database, summarizer.root_name)
        buckets = _authors(tick, table, limit)
        now = time.time()
        retry = tick.decide(limits, now)
        open_ones = candidates(buckets, retry, noted.states())
        last = tick.book.last([authors.bucket for authors in open_ones])
        done = [one for one in open_ones if last[one.bucket] and covers(last[one.bucket][0], one)]
        noted.note({authors.bucket: authors.state for authors in done})
        left = [authors for authors in open_ones if authors not in done]
        decision = _decide(tick, retry, left, limits, now)
        requests = [
            _request(authors, tick, summarizer.root.mark) for authors in left if authors.bucket in set(decision.run)
        ]
        rest = len(buckets) - len(left)
        said = f"{_said(decision)}{rest} without a change, or left to {names.of(RETRY_SENSOR)}"
        (context.log.info if requests else context.log.debug)(said)  # else it is the reason why it skips
        now_noted = noted.states()
        settled = not left and all(now_noted.get(authors.bucket) == authors.state for authors in buckets)
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else said,
            cursor=json.dumps({"quiet": whole if settled else None}),
        )

    return summarize_changed_authors


def _decide(tick: TickFacts, retry: Decision, left: Sequence[Authors], limits: TickLimits, now: float) -> Decision:
    return choose(
        left,
        retry=retry,
        gate=provider_gate(
            [(state.runs, state.in_flight) for state in tick.states],
            now,
            limits.probe_wait_s,
            tick.facts.budget,
            tick.facts.fingerprint,
        ),
        runs_per_tick=limits.runs_per_tick,
        room_in_queue=limits.most_queued - tick.book.queued,
        limit_used_up=not tick.facts.unfinished_counts,
        objections=tick.objections({authors.bucket: authors.state for authors in left}),
    )


def _request(authors: Authors, tick: TickFacts, mark: str) -> dg.RunRequest:
    return dg.RunRequest(
        # Dagster uses a run key only once, so it includes the previous run.
        run_key=f"{authors.bucket}:{authors.state}:{tick.book.last_run(authors.bucket) or 'first'}",
        partition_key=authors.bucket,
        tags={FOUND: authors.state, RUN_MARK: mark},
    )


def _authors(tick: TickFacts, table: DeltaTable, limit: int | None) -> list[Authors]:
    """The buckets that contain authors, from the log alone."""
    adds = pl.DataFrame(table.get_add_actions(flatten=True))
    if adds.is_empty():
        return []
    changed = adds.group_by("partition.bucket").agg(pl.col("modification_time").max())
    moments = {bucket: milliseconds / 1000 for bucket, milliseconds in changed.iter_rows()}
    made, fence = str(table.metadata().id), tick.authors_fence
    return [
        Authors(
            state.bucket,
            state_mark(made, fence(state.bucket, table), limit),
            moments.get(state.bucket, 0.0),
            state.missing,
        )
        for state in tick.states
        if state.authors
    ]


def _said(decision: Decision) -> str:
    counts = Counter(str(verdict) for verdict in decision.verdicts.values())
    return "".join(f"{number} {text}; " for text, number in sorted(counts.items()))
