"""Construction of requests and of the provider client: pace shared by all runs, spending booked in the ledger."""

import hashlib
import json
from collections.abc import Callable

from summarizer_assets.core.money.amounts import Price, nano_of
from summarizer_assets.core.money.spending import Spending
from summarizer_assets.core.prompt.tokens import expected_output_tokens
from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.llm.backoff import Tries
from summarizer_assets.llm.budget.leased_purse import LeasedPurse
from summarizer_assets.llm.budget.purse import FreePurse, Purse
from summarizer_assets.llm.client import Client
from summarizer_assets.llm.embedded.app import create_app
from summarizer_assets.llm.errors import secret_leaves
from summarizer_assets.llm.http.descriptors import Room, room_for
from summarizer_assets.llm.http.transport import TransportLimits, build_transport
from summarizer_assets.llm.rate.account import Keeper
from summarizer_assets.llm.rate.pacer import Pacer
from summarizer_assets.llm.request_builder import RequestBuilder
from summarizer_assets.settings import Settings
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.rate_limits import SharedAccount, account_key
from summarizer_assets.storage.state_db.run_account import RunAccount

_EMBEDDED_URL = "http://embedded/v1"


def asked_as(settings: Settings) -> str:
    """A hash of the model and its request settings, by which excess cost of requests is recorded."""
    facts = (settings.provider_key, settings.model, json.dumps(settings.llm_extra_body, sort_keys=True))
    return hashlib.blake2b(repr(facts).encode(), digest_size=8).hexdigest()


def builder_of(settings: Settings, system: str) -> RequestBuilder:
    """Of the requests of the configured model. `system`: their constant first message."""
    return RequestBuilder(
        settings.protocol,
        settings.model,
        system,
        expected_output_tokens(settings.words),
        settings.most_output_tokens or settings.max_output_tokens,
        settings.llm_extra_body,
    )


def client_of(
    settings: Settings,
    price: Price | None,
    account: Callable[[], RunAccount],
    *,
    database: Database,
    active_runs: Callable[[], int],
) -> Client:
    """A client for one run.

    Args:
        settings: the provider, its limits and the budget.
        price: price of the model; None if it is unknown and no budget is set.
        account: returns the run's ledger account; called only if there is a price.
        database: the state database with the account's limits for all hosts.
        active_runs: returns the number of runs that share them now.
    """
    room = Room(settings.max_in_flight) if settings.embedded else room_for(settings.max_in_flight)
    client = Client(
        build_transport(
            app=create_app() if settings.embedded else None,
            limits=TransportLimits(
                max_connections=room.in_flight + 1,  # one extra for the list of models, so that no request waits for it
                deadline_s=settings.request_timeout_s,
            ),
            ca_file=settings.llm_ca_file,
        ),
        _EMBEDDED_URL if settings.embedded else settings.llm_base_url,
        settings.protocol,
        Pacer(
            room.in_flight,
            RateLimits(settings.rpm, settings.tpm),
            keeper=_keeper(settings, database, active_runs),
        ),
        model=settings.model,
        purse=_purse(settings, price, account),
        api_key=settings.api_key,
        secrets=secret_leaves(settings.llm_extra_body),
        tries=Tries(no_progress_s=settings.no_progress_s),
    )
    if room.told:
        client.counters.notices.append(room.told)
    return client


def _keeper(settings: Settings, database: Database, active_runs: Callable[[], int]) -> Keeper | None:
    """The shared limiter of the provider account; None for the embedded provider without configured limits."""
    limits = RateLimits(settings.rpm, settings.tpm)
    if settings.embedded and not limits.known:
        return None
    account = account_key(settings.llm_base_url, settings.model, settings.api_key)
    return SharedAccount(database, account, limits, active_runs)


def _purse(settings: Settings, price: Price | None, account: Callable[[], RunAccount]) -> Purse:
    if price is None:
        return FreePurse()
    if price.free:
        return FreePurse(Spending())
    cap = None if settings.budget_usd is None else nano_of(settings.budget_usd)
    return LeasedPurse(account(), price, cap, outage=StorageError)
