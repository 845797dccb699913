"""The sensor on the source: launches one ingest over all buckets after a change. It spends no money."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict

import dagster as dg

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.names import Names
from summarizer_assets.quality.names import AUTHORS
from summarizer_assets.sensors.decide.reingest import Ingest, Memory, SourceVerdict, judge
from summarizer_assets.sensors.runs import FOUND, RANGE_END, RANGE_START, RunBook
from summarizer_assets.sources.watch import look_at
from summarizer_assets.storage.roots import RUN_MARK

SOURCE_SENSOR = "reingest_changed_source"


def build_source_sensor(names: Names, job: str, *, interval_s: int, settle_s: float) -> dg.SensorDefinition:
    @dg.sensor(
        name=names.of(SOURCE_SENSOR),
        job_name=names.of(job),
        required_resource_keys={names.summarizer},
        minimum_interval_seconds=interval_s,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Ingests all buckets when the source changed: a new version of a Delta table, or other files. It "
        "looks at the log or the list of files only, and waits until files have settled.",
    )
    def reingest_changed_source(context: dg.SensorEvaluationContext, **_: object) -> dg.SensorResult:
        summarizer = names.summarizer_of(context)
        settings = summarizer.settings
        uri = summarizer.source
        source = look_at(uri, settings.columns, summarizer.options_for(uri))
        memory = Memory(**json.loads(context.cursor)) if context.cursor else Memory()
        keys = bucket_keys(summarizer.buckets)
        book = RunBook(context.instance, names.of(job), names.asset(AUTHORS), summarizer.root)
        verdict, memory = judge(
            source.state,
            changed_at=source.changed_at,
            atomic=source.atomic,
            memory=memory,
            ingests=_ingests(book, keys),
            now=time.time(),
            settle_s=settle_s,
        )
        said = f"{uri} ({source.words}): {verdict}"
        requests = []
        if verdict is SourceVerdict.READ:
            tags = {RANGE_START: keys[0], RANGE_END: keys[-1], FOUND: source.state, RUN_MARK: summarizer.root.mark}
            # Dagster uses a run key only once, so it includes the previous ingest.
            run_key = f"{source.state}:{book.last_of_all(keys) or 'first'}"
            requests.append(dg.RunRequest(run_key=run_key, tags=tags))
        (context.log.info if requests else context.log.debug)(said)  # else it is the reason why it skips
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else said,
            cursor=json.dumps(asdict(memory)),
        )

    return reingest_changed_source


def _ingests(book: RunBook, keys: Sequence[str]) -> list[Ingest]:
    """Ingests over all buckets, and any running one, because two at once would fence each other off."""
    others = [Ingest("under way", None, None) for _ in book.under_way]
    return others + [Ingest(run.end, run.started_at, run.found) for run in book.of_all(keys)]
