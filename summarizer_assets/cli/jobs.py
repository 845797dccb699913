"""`summarizer jobs`: the batch jobs of the root, and what a person does about one."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from summarizer_assets.bucket_run.batches.look import opened as known
from summarizer_assets.bucket_run.batches.look import seen, unknown_jobs
from summarizer_assets.cli.answer import NOT_GOOD, Answer
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.core.batches.states import JobState
from summarizer_assets.core.display_text import duration, exact_usd
from summarizer_assets.core.money.amounts import dollars
from summarizer_assets.core.money.spending import Booking
from summarizer_assets.installation import Summarizer
from summarizer_assets.llm.batches.errors import BatchCallFailed
from summarizer_assets.llm.batches.provider import BatchProvider
from summarizer_assets.routes import batch_account, batch_api
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.storage.state_db.batch_jobs import JobRow

T = TypeVar("T")


@as_command
@click.option("--all", "most", flag_value=1000, default=0, type=int, help="Those that are over, too.")
@click.option("--cancel", metavar="KEY", help="End a job early: what it did is collected, the rest asked later.")
@click.option(
    "--adopt", nargs=2, metavar="KEY ID", help="The job KEY was made as ID at the provider: nobody had heard its id."
)
@click.option("--disown", is_flag=True, help="After a loss of the state store: forget the jobs of these tables.")
def command(*, most: int, cancel: str | None, adopt: tuple[str, str] | None, disown: bool) -> Answer:
    """List the batch jobs under way, and cancel or adopt one. The list makes no request, and nothing here costs money.

    \b
    Example: summarizer jobs
             summarizer jobs --cancel 0123456789abcdef
    """
    summarizer = opened()
    notes: list[str] = []
    try:
        if cancel is not None:
            notes.append(_cancelled(summarizer, _known(summarizer, cancel)))
        if adopt is not None:
            notes.append(_adopted(summarizer, _known(summarizer, adopt[0]), adopt[1]))
        if disown:
            notes.append(_disowned(summarizer))
    except BatchCallFailed as error:
        return Answer(data={"error": str(error)}, text=f"the provider says no: {error}\n", status=NOT_GOOD)
    rows = summarizer.jobs.newest(most) if most else summarizer.jobs.live()
    told = "".join(f"{note}\n" for note in notes) + _table(rows, summarizer.jobs.now())
    return Answer(data={"jobs": [_facts(row) for row in rows]}, text=told)


def _known(summarizer: Summarizer, key: str) -> JobRow:
    row = summarizer.jobs.get(key)
    if row is None or not row.state.live:
        raise SettingsError(f"there is no batch job {key} under way; `summarizer jobs` lists them")
    if row.account != batch_account(summarizer.settings):
        raise SettingsError(
            f"batch job {key} belongs to another base URL or key than those that SUMMARIZER_LLM_BASE_URL and "
            "SUMMARIZER_LLM_API_KEY name; set those again"
        )
    return row


def _cancelled(summarizer: Summarizer, row: JobRow) -> str:
    if row.state.unsent:  # the provider knows no job
        booking, ledger = Booking(), summarizer.ledger
        summarizer.jobs.settle(row, JobState.FAILED, booking, ledger=ledger, reason="cancelled by a person")
        return f"{row.key} was not made yet, and is not made any more"
    if row.remote_id is None:
        raise SettingsError(
            f"nobody knows yet whether batch job {row.key} was made: the sensor collect_batches, or a run of bucket "
            f"{row.bucket}, looks for it; cancel it then"
        )
    job_id = row.remote_id
    found = _ask(summarizer, lambda api: api.cancel(job_id))
    summarizer.jobs.move(row, row.state, **seen(found, row, summarizer.jobs.now()))
    return f"{row.key} is being cancelled; a later run collects what it did"


def _adopted(summarizer: Summarizer, row: JobRow, job_id: str) -> str:
    if row.state is not JobState.CREATING:
        raise SettingsError(
            f"batch job {row.key} is {row.state}: only one that nobody heard of, `creating`, is adopted"
        )
    found = _ask(summarizer, lambda api: api.job(job_id))
    if found.input_file_id not in (None, row.file_id):
        raise SettingsError(f"{job_id} was made of another file than batch job {row.key}, {row.file_id}")
    if found.requests not in (None, row.requests):
        raise SettingsError(f"{job_id} has {found.requests} requests, and batch job {row.key} has {row.requests}")
    summarizer.jobs.move(row, JobState.OPEN, **known(found, summarizer.jobs.now()))
    return f"{row.key} is {job_id}"


def _disowned(summarizer: Summarizer) -> str:
    """Keep a row of each: then the store knows of them, and their authors are asked again."""
    jobs, identity = summarizer.jobs, summarizer.identity
    found = _ask(summarizer, lambda api: unknown_jobs(api, jobs))
    for key, job in found.items():
        account, names = batch_account(summarizer.settings), (identity.model, identity.prompt_version)
        row = JobRow(key, "", "", account, *names, 0, 0, 0, JobState.LOST, remote_id=job.id, reason="disowned")
        jobs.plan(row, [])
    ids = ", ".join(job.id for job in found.values()) or "none"
    return (
        f"{len(found)} batch jobs at the provider are not ours any more ({ids}); cancel there those that no other "
        "program made, and look at its bill"
    )


def _ask(summarizer: Summarizer, call: Callable[[BatchProvider], Coroutine[Any, Any, T]]) -> T:
    async def asking() -> T:
        api = batch_api(summarizer.settings)
        try:
            return await call(api)
        finally:
            await api.aclose()

    return asyncio.run(asking())


def _facts(row: JobRow) -> dict[str, Any]:
    return {
        "key": row.key,
        "bucket": row.bucket,
        "state": str(row.state),
        "at_the_provider": row.remote_status,
        "id": row.remote_id,
        "requests": row.requests,
        "authors": row.authors,
        "answered_requests": row.completed,
        "reserved_usd": dollars(row.reserve),
        "price_factor": row.factor,
        "planned_at": _moment(row.planned_at),
        "expires_at": _moment(row.expires_at),
        "looked_at": _moment(row.checked_at),
        "reason": row.reason,
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _spell(seconds: float) -> str:
    return duration(max(0.0, seconds))


def _left(row: JobRow, now: float) -> str:
    """How long the provider may still take; empty where it takes no longer, or does not say."""
    if row.expires_at is None or not row.state.live or row.state is JobState.ENDED:
        return ""
    return _spell(row.expires_at - now)


def _table(rows: list[JobRow], now: float) -> str:
    if not rows:
        return "no batch job is under way\n"
    head = f"{'key':<16}  bucket  {'state':<9}  {'provider':<11}  requests  authors  {'age':>9}  {'expires in':>10}"
    lines = [f"{head}  reserved\n"]
    lines += [
        f"{row.key}  {row.bucket:>6}  {row.state:<9}  {row.remote_status or '':<11}  {row.requests:>8,}  "
        f"{row.authors:>7,}  {_spell(now - row.planned_at):>9}  {_left(row, now):>10}  {exact_usd(row.reserve)}\n"
        for row in rows
    ]
    return "".join(lines)
