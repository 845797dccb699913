"""The jobs over the ingest and the buckets as real Dagster runs in this process, one after the other.

A run costs 1.7 seconds of CPU beside its work here, three in a process that the daemon starts, six in one of a command;
and one run alone keeps as many requests in flight as the account allows. Ctrl-C ends the bucket at work in order; the
others are not begun.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import dagster as dg
import polars as pl

from summarizer_assets.cli.progress_bar import ProgressBar
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.run_records import CANCEL_ASKED, TOO_MANY_FAILURES
from summarizer_assets.definitions import build_defs
from summarizer_assets.installation import Summarizer
from summarizer_assets.jobs import INGEST, SUMMARIZE
from summarizer_assets.sensors.runs import FOUND, RANGE_END, RANGE_START
from summarizer_assets.storage.delta.guards import reading

#: What a run tells, its errors too, goes to Dagster's records; the command says the errors in words of its own.
_QUIET: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_BREAKS: Final = frozenset({"KeyboardInterrupt", "DagsterExecutionInterruptedError"})


@dataclass
class Ended:
    """How the runs ended.

    Attributes:
        run_ids: of the runs, in order.
        problems: where a run stopped or failed (the source, or a bucket), and its message.
        left: buckets that were not begun; where a person said Ctrl-C, the one at work is not among them.
        interrupted: a person said Ctrl-C.
    """

    run_ids: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    interrupted: bool = False


class Job:
    """The job of one installation in one Dagster instance; `bar` shows how far it is."""

    def __init__(self, summarizer: Summarizer, instance: dg.DagsterInstance, bar: ProgressBar) -> None:
        self._summarizer, self._instance, self._bar = summarizer, instance, bar
        watched = Summarizer(summarizer.settings, watch=bar.watch)
        self._defs = build_defs(summarizer.settings, overrides={"summarizer": watched})

    def ingest(self, state: str, accept_loss: str = "") -> Ended:
        """Bring the authors of all buckets in line with the source, whose state (`sources.watch`) the run records.

        `accept_loss`: the code of a loss that a person accepts.
        """
        keys = bucket_keys(self._summarizer.buckets)
        tags = {RANGE_START: keys[0], RANGE_END: keys[-1], FOUND: state}
        config = {"ops": {"authors": {"config": {"accept_loss": accept_loss}}}} if accept_loss else {}
        ended = Ended()
        self._run(INGEST, ended, "the source", config, tags=tags)
        return ended

    def summarize(self, buckets: Sequence[str], config: Mapping[str, Any] | None = None) -> Ended:
        """Run the buckets. A stop that would stop the next one too (money, the key, an outage) is the last.

        `config`: of the asset, as in its launchpad.
        """
        ended = Ended()
        ops = {"ops": {"author_summaries": {"config": dict(config)}}} if config else {}
        for number, bucket in enumerate(buckets, start=1):
            self._run(SUMMARIZE, ended, f"bucket {bucket}", ops, partition_key=bucket)
            self._bar.ended(bucket, number, len(buckets))
            if ended.interrupted or self._stops_all(bucket, ended):
                ended.left = list(buckets[number:])
                break
        return ended

    def _run(
        self,
        job: str,
        ended: Ended,
        what: str,
        config: Mapping[str, Any],
        *,
        partition_key: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        try:
            result = self._defs.resolve_job_def(job).execute_in_process(
                run_config={**_QUIET, **config},
                instance=self._instance,
                partition_key=partition_key,
                tags=dict(tags or {}),
                raise_on_error=False,
            )
        except KeyboardInterrupt:  # between the steps of Dagster's own work
            ended.interrupted = True
            return
        ended.run_ids.append(result.run_id)
        if result.success:
            return
        if any(_broke(event) for event in result.all_events):
            ended.interrupted = True
            # As a run that a person cancels in the UI: the sensor leaves its bucket alone.
            self._instance.add_run_tags(result.run_id, {CANCEL_ASKED: result.run_id})
            return
        ended.problems.append((what, "; ".join(_messages(result.all_events)) or "failed"))
        self._bar.say(f"{what}: {ended.problems[-1][1]}")

    def _stops_all(self, bucket: str, ended: Ended) -> bool:
        """Whether the bucket's problem would be the next one's, too."""
        if not ended.problems or ended.problems[-1][0] != f"bucket {bucket}":
            return False
        if len(ended.problems) > 1 and ended.problems[-1][1] == ended.problems[-2][1]:
            return True
        runs = self._summarizer.state.recent_runs(each=1).get(bucket, [])
        return bool(runs) and runs[0].run_id == ended.run_ids[-1] and runs[0].stop not in (None, TOO_MANY_FAILURES)


def failed_in(summarizer: Summarizer, run_ids: Sequence[str], buckets: Sequence[str]) -> dict[str, int]:
    """The authors who failed in these runs, by reason, the most frequent first; rules are no failures."""
    table = summarizer.tables.failures
    with reading(table.uri):
        rows = (
            table.read(buckets)
            .filter((pl.col("attempts") > 0) & pl.col("run_id").is_in(list(run_ids)))
            .group_by("reason")
            .len()
            .sort("len", "reason", descending=[True, False])
            .collect()
        )
    return dict(rows.iter_rows())


def _broke(event: dg.DagsterEvent) -> bool:
    if not event.is_failure or not event.is_job_event:
        return False
    error = event.job_failure_data.error
    return error is not None and error.cls_name in _BREAKS


def _messages(events: Sequence[dg.DagsterEvent]) -> Iterator[str]:
    for event in events:
        if event.is_step_failure:
            data = event.step_failure_data
            told = data.user_failure_data.description if data.user_failure_data else None
            error = data.error.message.strip() if data.error else ""
            yield told or error
