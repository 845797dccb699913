"""The wire: httpx's transport interface over aiohttp, whose cost a request does not grow with requests in flight.

Why not httpx's own pool: it walks all its connections for each request. What this one adds to aiohttp: a cap on the
body while it is read, packed and unpacked; one deadline for the whole request, since a read timeout starts anew with
every byte; errors as httpx's classes; the environment's proxies. Redirects are never followed, cookies never kept.
"""

import asyncio
import errno
import io
import ssl
import urllib.request
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL

from summarizer_assets.llm.http.body import Body, BodyTooBigError, headers_of_unpacked
from summarizer_assets.llm.http.resolver import Resolver, refuse_metadata
from summarizer_assets.llm.http.sockets import Sockets
from summarizer_assets.llm.http.turns import Turns

MiB = 1 << 20
#: An extension of a request: a function that gets the pieces of a successful reply's body, which is then empty.
SINK: Final = "sink"
_SINK_BYTES: Final = 4096 * MiB
_OK: Final = 200

_Message = MutableMapping[str, Any]
ASGIApp = Callable[
    [_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]], Awaitable[None]
]


class TlsError(httpx.ConnectError):
    """The server's certificate, or its TLS, is not acceptable: trying again cannot help."""


class ProxyRefusedError(httpx.ProxyError):
    """The proxy answered CONNECT with a status of its own, or (`status` None) is of a kind that cannot be used."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """Bounds of the transport. `deadline_s` runs from the start of connecting to the last byte of the body."""

    max_connections: int = 64
    deadline_s: float = 120.0
    connect_s: float = 10.0
    body_bytes: int = 32 * MiB


def build_transport(
    *, app: ASGIApp | None = None, limits: TransportLimits | None = None, ca_file: Path | None = None
) -> httpx.AsyncBaseTransport:
    """The transport to a provider: an ASGI application in this process when `app` is given, else the network.

    Args:
        app: the embedded provider.
        limits: connections, deadlines and body size.
        ca_file: certificate authorities (PEM) to trust instead of the usual ones (`SSL_CERT_FILE`, `SSL_CERT_DIR`, or
            certifi's), for a private one.
    """
    limits = limits or TransportLimits()
    return AiohttpTransport(limits, ca_file) if app is None else InProcessTransport(app, limits)


class InProcessTransport(httpx.AsyncBaseTransport):
    """httpx's ASGI transport under the same deadline and body cap as the network."""

    def __init__(self, app: ASGIApp, limits: TransportLimits) -> None:
        self._inner = httpx.ASGITransport(app)
        self._limits = limits

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = None
        try:
            async with asyncio.timeout(self._limits.deadline_s):
                response = await self._inner.handle_async_request(request)
        except TimeoutError:
            pass  # raised below, without this one as its context
        if response is None:
            raise httpx.ReadTimeout(f"no complete reply within {self._limits.deadline_s:g} s", request=request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        body = Body(self._limits.body_bytes, response.headers.get("content-encoding", ""))
        async for chunk in response.stream:
            body.feed(chunk)
        return httpx.Response(
            response.status_code, headers=headers_of_unpacked(response.headers.raw), content=body.finish()
        )


@dataclass(frozen=True, slots=True)
class _Route:
    """What is the same for all requests to one URL; the environment is read for it once."""

    asked: str
    url: URL
    proxy: URL | None
    ssl: ssl.SSLContext | bool


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Requests over a pool of kept-alive connections. The reply is read completely before it is returned.

    To be used within one event loop. Deadlines are the constructor's; httpx's `timeout` extension is not read.
    A cancelled request closes its connection at once.

    Raises:
        TlsError, ForbiddenAddressError, httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, ProxyRefusedError:
            nothing was sent.
        httpx.ReadTimeout: the deadline passed.
        BodyTooBigError, httpx.DecodingError: the body is over the cap, or not what its encoding says.
        httpx.ReadError, httpx.RemoteProtocolError: the connection broke, or spoke no proper HTTP.
    """

    def __init__(self, limits: TransportLimits, ca_file: Path | None = None) -> None:
        self._limits = limits
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None
        self._resolver: Resolver | None = None
        self._sockets = Sockets()
        self._route: _Route | None = None
        self._headers: tuple[list[tuple[bytes, bytes]], CIMultiDict[str]] | None = None
        self._turns = Turns()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        session = self._session or self._open()
        asked, route = str(request.url), self._route  # each request has a URL of its own, of the same text
        if route is None or route.asked != asked:
            route = self._route = self._route_to(request.url)
        # The stream of a request made from bytes can be read in place, without the coroutines of `aread`.
        content = b"".join(request.stream) if isinstance(request.stream, httpx.ByteStream) else await request.aread()
        failure: httpx.RequestError
        try:
            response = await session.request(
                request.method,
                route.url,
                data=content if len(content) < MiB else io.BytesIO(content),  # larger bytes would be sent in one go
                headers=self._headers_of(request),
                allow_redirects=False,
                proxy=route.proxy,
                ssl=route.ssl,
            )
            try:
                body = await self._read(response, request.extensions.get(SINK))
            except BaseException:  # the deadline, the cap, a cancellation: the rest of this reply must go nowhere
                response.close()
                raise
        except (aiohttp.ClientError, OSError, httpx.RequestError) as error:
            failure = _as_httpx(error, route, self._limits)
        else:
            await self._turns.wait()
            return httpx.Response(response.status, headers=headers_of_unpacked(response.raw_headers), content=body)
        # Raised outside the handler: aiohttp's errors carry the request with its key, and a context would keep them.
        failure.request = request
        raise failure

    async def aclose(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        await self._sockets.cut()
        if self._resolver is not None:
            await self._resolver.close()

    def _open(self) -> aiohttp.ClientSession:
        limits, self._resolver = self._limits, Resolver()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=limits.max_connections, resolver=self._resolver, socket_factory=self._sockets.open
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=limits.deadline_s, sock_connect=limits.connect_s),
            auto_decompress=False,  # unpacked here, under the cap
            skip_auto_headers=("User-Agent", "Content-Type", "Accept"),
        )
        return self._session

    def _route_to(self, url: httpx.URL) -> _Route:
        refuse_metadata(url.host, [url.host])  # no resolver sees an address, nor a name that a proxy is to find
        proxy = _proxy_for(url)
        secure = url.scheme == "https" or (proxy is not None and proxy.scheme == "https")
        context: ssl.SSLContext | bool = True
        if secure:
            known = self._route.ssl if self._route is not None else True
            context = known if isinstance(known, ssl.SSLContext) else _tls(self._ca_file)
        return _Route(str(url), URL(str(url), encoded=True), proxy, context)

    def _headers_of(self, request: httpx.Request) -> CIMultiDict[str]:
        raw = request.headers.raw
        if self._headers is None or self._headers[0] != raw:
            self._headers = (raw, CIMultiDict((name.decode("ascii"), value.decode("latin-1")) for name, value in raw))
        return self._headers[1]

    async def _read(self, response: aiohttp.ClientResponse, sink: Callable[[bytes], object] | None) -> bytes:
        wanted = sink if response.status == _OK else None
        cap = self._limits.body_bytes if wanted is None else _SINK_BYTES
        if (response.content_length or 0) > cap:
            raise BodyTooBigError(f"the reply announces {response.content_length:,} bytes; the cap is {cap:,}")
        body = Body(cap, response.headers.get("Content-Encoding", ""), wanted)
        async for chunk in response.content.iter_any():
            body.feed(chunk)
        return body.finish()


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    return httpx.create_ssl_context() if ca_file is None else ssl.create_default_context(cafile=str(ca_file))


def _proxy_for(url: httpx.URL) -> URL | None:
    """The proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name; none for loopback."""
    if _is_loopback(url.host):
        return None
    proxies = urllib.request.getproxies()
    address = proxies.get(url.scheme) or proxies.get("all")
    if not address or urllib.request.proxy_bypass(url.netloc.decode("ascii")):
        return None
    proxy = URL(address if "://" in address else f"http://{address}")
    if proxy.scheme not in {"http", "https"}:
        raise ProxyRefusedError(
            f"the environment names a {proxy.scheme} proxy ({proxy.host}:{proxy.port}), which is not supported; set "
            f"HTTPS_PROXY to an http proxy, or NO_PROXY={url.host}"
        )
    return proxy


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost" or host.endswith(".localhost")


def _as_httpx(error: Exception, route: _Route, limits: TransportLimits) -> httpx.RequestError:  # noqa: PLR0911 - a table
    """The error of httpx for aiohttp's, in own words: foreign texts may quote the request."""
    where = f"{route.url.host}:{route.url.port}"
    inner: BaseException = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    reason = _reason(inner)
    match error:
        case httpx.RequestError():
            return error
        case aiohttp.ClientHttpProxyError():
            return ProxyRefusedError(f"the proxy refused the connection to {where}: {error.status}", error.status)
        case aiohttp.ClientProxyConnectionError():
            assert route.proxy is not None
            return httpx.ProxyError(f"cannot reach the proxy {route.proxy.host}:{route.proxy.port}: {reason}")
        case _ if isinstance(inner, ssl.SSLError) and not isinstance(inner, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return TlsError(f"TLS with {where}: {reason}")
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout(f"no connection to {where} within {limits.connect_s:g} s")
        case TimeoutError():
            return httpx.ReadTimeout(f"no complete reply from {where} within {limits.deadline_s:g} s")
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError(f"cannot connect to {where}: {reason}")
        case aiohttp.ClientOSError() | OSError():
            return httpx.ReadError(f"the connection to {where} broke: {reason}")
        case _:
            return httpx.RemoteProtocolError(f"{where} broke off or spoke no proper HTTP: {reason}")


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return error.reason or type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno) or error.strerror or str(error.errno)
    return type(error).__name__
