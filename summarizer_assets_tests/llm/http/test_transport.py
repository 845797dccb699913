"""The wire against real servers that cut, stall, reset, lie about lengths, bomb, redirect, and against proxies."""

import asyncio
import contextlib
import gc
import gzip
import socket
import ssl
import threading
import traceback
import urllib.request
import zlib

import aiohttp
import httpx
import pytest
from aiohttp.abc import AbstractResolver

from summarizer_assets.llm.errors import RunFatal, StopCause
from summarizer_assets.llm.http.body import BodyTooBigError
from summarizer_assets.llm.http.event_loop import loop_factory
from summarizer_assets.llm.http.resolver import ForbiddenAddressError
from summarizer_assets.llm.http.transport import ProxyRefusedError, TlsError, TransportLimits, build_transport
from summarizer_assets_tests.llm.wire import GOOD, KEY, Asked, answering, ask, calling, reply, serving
from testing.certificates import certified

MIB = 1 << 20


@contextlib.asynccontextmanager
async def transport(**limits):
    made = build_transport(limits=TransportLimits(**{"deadline_s": 5.0, "connect_s": 1.0, "body_bytes": MIB} | limits))
    try:
        yield made
    finally:
        await made.aclose()


async def post(to, url, body=b"{}"):
    request = httpx.Request(
        "POST",
        httpx.URL(url),
        headers={"Authorization": f"Bearer {KEY}", "Accept-Encoding": "gzip, deflate"},
        stream=httpx.ByteStream(body),
    )
    return await to.handle_async_request(request)


async def outcome(answer, **limits):
    """The reply, or the error, of one request to a server that answers so."""
    async with serving(answer) as server, transport(**limits) as to:
        try:
            return await post(to, server.url)
        except httpx.RequestError as error:
            return error


def writing(*parts, pause=0.0, then="close"):
    async def answer(asked, writer):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        if then == "close":
            writer.close()
        elif then == "reset":
            writer.transport.abort()
        else:
            await asyncio.sleep(60)

    return answer


def chunked(body, *headers):
    head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n" + "".join(f"{line}\r\n" for line in headers)
    return f"{head}\r\n{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


def raw_deflate(body):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def bomb(wbits):
    """What unpacks to 200 MiB, or would, if anybody read it to its end: the same block of zeros again and again."""
    packer = zlib.compressobj(wbits=wbits)
    first, block = (packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + 199 * block


DRIP = [bytes([byte]) for byte in reply()]

FAULTS = {
    "a reset before the reply": (writing(then="reset"), httpx.ReadError | httpx.RemoteProtocolError),
    "a reset in the body": (writing(reply()[:-5], then="reset"), httpx.ReadError | httpx.RemoteProtocolError),
    "a close without a reply": (writing(), httpx.RemoteProtocolError),
    "a close within the headers": (writing(reply()[:30]), httpx.RemoteProtocolError),
    "a body shorter than announced": (writing(reply(GOOD, content_length="500")), httpx.RemoteProtocolError),
    "a chunk that never ends": (writing(chunked(GOOD)[:-9]), httpx.RemoteProtocolError),
    "a silent server": (writing(then="stall"), httpx.ReadTimeout),
    "a stall in the body": (writing(reply()[:-5], then="stall"), httpx.ReadTimeout),
    "a byte at a time": (writing(*DRIP, pause=0.02, then="stall"), httpx.ReadTimeout),
    "no HTTP at all": (writing(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), httpx.RemoteProtocolError),
    "garbage for a length": (writing(reply(GOOD, content_length="many")), httpx.RemoteProtocolError),
    "two lengths": (writing(reply(GOOD, Content_Length="5")), httpx.RemoteProtocolError),
    "a gzip bomb": (writing(reply(bomb(31), content_encoding="gzip"), then="stall"), BodyTooBigError),
    "a deflate bomb": (writing(reply(bomb(15), content_encoding="deflate"), then="stall"), BodyTooBigError),
    "a body announced above the cap": (writing(reply(b"x", content_length=str(10**9)), then="stall"), BodyTooBigError),
    "a chunked body above the cap": (writing(chunked(bytes(MIB + 1)), then="stall"), BodyTooBigError),
    "an endless body": (
        writing(b"HTTP/1.1 200 OK\r\n\r\n", *[bytes(MIB // 4)] * 8, then="stall"),
        BodyTooBigError,
    ),
    "gzip garbage": (writing(reply(GOOD, content_encoding="gzip")), httpx.DecodingError),
    "gzip cut short": (writing(reply(gzip.compress(GOOD)[:-9], content_encoding="gzip")), httpx.DecodingError),
    "gzip followed by more": (writing(reply(gzip.compress(GOOD) + b"x", content_encoding="gzip")), httpx.DecodingError),
    "an encoding nobody asked for": (writing(reply(GOOD, content_encoding="br")), httpx.DecodingError),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_the_wire_has_its_error(fault):
    answer, expected = FAULTS[fault]
    got = asyncio.run(outcome(answer, deadline_s=0.3))
    assert isinstance(got, expected), got
    assert got.__cause__ is None
    assert got.__context__ is None
    assert KEY not in "".join(traceback.format_exception(got)) + repr(got) + repr(got.args)


@pytest.mark.parametrize(
    "answer",
    [
        reply(),
        chunked(GOOD),
        reply(gzip.compress(GOOD), content_encoding="gzip"),
        reply(gzip.compress(GOOD), content_encoding="x-gzip"),
        chunked(gzip.compress(GOOD), "content-encoding: GZIP"),
        reply(zlib.compress(GOOD), content_encoding="deflate"),
        reply(raw_deflate(GOOD), content_encoding="deflate"),
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + GOOD,
    ],
)
def test_a_body_arrives_whole_and_unpacked_however_it_was_sent(answer):
    got = asyncio.run(outcome(writing(answer)))
    assert got.content == GOOD
    assert "content-encoding" not in got.headers


def test_a_body_of_exactly_the_cap_is_accepted():
    assert asyncio.run(outcome(writing(reply(bytes(MIB))))).content == bytes(MIB)


def test_a_redirect_is_returned_not_followed():
    async def main():
        async with serving(answering(reply())) as target:
            got = await outcome(answering(reply(b"", 307, location=target.url)))
            return got.status_code, target.asked

    assert asyncio.run(main()) == (307, [])


def test_a_refused_port_and_an_unknown_name_are_connect_errors():
    async def main():
        async with serving(answering(reply())) as server:
            url = server.url
        async with transport() as to:
            for bad in (url, "http://nowhere.invalid/v1"):
                with pytest.raises(httpx.ConnectError) as caught:
                    await post(to, bad)
                assert not isinstance(caught.value, TlsError)
                assert httpx.URL(bad).host in str(caught.value)

    asyncio.run(main())


def test_a_connection_that_is_never_accepted_is_a_connect_timeout():
    async def main():
        loop = asyncio.get_running_loop()
        listener = await loop.run_in_executor(None, _full_listener)
        with listener[0]:
            async with transport(connect_s=0.2) as to:
                with pytest.raises(httpx.ConnectTimeout):
                    await post(to, f"http://127.0.0.1:{listener[0].getsockname()[1]}/v1")
        for filler in listener[1]:
            filler.close()

    asyncio.run(main())


def _full_listener():
    """A listener whose queue is full: Linux drops further SYNs."""
    import socket  # noqa: PLC0415 - only here

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    return listener, fillers


@pytest.mark.parametrize(
    "first",
    [
        reply() + b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nSTRAY",
        reply() + b"stray bytes",
        reply(GOOD + b"more than announced", content_length=str(len(GOOD))),
        b"HTTP/1.1 100 Continue\r\n\r\n" + reply(),
        chunked(GOOD) + b"7\r\nstray!!\r\n0\r\n\r\n",
    ],
)
def test_nothing_of_one_reply_leaks_into_the_next(first):
    async def main():
        async with serving(answering(first, reply(b'"second"'))) as server, transport(max_connections=1) as to:
            got = []
            for _ in range(4):
                try:
                    got.append((await post(to, server.url)).content)
                except httpx.RemoteProtocolError:
                    got.append(b"refused: longer than announced")
                await asyncio.sleep(0.02)
            return got

    got = asyncio.run(main())
    assert got[0] in (GOOD, b"refused: longer than announced")
    assert set(got[1:]) <= {b'"second"', b"refused: longer than announced"}
    assert got[-1] == b'"second"'


def test_a_late_reply_to_a_cancelled_request_reaches_nobody_and_its_connection_is_closed_at_once():
    async def main():
        begun = asyncio.Event()

        async def answer(asked: Asked, writer):
            if asked.body == b"slow":
                writer.write(reply()[:40])
                await writer.drain()
                begun.set()
                await asyncio.sleep(60)
            writer.write(reply(b'"fast"'))

        async with serving(answer) as server, transport(max_connections=1) as to:
            slow = asyncio.ensure_future(post(to, server.url, b"slow"))
            await begun.wait()
            await asyncio.sleep(0.02)
            slow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await slow
            async with asyncio.timeout(2):
                fast = await post(to, server.url, b"fast")
                await server.gone.wait()
            return fast.content, [asked.connection for asked in server.asked]

    assert asyncio.run(main()) == (b'"fast"', [0, 1])


def test_connections_are_kept_and_never_more_than_allowed():
    async def main():
        async def answer(asked, writer):
            await asyncio.sleep(0.02)
            writer.write(reply())

        async with serving(answer) as server, transport(max_connections=4) as to:
            await asyncio.gather(*(post(to, server.url) for _ in range(40)))
            return {asked.connection for asked in server.asked}

    assert len(asyncio.run(main())) <= 4


def test_a_request_of_several_megabytes_arrives_whole():
    body = b"x" * (3 * MIB)

    async def main():
        async with serving(answering(reply())) as server, transport() as to:
            await post(to, server.url, body)
            return server.asked[0]

    asked = asyncio.run(main())
    assert asked.body == body
    assert asked.headers["content-length"] == str(len(body))


def test_cookies_are_not_kept():
    async def main():
        async with serving(answering(reply(set_cookie="session=1; Path=/"))) as server, transport() as to:
            await post(to, server.url)
            await post(to, server.url)
            return server.asked[1].headers

    assert "cookie" not in asyncio.run(main())


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    """A certificate for 127.0.0.1 and provider.test, from an authority of its own."""
    return certified(tmp_path_factory.mktemp("tls"), "provider.test")


def server_context(private):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(private.certificate, private.key)
    return context


async def over_tls(private, *, ca_file=None, host="127.0.0.1"):
    async with serving(answering(reply()), tls=server_context(private)) as server:
        to = build_transport(limits=TransportLimits(deadline_s=5), ca_file=ca_file)
        try:
            return await post(to, f"https://{host}:{server.port}/v1")
        finally:
            await to.aclose()


def test_a_certificate_nobody_vouches_for_is_a_tls_error(private):
    with pytest.raises(TlsError, match="certificate"):
        asyncio.run(over_tls(private))


def test_a_certificate_for_another_name_is_a_tls_error(private):
    with pytest.raises(TlsError, match="mismatch"):
        asyncio.run(over_tls(private, ca_file=private.authority, host="localhost"))


@contextlib.contextmanager
def mute_server(private):
    """A TLS server that reads requests and says nothing more, not even goodbye; yields its port."""
    kept, context = [], server_context(private)

    def serve(listener):
        with contextlib.suppress(OSError):  # the test is over
            while True:
                kept.append(listener.accept()[0])
                with contextlib.suppress(OSError):  # the client broke off in the handshake
                    kept.append(context.wrap_socket(kept[-1], server_side=True))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    for one in kept:
        one.close()


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.03, 0.1])
def test_requests_over_tls_that_are_broken_off_leave_nothing_open_in_the_loop(private, after_s):
    async def broken_off(port):
        to = build_transport(limits=TransportLimits(deadline_s=5), ca_file=private.authority)
        tasks = [asyncio.create_task(post(to, f"https://127.0.0.1:{port}/v1")) for _ in range(4)]
        await asyncio.sleep(after_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await to.aclose()

    with mute_server(private) as port:
        for _ in range(3):
            with asyncio.Runner(loop_factory=loop_factory()) as runner:  # closes the loop: EBUSY if anything is open
                runner.run(broken_off(port))
    gc.collect()  # a transport that was left open warns when it goes, and a warning fails the test


def test_a_private_authority_is_trusted_by_file_or_by_environment(private, monkeypatch):
    assert asyncio.run(over_tls(private, ca_file=private.authority)).content == GOOD
    monkeypatch.setenv("SSL_CERT_FILE", str(private.authority))
    assert asyncio.run(over_tls(private)).content == GOOD


def test_tls_spoken_to_a_server_without_it_is_a_tls_error():
    async def main():
        async def accept(reader, writer):
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(accept, "127.0.0.1", 0) as listener, transport() as to:
            await post(to, f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1")

    with pytest.raises(TlsError, match="WRONG_VERSION"):
        asyncio.run(main())


def test_a_server_that_hangs_up_during_the_handshake_is_worth_another_try():
    async def main():
        async def accept(reader, writer):
            await reader.read(1)
            writer.transport.abort()

        async with await asyncio.start_server(accept, "127.0.0.1", 0) as listener, transport() as to:
            await post(to, f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1")

    with pytest.raises(httpx.ConnectError) as caught:
        asyncio.run(main())
    assert not isinstance(caught.value, TlsError)


@contextlib.asynccontextmanager
async def proxy(port_behind, *, refuse=0):
    """An HTTP proxy: absolute URIs are answered by itself, CONNECT tunnels to `port_behind`, or is refused."""
    seen = []

    async def accept(reader, writer):
        line = (await reader.readuntil(b"\r\n\r\n")).decode()
        seen.append(line)
        if not line.startswith("CONNECT"):
            writer.write(reply(b'"by proxy"', connection="close"))
        elif refuse:
            writer.write(f"HTTP/1.1 {refuse} No\r\ncontent-length: 0\r\n\r\n".encode())
        else:
            behind, onward = await asyncio.open_connection("127.0.0.1", port_behind)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(_pump(reader, onward), _pump(behind, writer))
        writer.close()

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1], seen
    finally:
        listener.close()
        await listener.wait_closed()


async def _pump(source, target):
    with contextlib.suppress(ConnectionError):  # either side may hang up first
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


@pytest.fixture
def no_proxies(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


def test_a_plain_request_goes_through_the_proxy_of_the_environment(no_proxies):
    async def main():
        async with proxy(0) as (port, seen), transport() as to:
            no_proxies.setenv("HTTP_PROXY", f"http://user:pass@127.0.0.1:{port}")
            return (await post(to, "http://provider.test/v1")).content, seen

    content, seen = asyncio.run(main())
    assert content == b'"by proxy"'
    assert seen[0].startswith("POST http://provider.test/v1 ")
    assert "Proxy-Authorization: Basic" in seen[0]


def test_the_environment_is_read_once_for_an_address_and_not_for_each_request(no_proxies):
    reads = []
    read = urllib.request.getproxies
    no_proxies.setattr(urllib.request, "getproxies", lambda: reads.append(1) or read())

    async def main():
        async with proxy(0) as (port, seen), transport() as to:
            no_proxies.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
            for _ in range(3):
                await post(to, "http://provider.test/v1")
            first = len(reads)
            await post(to, "http://other.test/v1")
            return first, len(reads), len(seen)

    assert asyncio.run(main()) == (1, 2, 4)


def test_a_secure_request_is_tunnelled_and_the_proxy_never_sees_the_key(no_proxies, private):
    async def main():
        async with (
            serving(answering(reply()), tls=server_context(private)) as server,
            proxy(server.port) as (port, seen),
        ):
            no_proxies.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
            to = build_transport(limits=TransportLimits(deadline_s=5), ca_file=private.authority)
            try:
                return (await post(to, "https://provider.test/v1")).content, seen
            finally:
                await to.aclose()

    content, seen = asyncio.run(main())
    assert content == GOOD
    assert seen[0].startswith("CONNECT provider.test:443 ")
    assert KEY not in seen[0]


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_refuses_is_told_apart(no_proxies, status):
    async def main():
        async with proxy(0, refuse=status) as (port, _), transport() as to:
            no_proxies.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
            await post(to, "https://provider.test/v1")

    with pytest.raises(ProxyRefusedError) as caught:
        asyncio.run(main())
    assert caught.value.status == status


def test_an_unreachable_proxy_is_named_without_its_password(no_proxies):
    async def main():
        async with proxy(0) as (port, _):
            pass
        no_proxies.setenv("HTTPS_PROXY", f"http://user:canary-pass@127.0.0.1:{port}")
        async with transport() as to:
            await post(to, "https://provider.test/v1")

    with pytest.raises(httpx.ProxyError, match=r"proxy 127\.0\.0\.1") as caught:
        asyncio.run(main())
    assert "canary-pass" not in "".join(traceback.format_exception(caught.value))


def test_no_proxy_and_loopback_go_directly(no_proxies):
    async def main():
        no_proxies.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        async with serving(answering(reply())) as server, transport() as to:
            direct = (await post(to, server.url)).content
        no_proxies.setenv("NO_PROXY", "nowhere.invalid")
        async with transport() as to:
            with pytest.raises(httpx.ConnectError, match=r"nowhere\.invalid"):
                await post(to, "http://nowhere.invalid/v1")
        return direct

    assert asyncio.run(main()) == GOOD


def test_a_socks_proxy_is_refused_with_the_remedy(no_proxies):
    no_proxies.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")

    async def main():
        async with transport() as to:
            await post(to, "https://provider.test/v1")

    with pytest.raises(ProxyRefusedError, match=r"socks5 proxy.*NO_PROXY"):
        asyncio.run(main())


async def echo(scope, receive, send):
    """An ASGI application that returns the body it got; asked for `/stall`, it never does."""
    message = await receive()
    if scope["path"] == "/stall":
        await asyncio.sleep(60)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": message["body"]})


def test_an_application_in_this_process_has_the_same_deadline_and_cap():
    async def main():
        to = build_transport(app=echo, limits=TransportLimits(deadline_s=0.1, body_bytes=100))
        assert (await post(to, "http://embedded/v1", b"hello")).content == b"hello"
        with pytest.raises(BodyTooBigError):
            await post(to, "http://embedded/v1", b"x" * 101)
        with pytest.raises(httpx.ReadTimeout):
            await post(to, "http://embedded/stall")
        await to.aclose()

    asyncio.run(main())


# Where a name leads.


class Leading(AbstractResolver):
    """Every name leads to `addresses`: names of the internet do not resolve where the tests run."""

    def __init__(self, *addresses):
        self.addresses, self.asked = addresses, []

    async def resolve(self, host, port=0, family=0):
        self.asked.append(host)
        found = {"hostname": host, "port": port, "family": family, "proto": 0, "flags": 0}
        return [{**found, "host": address} for address in self.addresses]

    async def close(self):
        pass


@pytest.mark.parametrize(
    "addresses",
    [
        ["169.254.169.254"],
        ["127.0.0.1", "169.254.169.254"],  # the next connection may go to the other
        ["::ffff:169.254.169.254"],
        ["64:ff9b::a9fe:a9fe"],
        ["fd00:ec2::254"],
        ["fe80::1"],
        ["100.100.100.200"],
    ],
)
def test_a_name_that_leads_to_a_metadata_service_is_refused_before_anything_is_sent(monkeypatch, addresses):
    async def main():
        monkeypatch.setattr(aiohttp, "DefaultResolver", lambda: Leading(*addresses))
        async with serving(answering(reply())) as server, calling(f"http://model.example:{server.port}/v1") as client:
            try:
                await ask(client)
            except RunFatal as error:
                return error, client.counters.sent, server.asked

    error, sent, asked = asyncio.run(main())
    assert (error.cause, sent, asked) == (StopCause.BASE_URL, 1, [])
    assert "model.example leads to" in error.message
    assert "metadata service" in error.message


def test_a_name_that_leads_into_the_house_is_asked(monkeypatch):
    async def main():
        monkeypatch.setattr(aiohttp, "DefaultResolver", lambda: Leading("127.0.0.1"))
        async with serving(answering(reply())) as server, transport() as to:
            return (await post(to, f"http://model.example:{server.port}/v1")).status_code

    assert asyncio.run(main()) == 200


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.43518", "[::ffff:a9fe:a9fe]", "metadata.goog."]
)
def test_an_address_of_a_metadata_service_is_refused_also_with_a_proxy_that_would_find_it(no_proxies, host):
    async def main():
        async with proxy(0) as (port, seen), transport() as to:
            no_proxies.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
            with pytest.raises(ForbiddenAddressError, match="metadata service"):
                await post(to, f"http://{host}/v1")
            return seen

    assert not asyncio.run(main())
