"""The providers of batch jobs that are spoken to here: their names, hosts and prices."""

from typing import Final, Literal, NamedTuple, get_args
from urllib.parse import urlsplit

BatchProviderName = Literal["openai", "azure", "groq", "mistral", "together", "anthropic", "gemini"]
#: Whose requests are not of the protocol `openai`.
_PROTOCOLS: Final[dict[BatchProviderName, str]] = {"anthropic": "anthropic", "gemini": "gemini"}


#: In whose jobs tokens from the cache cost as much as elsewhere: ai.google.dev/gemini-api/docs/batch-api.
CACHED_IN_FULL: Final[frozenset[BatchProviderName]] = frozenset({"gemini"})


class _Host(NamedTuple):
    """`factor`: the price of tokens in its jobs, as a part of the other; None: not known, or not the same for all."""

    provider: BatchProviderName
    factor: float | None


#: By each provider's page on batches. A leading dot stands for any name before it.
_HOSTS: Final[dict[str, _Host]] = {
    "api.openai.com": _Host("openai", 0.5),
    ".openai.azure.com": _Host("azure", 0.5),
    ".cognitiveservices.azure.com": _Host("azure", 0.5),
    ".services.ai.azure.com": _Host("azure", 0.5),
    "api.groq.com": _Host("groq", None),  # three quarters or a half, by the page's age
    "api.mistral.ai": _Host("mistral", 0.5),
    "api.together.xyz": _Host("together", None),  # a half, of some models
    "api.together.ai": _Host("together", None),
    "api.anthropic.com": _Host("anthropic", 0.5),
    "generativelanguage.googleapis.com": _Host("gemini", 0.5),
}


def protocol_of_batches(name: BatchProviderName) -> str:
    """The protocol of the requests in the provider's jobs."""
    return _PROTOCOLS.get(name, "openai")


def batch_provider(name: BatchProviderName | None, protocol: str, base_url: str) -> BatchProviderName | None:
    """The provider of this name; None: the one of the base URL's host, or else of the protocol.

    Returns None where nobody takes batch jobs of this protocol.
    """
    if name is not None:
        return name
    host = _host(base_url)
    if host is not None and protocol_of_batches(host.provider) == protocol:
        return host.provider
    return next((found for found in get_args(BatchProviderName) if found == protocol), None)


def usual_factor(name: BatchProviderName | None, base_url: str) -> float | None:
    """The price of tokens in a job of this provider there, as a part of what they cost otherwise; None: not known."""
    host = _host(base_url)
    return None if host is None or host.provider != name else host.factor


def usual_factor_at(host: str | None) -> float | None:
    """The same of the provider at a host; None: not known, or it is none of these."""
    found = _HOSTS.get(host or "")
    return None if found is None else found.factor


def _host(base_url: str) -> _Host | None:
    name = urlsplit(base_url).hostname or ""
    return next(
        (found for host, found in _HOSTS.items() if name == host or (host[0] == "." and name.endswith(host))), None
    )
