"""Where a provider's name leads: to any address but a cloud's metadata service."""

import socket
from collections.abc import Iterable

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult

from summarizer_assets.endpoint.metadata import metadata_service


class ForbiddenAddressError(httpx.ConnectError):
    """The provider's host is a cloud's metadata service, by its text or by where it leads. Nothing is sent."""


def refuse_metadata(host: str, addresses: Iterable[str]) -> None:
    """Before anything is sent to `host`.

    Raises:
        ForbiddenAddressError: one of `addresses` is a metadata service: the next connection may go to that one.
    """
    for address in addresses:
        if (service := metadata_service(address)) is not None:
            where = host if host == address else f"{host} leads to {address}, which"
            raise ForbiddenAddressError(f"{where} is {service}: nothing is sent there")


class Resolver(AbstractResolver):
    """The usual one, whose every answer is looked at: a name may lead elsewhere than when it was set."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or aiohttp.DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises: ForbiddenAddressError, and what the usual one does."""
        found = await self._inner.resolve(host, port, family)
        refuse_metadata(host, [result["host"] for result in found])
        return found

    async def close(self) -> None:
        await self._inner.close()
