"""`summarizer status`: where the root stands, and the one thing to do next."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from summarizer_assets.cli.answer import Answer
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.core.authors.failure_counts import Failures, action_for, is_rule, meaning_of
from summarizer_assets.core.batches.waiting import Waiting
from summarizer_assets.core.display_text import exact_usd, listed_buckets, moment, number_of, share
from summarizer_assets.core.money.amounts import dollars
from summarizer_assets.overview.facts import BucketNow, Overview
from summarizer_assets.overview.gather import overview
from summarizer_assets.overview.next_command import next_command


@as_command
@click.option("--verbose", "-v", is_flag=True, help="Each bucket too.")
def command(*, verbose: bool) -> Answer:
    """Show how far it is: summaries, failures, pending authors, money, and what to do next.

    Counts come from the tables' logs, so that it is quick for any table. Makes no request.

    \b
    Example: summarizer status -v
    """
    now = overview(opened(needs_tables=False))
    return Answer(data=status_data(now), text=status_text(now, verbose=verbose))


def status_text(now: Overview, *, verbose: bool = False) -> str:
    """The lines for people."""
    coverage, second = now.coverage, now.second
    lines = [
        f"{'authors':<10}{coverage.authors:>12,}",
        f"{'summaries':<10}{coverage.summaries:>12,}  {share(coverage.summaries, coverage.authors)}",
        *([] if second is None else [f"  {second.summaries:>8,}  by the second model, {second.model}"]),
        f"{'failed':<10}{coverage.failed:>12,}",
        *_failures(now),
        *([] if second is None else [f"  {second.failed_by_both:>8,}  of these by both models"]),
        f"{'pending':<10}{coverage.pending:>12,}",
        *_in_batch(now),
        f"{'spent':<10}{exact_usd(now.spent):>12}{_of_budget(now)}",
    ]
    if now.rejected_rows:
        lines.append(
            f"{'rejected':<10}{now.rejected_rows:>12,}  source rows that became no author; summarizer report says why"
        )
    if now.next_retry_at is not None:
        lines.append(f"{'next retry':<10}  {moment(now.next_retry_at)}")
    lines += [f"{'parked':<10}  bucket {bucket.bucket}: {bucket.parked}" for bucket in now.parked]
    lines += [f"{'stopped':<10}  {listed_buckets(keys)} ({cause}): {how}" for cause, keys, how in now.stopped]
    if verbose and now.buckets:
        lines += ["", *_table(now)]
    return "\n".join([*lines, "", f"Next: {next_command(now).line}"])


def _failures(now: Overview) -> Iterator[str]:
    for reason, some in now.failures.items():
        yield f"  {some.authors:>8,}  {reason}: {meaning_of(reason)}"
        if not is_rule(reason):
            yield f"{'':>12}{_fate(some)}; {action_for(reason)}"


def _in_batch(now: Overview) -> Iterator[str]:
    waiting = now.in_batch
    if waiting.jobs:
        yield f"{'in batch':<10}{waiting.authors:>12,}  in {waiting.words(now.at)}"


def _fate(some: Failures) -> str:
    parts = {"due now": some.due, "wait": some.waiting, "out of tries": some.exhausted, "not retried": some.final}
    return ", ".join(f"{number:,} {word}" for word, number in parts.items() if number)


def _of_budget(now: Overview) -> str:
    wasted = f", {exact_usd(now.wasted)} of it for no summary" if now.wasted else ""
    more = wasted + (f", {exact_usd(now.uncertain)} more perhaps" if now.uncertain else "")
    if now.budget is not None:
        return f"  of a budget of {exact_usd(now.budget)}{more}"
    return f"  no budget is set{more}" if now.priced else f"  the price is not known{more}"


def _table(now: Overview) -> Iterator[str]:
    yield f"{'bucket':<8}{'authors':>10}{'summaries':>11}{'failed':>9}{'pending':>9}"
    for bucket in now.buckets:
        counts = f"{bucket.authors:>10,}{bucket.summaries:>11,}{bucket.failed:>9,}{bucket.pending:>9,}"
        yield f"{bucket.bucket:<8}{counts}  {_notes(bucket)}".rstrip()


def _notes(bucket: BucketNow) -> str:
    notes = [f"{number_of(bucket.due, 'failure')} due"] if bucket.due else []
    if bucket.in_batch.jobs:
        notes.append(f"{bucket.in_batch.authors:,} in {number_of(bucket.in_batch.jobs, 'batch job')}")
    return ", ".join([*notes, *(["at work"] if bucket.at_work else []), *(["parked"] if bucket.parked else [])])


def _jobs(waiting: Waiting) -> Mapping[str, Any]:
    def told(seconds: float | None) -> str | None:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")

    return {
        "jobs": waiting.jobs,
        "requests": waiting.requests,
        "reserved_usd": dollars(waiting.reserve),
        "oldest_at": told(waiting.oldest_at),
        "expires_at": told(waiting.expires_at),
    }


def status_data(now: Overview) -> Mapping[str, Any]:
    """The same for programs."""
    coverage, step = now.coverage, next_command(now)
    return {
        "root": now.root,
        "authors": coverage.authors,
        "summaries": coverage.summaries,
        "failed": coverage.failed,
        "pending": coverage.pending,
        "in_batch": now.in_batch.authors,
        "batch_jobs": _jobs(now.in_batch) if now.in_batch.jobs else None,
        "failures": {
            reason: {
                "authors": some.authors,
                "due": some.due,
                "waiting": some.waiting,
                "exhausted": some.exhausted,
                "final": some.final,
            }
            for reason, some in now.failures.items()
        },
        "second_model": None if now.second is None else asdict(now.second),
        "next_retry_at": None if now.next_retry_at is None else now.next_retry_at.isoformat(),
        "spent_usd": dollars(now.spent),
        "wasted_usd": dollars(now.wasted),
        "uncertain_usd": dollars(now.uncertain),
        "budget_usd": None if now.budget is None else dollars(now.budget),
        "stopped": [{"cause": cause, "buckets": list(keys), "remedy": how} for cause, keys, how in now.stopped],
        "parked": [bucket.bucket for bucket in now.parked],
        "at_work": now.at_work,
        "rejected_rows": now.rejected_rows,
        "buckets": [
            {
                "bucket": bucket.bucket,
                "authors": bucket.authors,
                "summaries": bucket.summaries,
                "failed": bucket.failed,
                "pending": bucket.pending,
                "due": bucket.due,
                "in_batch": bucket.in_batch.authors,
            }
            for bucket in now.buckets
        ],
        "next": {"what": step.what, "command": step.command or None},
    }
