"""`author_summaries` and `failed_authors`: one asset of two tables, since one answer feeds both."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import polars as pl

from summarizer_assets.assets.again import SummariesConfig
from summarizer_assets.assets.checked import Evaluated, bucket_specs, evaluated
from summarizer_assets.assets.shown import GROUP, OWNERS, table_metadata
from summarizer_assets.checking.bucket import before, check_bucket
from summarizer_assets.core import records
from summarizer_assets.core.money import dollars
from summarizer_assets.core.progress import Progress
from summarizer_assets.pipeline import BucketRun
from summarizer_assets.resources import Summarizer

SUMMARIES, FAILURES = "author_summaries", "failed_authors"


def build_summaries(partitions: dg.PartitionsDefinition[str], code_version: str) -> dg.AssetsDefinition:
    def output(description: str, schema: pl.Schema) -> dg.AssetOut:
        return dg.AssetOut(
            dagster_type=dg.Any,  # a stream of changes, consumed while it is being made
            io_manager_key="delta",
            kinds={"deltalake", "llm"},
            group_name=GROUP,
            owners=OWNERS,
            metadata=table_metadata(schema),
            code_version=code_version,
            description=description,
        )

    @dg.multi_asset(
        name="author_summaries",
        outs={
            SUMMARIES: output(
                "An LLM-written summary of each author, one current row an author, committed as they come. "
                "`failed` and `pending` in a partition's metadata say what is missing.",
                records.SUMMARIES,
            ),
            FAILURES: output(
                "Authors without a summary: why, how often it was tried, when it is tried again. "
                "The sensor `retry_failed_authors` asks them again when they are due.",
                records.FAILURES,
            ),
        },
        deps=["authors"],
        check_specs=bucket_specs(partitions),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.multi_run(1),
        can_subset=False,
    )
    def author_summaries(
        context: dg.AssetExecutionContext, config: SummariesConfig, summarizer: dg.ResourceParam[Summarizer]
    ) -> Iterator[Evaluated]:
        bucket, choice = context.partition_key, config.choice(datetime.now(UTC))

        def report(progress: Progress) -> None:
            context.log.info(progress.line)
            context.log_event(observation(progress))

        run = summarizer.bucket_run(
            bucket,
            context.run.run_id,
            log=context.log.info,
            choice=choice,
            report=report,
            warn=context.log.warning,
        )
        found = before(summarizer.tables)
        with run:
            yield dg.Output(run.summaries, SUMMARIES)
            yield dg.Output(run.failures, FAILURES)
            run.finish()
            if run.interrupted_by is None:  # while the bucket is still ours: nobody changes it meanwhile
                verdicts = check_bucket(summarizer, bucket, context.run.run_id, run.counts, found)
                yield from evaluated(context.instance, bucket, verdicts, ours=choice.spend)
        if run.interrupted_by is not None:
            signal.raise_signal(run.interrupted_by)  # so that Dagster sees a cancelled run as cancelled
        _raise_if_stopped(run)

    return author_summaries


def observation(progress: Progress) -> dg.AssetObservation:
    """How far the run is, on the asset's page while it runs."""
    left_s = progress.seconds_left
    return dg.AssetObservation(
        SUMMARIES,
        partition=progress.bucket,
        metadata={
            "progress": dg.MetadataValue.md(progress.markdown),
            "done": progress.done,
            "failed_now": progress.failed,
            "to_go": progress.left,
            "authors_per_second_now": round(progress.rate, 2),
            **({} if progress.spent is None else {"spent_usd": dollars(progress.spent)}),
            **({} if left_s is None else {"minutes_left": round(left_s / 60, 1)}),
        },
    )


def _raise_if_stopped(run: BucketRun) -> None:
    """Both tables are written true by now; the step must not look as if the bucket were done."""
    if run.stop is not None:
        raise dg.Failure(
            description=f"stopped ({run.stop.cause}): {run.stop.message}",
            metadata={"pending": run.counts.pending, "cause": run.stop.cause},
            allow_retries=False,
        )
