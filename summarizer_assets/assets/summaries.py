"""`author_summaries` and `failed_authors`: one asset of two tables, since one answer feeds both."""

import signal
from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from summarizer_assets.assets.shown import GROUP, OWNERS, table_metadata
from summarizer_assets.core import records
from summarizer_assets.pipeline import BucketRun
from summarizer_assets.resources import Summarizer

SUMMARIES, FAILURES = "author_summaries", "failed_authors"


class SummariesConfig(dg.Config):
    """What a person may choose in the launchpad."""

    retry_all: bool = Field(
        default=False,
        description="Ask every retryable failure now, also those not yet due or past SUMMARIZER_MAX_ATTEMPTS.",
    )


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
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.multi_run(1),
        can_subset=False,
    )
    def author_summaries(
        context: dg.AssetExecutionContext, config: SummariesConfig, summarizer: dg.ResourceParam[Summarizer]
    ) -> Iterator[dg.Output[Any]]:
        bucket = context.partition_key
        run = summarizer.bucket_run(bucket, context.run.run_id, log=context.log.info, retry_all=config.retry_all)
        with run:
            yield dg.Output(run.summaries, SUMMARIES)
            yield dg.Output(run.failures, FAILURES)
            run.finish()
        if run.interrupted_by is not None:
            signal.raise_signal(run.interrupted_by)  # so that Dagster sees a cancelled run as cancelled
        _raise_if_stopped(run)

    return author_summaries


def _raise_if_stopped(run: BucketRun) -> None:
    """Both tables are written true by now; the step must not look as if the bucket were done."""
    if run.stop is not None:
        raise dg.Failure(
            description=f"stopped ({run.stop.cause}): {run.stop.message}",
            metadata={"pending": run.counts.pending, "cause": run.stop.cause},
            allow_retries=False,
        )
