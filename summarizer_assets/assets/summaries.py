"""The assets `author_summaries` and `failed_authors`: one multi-asset, because one answer feeds both tables.

A partition is materialised only if no author of its bucket is pending, except those held back by SUMMARIZER_LIMIT.
Dagster records a table's materialisation when the IO manager's call for it returns, so a stopped run fails within the
first of these calls, with both tables written; an observation carries the metadata instead.
"""

import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import polars as pl

from summarizer_assets.assets.asset_checks import bucket_specs, evaluated
from summarizer_assets.assets.redrive import SummariesConfig
from summarizer_assets.assets.root_tag import at_root
from summarizer_assets.assets.table_metadata import table_metadata
from summarizer_assets.bucket_run.run import BucketRun
from summarizer_assets.core import column_meanings, records
from summarizer_assets.core.money.amounts import dollars
from summarizer_assets.core.progress import Progress
from summarizer_assets.fact_metadata import to_metadata
from summarizer_assets.installation import Summarizer
from summarizer_assets.interrupts import on_interrupt
from summarizer_assets.names import Names
from summarizer_assets.plain_failures import fails_plainly
from summarizer_assets.quality.bucket import before, check_bucket
from summarizer_assets.quality.names import AUTHORS, FAILURES, SUMMARIES
from summarizer_assets.storage.delta.stream import persist


def build_summaries(partitions: dg.PartitionsDefinition[str], code_version: str, names: Names) -> dg.AssetsDefinition:
    def output(name: str, description: str, schema: pl.Schema, meanings: Mapping[str, str]) -> dg.AssetOut:
        return dg.AssetOut(
            key=names.asset(name),
            dagster_type=dg.Any,  # a stream of changes, consumed while it is produced
            io_manager_key=names.io_manager,
            kinds={"deltalake", "llm"},
            metadata=table_metadata(schema, meanings),
            code_version=code_version,
            is_required=False,  # a run that only computes a price has no output
            description=description,
        )

    @dg.multi_asset(
        name=names.op(SUMMARIES),
        outs={
            SUMMARIES: output(
                SUMMARIES,
                "An LLM-written summary of each author, one current row an author, committed as they come. "
                "`failed` and `pending` in a partition's metadata say what is missing.",
                records.SUMMARIES,
                column_meanings.SUMMARIES,
            ),
            FAILURES: output(
                FAILURES,
                "Authors without a summary: why, how often it was tried, when it is tried again. "
                f"The sensor `{names.of('retry_failed_authors')}` asks them again when they are due.",
                records.FAILURES,
                column_meanings.FAILURES,
            ),
        },
        deps=[names.asset(AUTHORS)],
        check_specs=bucket_specs(partitions, names),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.multi_run(1),
        can_subset=False,
        required_resource_keys={names.summarizer},
        pool=names.pool,
    )
    @fails_plainly
    def author_summaries(
        context: dg.AssetExecutionContext, config: SummariesConfig
    ) -> Iterator[dg.Output[Any] | dg.AssetCheckEvaluation]:
        summarizer = names.summarizer_of(context)
        bucket, choice = context.partition_key, config.choice(datetime.now(UTC))

        def report(progress: Progress) -> None:
            context.log.info(progress.line)
            context.log_event(observation(names.asset(SUMMARIES), progress))

        at_root(context, summarizer, asking=True)
        run = summarizer.bucket_run(
            bucket,
            context.run.run_id,
            log=context.log.info,
            choice=choice,
            report=report,
            warn=context.log.warning,
        )
        told = _Telling(context, summarizer, run, names, paid=choice.spend)
        with run:
            if choice.spend:
                yield from told.outputs()
            else:
                told.observe()
            run.finish()
            for evaluation in told.checked():  # while the claim is held, so that nobody changes the bucket
                yield dg.Output(None, f"{evaluation.asset_key.to_python_identifier()}_{evaluation.check_name}")
                yield evaluation

    return author_summaries


def observation(asset: dg.AssetKey, progress: Progress) -> dg.AssetObservation:
    """An observation of the run's progress, shown on the asset's page while it runs."""
    left_s = progress.seconds_left
    return dg.AssetObservation(
        asset,
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


class _Telling:
    """What a run reports to Dagster beside its tables. `paid`: it may make requests, so it holds the bucket's claim."""

    def __init__(
        self, context: dg.AssetExecutionContext, summarizer: Summarizer, run: BucketRun, names: Names, *, paid: bool
    ) -> None:
        self._context = context
        self._summarizer = summarizer
        self._run = run
        self._names = names
        self._paid = paid
        self._before = before(summarizer.tables)

    def outputs(self) -> Iterator[dg.Output[Any]]:
        """Both tables, for the IO manager to commit; none of a run that ends while a batch job is under way.

        That shows only at the end of the first stream, so it is committed here where such a job may be. The run is a
        success then, and the partition stays as it was: a later run materialises it.
        """
        summaries = self._run.summaries
        if self._summarizer.may_be_in_jobs(self._context.partition_key):
            with on_interrupt(self._run.interrupt):
                persist(self._summarizer.tables.summaries, summaries)
                if self._run.waits:
                    persist(self._summarizer.tables.failures, self._run.failures)
                    self.observe()
                    return
            summaries = replace(summaries, changes=())
        yield dg.Output(replace(summaries, ended=self.ended), SUMMARIES)
        yield dg.Output(self._run.failures, FAILURES)

    def checked(self) -> Iterator[dg.AssetCheckEvaluation]:
        context, run = self._context, self._run
        verdicts = check_bucket(self._summarizer, context.partition_key, context.run.run_id, run.counts, self._before)
        return evaluated(context.instance, context.partition_key, verdicts, names=self._names, ours=self._paid)

    def observe(self) -> None:
        """Report the result of a run without a materialisation on the pages of both tables."""
        for asset, stream in ((SUMMARIES, self._run.summaries), (FAILURES, self._run.failures)):
            metadata = to_metadata(asset, stream.metadata())
            self._context.log_event(
                dg.AssetObservation(self._names.asset(asset), partition=self._context.partition_key, metadata=metadata)
            )

    def ended(self) -> None:
        """Called once the first table is written: writes the second table of a stopped run, and fails the run.

        Raises:
            dg.Failure: the run was stopped.
            BaseException: what Dagster raises for a cancelled run.
        """
        run = self._run
        if run.stop is None:
            return
        with on_interrupt(run.interrupt):  # a signal must not separate the second table from the first
            persist(self._summarizer.tables.failures, run.failures)
            run.finish()
        self.observe()
        if run.interrupted_by is None:
            for evaluation in self.checked():
                self._context.log_event(evaluation)
        run.close()
        if run.interrupted_by is not None:
            signal.raise_signal(run.interrupted_by)  # so that Dagster records a cancelled run as cancelled
        raise dg.Failure(
            description=f"stopped ({run.stop.cause}): {run.stop.message}",
            metadata={"pending": run.counts.pending, "cause": run.stop.cause},
            allow_retries=False,
        )
