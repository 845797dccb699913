"""The routes on which a bucket's authors are asked, put together from an installation's parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

from summarizer_assets.bucket_run.asking.adapting import Adapting
from summarizer_assets.bucket_run.asking.asker import Asker
from summarizer_assets.bucket_run.asking.group import Group
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
from summarizer_assets.core.batches.followups import Question
from summarizer_assets.core.batches.packing import JobLimits
from summarizer_assets.core.batches.routing import RouteRule
from summarizer_assets.core.money.amounts import nano_of
from summarizer_assets.core.prompt.grouping import GroupLimits
from summarizer_assets.core.quality_breaker import Trust
from summarizer_assets.llm.batches.http import BatchHttp
from summarizer_assets.llm.batches.kinds import KINDS
from summarizer_assets.llm.batches.provider import BatchKind, BatchProvider
from summarizer_assets.llm.client import Client
from summarizer_assets.llm.errors import Redactor, secret_leaves
from summarizer_assets.llm.http.transport import TransportLimits, build_transport
from summarizer_assets.pricing import batch_factor, configured_price, model_notices
from summarizer_assets.provider import asked_as
from summarizer_assets.settings import Settings
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs
from summarizer_assets.storage.state_db.ledger import SpendLedger

_CALL_S: Final = 600.0  # an upload or a download of that size takes minutes
_CONNECTIONS: Final = 4
_HOUR_S: Final = 3_600.0


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


def may_be_in_jobs(settings: Settings, jobs: BatchJobs, bucket: str) -> bool:
    """Whether authors of the bucket may be in batch jobs at the end of a run.

    They may be in those under way that were made under other settings.
    """
    return route_rule(settings).may_batch or bool(jobs.live(bucket))


def route_of(
    parts: Parts,
    jobs: BatchJobs,
    ledger: Callable[[], SpendLedger],
    client: Callable[[], Client],
    log: Callable[[str], None],
) -> Route:
    """The route of a run.

    Args:
        parts: of the run.
        jobs: of the root.
        ledger: called only if there is a price.
        client: makes one, for requests that the run waits for.
        log: hears what is done.
    """
    rule = route_rule(parts.settings)
    if may_be_in_jobs(parts.settings, jobs, parts.work.facts.bucket):
        return _by_batch_jobs(parts, jobs, ledger, client, log)
    chosen = rule.choose(rule.least).told if rule.route == "auto" else ""
    if chosen:
        log(f"asked {chosen}")
    return online(parts, client(), chosen=chosen)


def online(
    parts: Parts,
    client: Client,
    sink: Sink | None = None,
    braked: str = BRAKED,
    *,
    questions: Sequence[Question] = (),
    chosen: str = "",
) -> Route:
    """Requests that the run waits for.

    Args:
        parts: of the run.
        client: of the model.
        sink: where outcomes go; None: to the work's.
        braked: what follows when the model brings nothing usable, for a person.
        questions: about more authors, asked as they are.
        chosen: why this route was chosen, if it was.
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
    groups = [Group(list(question.positions), question.complaint, question.trim) for question in questions]
    return OnlineRequests(asker, client, parts.work, parts.positions, groups, chosen)


def _by_batch_jobs(
    parts: Parts,
    jobs: BatchJobs,
    ledger: Callable[[], SpendLedger],
    client: Callable[[], Client],
    log: Callable[[str], None],
) -> Route:
    """Jobs that the provider works on while no run waits; online whom the rule of the settings gives no job."""
    settings, counts, kind = parts.settings, AskCounts(), batch_kind(parts.settings)
    money = _money(settings, ledger)

    def aside(positions: Sequence[int], questions: Sequence[Question]) -> Route:
        """Its end is not the run's."""
        route = online(replace(parts, positions=positions), client(), questions=questions)
        parts.work.outcomes.await_another()  # of a route that could be made
        return route

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
            route_rule(settings),
        ),
        collector=Collector(
            parts.work,
            parts.prompt,
            parts.checks,
            settings.protocol,
            kind.lines,
            parts.adapting,
            money.price_at,
            capped=money.cap is not None,
            redact=_redactor(settings),
            counts=counts,
            trust=_trust(parts),
        ),
        log=log,
        online=aside,
        notices=model_notices(settings),
    )


def route_rule(settings: Settings) -> RouteRule:
    """Which way requests go."""
    return RouteRule(
        settings.route,
        batch_factor(settings),
        settings.batch_min_requests,
        batch_kind(settings).limits.window_s,
        None if settings.deadline_h is None else settings.deadline_h * _HOUR_S,
        settings.batch_lacking,
    )


def _money(settings: Settings, ledger: Callable[[], SpendLedger]) -> Money:
    price, factor = configured_price(settings, by_batch=False), batch_factor(settings)
    if price is None or price.free:
        return Money(None, None, None, asked_as(settings), factor, free=price is not None)
    cap = None if settings.budget_usd is None else nano_of(settings.budget_usd)
    return Money(ledger(), price, cap, asked_as(settings), factor)


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
    most = min(limits.requests, settings.batch_max_requests or limits.requests)
    return JobLimits(most, limits.bytes, settings.batch_enqueued_tokens)


def batch_kind(settings: Settings) -> BatchKind:
    """What the provider's batch jobs are like. The settings refuse jobs where there are none."""
    return KINDS[settings.provider_of_batches or "openai"]


def batch_api(settings: Settings) -> BatchProvider:
    limits = TransportLimits(max_connections=_CONNECTIONS, deadline_s=_CALL_S)
    transport = build_transport(limits=limits, ca_file=settings.llm_ca_file)
    http = BatchHttp(transport, settings.llm_base_url, settings.protocol, settings.api_key, _redactor(settings))
    return batch_kind(settings).connect(http)


def batch_account(settings: Settings) -> str:
    """A hash of whose jobs they are."""
    return blake2b(repr((settings.llm_base_url, settings.api_key)).encode(), digest_size=16).hexdigest()


def _redactor(settings: Settings) -> Redactor:
    return Redactor(settings.api_key, *secret_leaves(settings.llm_extra_body))
