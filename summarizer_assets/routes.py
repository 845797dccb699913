"""The routes on which a bucket's authors are asked, put together from an installation's parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from summarizer_assets.bucket_run.asking.adapting import Adapting
from summarizer_assets.bucket_run.asking.asker import Asker
from summarizer_assets.bucket_run.asking.online import OnlineRequests
from summarizer_assets.bucket_run.asking.prompts import BucketPrompt
from summarizer_assets.bucket_run.asking.quality_watch import BRAKED
from summarizer_assets.bucket_run.batches.collect import Collector
from summarizer_assets.bucket_run.batches.plan import BatchTerms
from summarizer_assets.bucket_run.batches.route import BatchRoute
from summarizer_assets.bucket_run.batches.submit import Money
from summarizer_assets.bucket_run.route import AskCounts, Route, Sink
from summarizer_assets.bucket_run.work import Work
from summarizer_assets.core.answers.reply import AnswerChecks
from summarizer_assets.core.batches.packing import JobLimits
from summarizer_assets.core.money.amounts import nano_of
from summarizer_assets.core.prompt.grouping import GroupLimits
from summarizer_assets.core.quality_breaker import Trust
from summarizer_assets.llm.batches.http import BatchHttp
from summarizer_assets.llm.batches.kinds import KINDS
from summarizer_assets.llm.batches.provider import BatchKind, BatchProvider
from summarizer_assets.llm.client import Client
from summarizer_assets.llm.errors import Redactor, secret_leaves
from summarizer_assets.llm.http.transport import TransportLimits, build_transport
from summarizer_assets.pricing import configured_price, model_notices
from summarizer_assets.provider import asked_as
from summarizer_assets.settings import Settings
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs
from summarizer_assets.storage.state_db.ledger import SpendLedger

_CALL_S: Final = 600.0  # an upload or a download of that size takes minutes
_CONNECTIONS: Final = 4


@dataclass(frozen=True)
class Parts:
    """What all routes need of one run."""

    settings: Settings
    work: Work
    positions: Sequence[int]
    prompt: BucketPrompt
    checks: AnswerChecks
    adapting: Adapting
    groups: GroupLimits
    trust: Trust


def online(parts: Parts, client: Client, sink: Sink | None = None, braked: str = BRAKED) -> Route:
    """Requests that the run waits for.

    Args:
        parts: of the run.
        client: of the model.
        sink: where outcomes go; None: to the work's.
        braked: what follows when the model brings nothing usable, for a person.
    """
    client.counters.notices.extend(model_notices(parts.settings))
    asker = Asker(
        client,
        parts.prompt,
        sink or parts.work.outcomes,
        limits=parts.groups,
        checks=parts.checks,
        max_in_flight=parts.settings.max_in_flight,
        adapting=parts.adapting,
        trust=parts.trust,
        braked=braked,
    )
    return OnlineRequests(asker, client, parts.work, parts.positions)


def by_batch_jobs(
    parts: Parts, jobs: BatchJobs, ledger: Callable[[], SpendLedger], log: Callable[[str], None]
) -> Route:
    """Jobs that the provider works on while no run waits. `ledger`: called only if there is a price."""
    settings = parts.settings
    price = configured_price(settings, by_batch=True)  # also of jobs that were made before the setting was changed
    paid = price is not None and not price.free
    cap = None if settings.budget_usd is None or not paid else nano_of(settings.budget_usd)
    money = Money(ledger() if paid else None, price if paid else None, cap, asked_as(settings))
    counts, kind = AskCounts(), batch_kind(settings)
    return BatchRoute(
        lambda: batch_api(settings),
        jobs,
        parts.work,
        parts.positions,
        parts.prompt,
        adapting=parts.adapting,
        terms=BatchTerms(
            job_limits(settings),
            parts.groups,
            batch_account(settings),
            money,
            new=settings.route == "batch",
        ),
        collector=Collector(
            parts.work,
            parts.prompt,
            parts.checks,
            settings.protocol,
            kind.lines,
            parts.adapting,
            money.price,
            capped=cap is not None,
            redact=_redactor(settings),
            counts=counts,
            trust=_trust(parts),
        ),
        counts=counts,
        log=log,
        notices=model_notices(settings),
    )


def _trust(parts: Parts) -> Trust:
    """In the model: a job of those whom earlier jobs did not answer says little about it, where others have summaries.

    The last run's record says less: its authors may have left it as failures.
    """
    if parts.work.snapshot.plan.current:
        return Trust.PROVEN
    return Trust.DISTRUSTED if parts.trust is Trust.DISTRUSTED else Trust.UNTRIED


def job_limits(settings: Settings) -> JobLimits:
    """Of one batch job; its tokens are at the same time the most that the account may queue."""
    limits = batch_kind(settings).limits
    return JobLimits(limits.requests, limits.bytes, settings.batch_enqueued_tokens)


def batch_kind(settings: Settings) -> BatchKind:
    """What the provider's batch jobs are like. The settings refuse jobs where there are none."""
    return KINDS[settings.provider_of_batches or "openai"]


def batch_api(settings: Settings) -> BatchProvider:
    limits = TransportLimits(max_connections=_CONNECTIONS, deadline_s=_CALL_S)
    transport = build_transport(limits=limits, ca_file=settings.llm_ca_file)
    http = BatchHttp(transport, settings.llm_base_url, settings.protocol, _secret(settings), _redactor(settings))
    return batch_kind(settings).connect(http)


def batch_account(settings: Settings) -> str:
    """A hash of whose jobs they are."""
    return blake2b(repr((settings.llm_base_url, _secret(settings))).encode(), digest_size=16).hexdigest()


def _secret(settings: Settings) -> str | None:
    return settings.llm_api_key.get_secret_value() if settings.llm_api_key else None


def _redactor(settings: Settings) -> Redactor:
    return Redactor(_secret(settings), *secret_leaves(settings.llm_extra_body))
