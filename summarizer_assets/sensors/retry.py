"""The retry sensor: reads the tables and the runs, lets `sensors.decide.retry` decide, and requests runs.

It does not use Dagster's partition status: a materialised partition may have due failures, and one whose worker
vanished may be complete. At most one run per bucket is in flight; the claim on the bucket enforces this.
"""

import json
import time
from collections import Counter
from dataclasses import asdict, dataclass

import dagster as dg

from summarizer_assets.bucket_run.admission import authors_among
from summarizer_assets.core.authors.exclusion import exclusion_verdict, named
from summarizer_assets.names import Names
from summarizer_assets.quality.names import FAILURES, SUMMARIES
from summarizer_assets.sensors.decide.bucket_verdict import Verdict
from summarizer_assets.sensors.decide.given_up import NeedsAttention, Parked, to_tell
from summarizer_assets.sensors.decide.retry import Decision
from summarizer_assets.sensors.facts import RetryFacts, barred_buckets
from summarizer_assets.sensors.redrive import config_to_go_on
from summarizer_assets.sensors.runs import FOUND
from summarizer_assets.sensors.tick import TickFacts, TickLimits, state_mark, tick_facts
from summarizer_assets.storage.roots import RUN_MARK

RETRY_SENSOR = "retry_failed_authors"


@dataclass(frozen=True)
class Memory:
    """State kept between ticks, in the sensor's cursor. Losing it costs one repeated message.

    `told`: digest of the last report on the asset's page, made at `told_at`. `excluded`: the exclusion list for which
    all summaries are known to be removed.
    """

    told: str = ""
    told_at: float = 0.0
    excluded: str = ""

    @classmethod
    def of(cls, cursor: str | None) -> "Memory":
        return cls(**json.loads(cursor)) if cursor else cls()


def build_retry_sensor(names: Names, job: str, *, interval_s: int, limits: TickLimits) -> dg.SensorDefinition:
    @dg.sensor(
        name=names.of(RETRY_SENSOR),
        job_name=names.of(job),
        required_resource_keys={names.summarizer},
        minimum_interval_seconds=interval_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Runs buckets again that are unfinished (a crash, a stop) or hold failures that are due. It never "
        "starts a bucket that nobody materialised before, and leaves alone what a person cancelled.",
    )
    def retry_failed_authors(context: dg.SensorEvaluationContext, **_: object) -> dg.SensorResult:
        summarizer = names.summarizer_of(context)
        if summarizer.root.found is None:
            return dg.SensorResult(skip_reason="no authors yet", cursor=context.cursor)
        now, memory = time.time(), Memory.of(context.cursor)
        excluded = summarizer.settings.excluded_ids
        listed = state_mark(*sorted(excluded)) if excluded else ""
        barred = barred_buckets(summarizer, excluded) if listed != memory.excluded else frozenset()
        if listed != memory.excluded:
            lines = named(summarizer.settings.excluded_lines)
            told_of = exclusion_verdict(len(lines), len(authors_among(summarizer.tables.authors, lines)))
            (context.log.info if told_of.holds else context.log.warning)(told_of.text)
        tick = tick_facts(summarizer, context.instance, names, job, barred)
        decision = tick.decide(limits, now)
        marks = tick.marks()
        requests = [
            dg.RunRequest(
                # Dagster uses a run key only once, so it includes the previous run.
                run_key=f"{bucket}:{tick.book.last_run(bucket) or 'first'}",
                partition_key=bucket,
                run_config=config_to_go_on(
                    context.instance,
                    tick.book.last_run(bucket),
                    tick.facts.runs.get(bucket, ()),
                    names.op(SUMMARIES),
                ),
                tags={
                    "summarizer/retry": "true",
                    RUN_MARK: summarizer.root.mark,
                    **({FOUND: marks[bucket]} if bucket in marks else {}),
                },
            )
            for bucket in decision.run
        ]

        if listed != memory.excluded and not barred and not tick.book.under_way:
            # A active run may have begun with the old list, so this is certain only if none is running.
            memory = Memory(memory.told, memory.told_at, listed)
        attention = _needs_attention(decision, tick)
        told: list[dg.AssetObservation] = []
        if to_tell(attention, memory.told, memory.told_at, now):
            told.append(_observation(names.asset(FAILURES), attention, summarizer.settings.max_attempts))
            memory = Memory(attention.digest, now, memory.excluded)
        said = "; ".join(filter(None, [_summary(decision), _of_money(decision, tick.facts), attention.words()]))
        (context.log.info if requests else context.log.debug)(said)  # else it is the reason why it skips
        if attention.parked:
            parked = ", ".join(parked.bucket for parked in attention.parked)
            context.log.warning("no sensor starts these again, see their last run: %s", parked)
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else said,
            cursor=json.dumps(asdict(memory)),
            asset_events=told,
        )

    return retry_failed_authors


def _needs_attention(decision: Decision, tick: TickFacts) -> NeedsAttention:
    stops = {state.bucket: state.runs[0].stop if state.runs else None for state in tick.states}
    left = {Verdict.PARKED, Verdict.UNUSABLE}
    parked = sorted(bucket for bucket, verdict in decision.verdicts.items() if verdict in left)
    return NeedsAttention(tick.facts.given_up, [Parked(bucket, stops[bucket]) for bucket in parked])


def _observation(asset: dg.AssetKey, attention: NeedsAttention, max_attempts: int) -> dg.AssetObservation:
    numbers = {"given_up": attention.authors, "parked_buckets": len(attention.parked)}
    return dg.AssetObservation(
        asset,
        description=attention.words() or "nobody is given up, and no bucket is parked",
        metadata={
            **{name: number for name, number in numbers.items() if number},  # Dagster draws a plot of each
            "what_to_do": dg.MetadataValue.md(attention.markdown(max_attempts)),
        },
    )


def _of_money(decision: Decision, facts: RetryFacts) -> str:
    if facts.budget is None or Verdict.BUDGET not in decision.verdicts.values():
        return ""
    return facts.budget.words()


def _summary(decision: Decision) -> str:
    counts = Counter(str(verdict) for verdict in decision.verdicts.values())
    return "; ".join(f"{number} {text}" for text, number in sorted(counts.items())) or "no authors yet"
