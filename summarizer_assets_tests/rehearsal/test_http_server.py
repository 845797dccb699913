"""The raw door: each fault of the wire is seen by a client that looks at bytes."""

import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from summarizer_assets.rehearsal.body_faults import gzip_bomb
from summarizer_assets.rehearsal.plan import FAULTS, NUMBERS, OF_THE_WIRE, Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.rehearsal.wire_faults import HUGE
from summarizer_assets_tests.rehearsal.sockets import Got, Wire, records, request_bytes
from testing.provider import answer, control, request_for, serving, serving_both

RIGHT = answer(request_for(*records("a", "b")))


def eventually(condition: Callable[[], bool], patience_s: float = 10.0) -> None:
    until = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.01)


def faulty(fault: str, **rule: object) -> FaultyProvider:
    return FaultyProvider(answer, Plan(rules=(Rule(fault, share=1, **rule),)))  # type: ignore[arg-type] # one rule's fields


def seen(fault: str, **rule: object) -> Got:
    """What a client gets that asks for two authors."""
    with serving(faulty(fault, **rule)) as url, Wire(url) as wire:
        return wire.ask("a", "b").read()


# What it does right.


def test_a_kept_alive_connection_serves_one_request_after_the_other():
    provider = FaultyProvider(answer)
    with serving(provider) as url, Wire(url) as wire:
        bodies = [wire.ask("a", "b").reply().body for _ in range(3)]
    assert bodies == [RIGHT] * 3
    assert provider.stats()["connections"] == 1


def test_requests_sent_at_once_are_answered_in_their_order():
    with serving(FaultyProvider(answer, Plan(latency_spread_s=0.05))) as url, Wire(url) as wire:
        wire.send(request_bytes("a") + request_bytes("b") + request_bytes("c"))
        got = wire.read().data
    places = [got.index(f'\\"author_id\\": \\"{one}\\"'.encode()) for one in "abc"]
    assert places == sorted(places)


def test_a_request_in_small_pieces_or_in_chunks_or_announced_is_understood():
    body = request_for(*records("a", "b"))
    with serving(FaultyProvider(answer)) as url:
        with Wire(url) as wire:
            for byte in request_bytes("a", "b"):
                wire.send(bytes((byte,)))
            assert wire.reply().body == RIGHT
        with Wire(url) as wire:
            head = b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
            wire.send(head + b"a\r\n" + body[:10] + b"\r\n%x;x=y\r\n" % len(body[10:]) + body[10:] + b"\r\n0\r\n\r\n")
            assert wire.reply().body == RIGHT
        with Wire(url) as wire:
            head, _, rest = request_bytes("a", "b", headers="expect: 100-continue\r\n").partition(b"\r\n\r\n")
            assert wire.send(head + b"\r\n\r\n").read().data == b"HTTP/1.1 100 Continue\r\n\r\n"
            assert wire.send(rest).reply().body == RIGHT


def test_a_client_that_wants_the_connection_closed_gets_it_closed():
    with serving(FaultyProvider(answer)) as url, Wire(url) as wire:
        got = wire.send(request_bytes("a", "b", headers="connection: close\r\n")).read(quiet_s=5)
    assert (got.body, got.ended) == (RIGHT, "eof")


@pytest.mark.parametrize("nonsense", [b"hello\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n"])
def test_what_is_no_request_is_refused(nonsense):
    with serving(FaultyProvider(answer)) as url, Wire(url) as wire:
        got = wire.send(nonsense).read(quiet_s=5)
    assert (got.status, got.ended) == (400, "eof")


# Faults.


def test_every_fault_of_the_wire_is_looked_at_here():
    source = Path(__file__).read_text(encoding="utf-8")
    assert [fault for fault in OF_THE_WIRE if f'"{fault}"' not in source] == []
    assert {fault for number in (53, 54, 55, 56, 57, 58) for fault in NUMBERS[number]} <= OF_THE_WIRE <= FAULTS


def test_nothing_comes_at_all():
    got = seen("stall")
    assert (got.data, got.ended) == (b"", "open")


def test_half_of_the_body_comes_and_then_nothing():
    got = seen("stall_in_body")
    assert int(got.head["content-length"]) == len(RIGHT)
    assert (got.body, got.ended) == (RIGHT[: len(RIGHT) // 2], "open")


def test_one_byte_comes_at_a_time():
    with serving(faulty("slow_loris", seconds=0.02)) as url, Wire(url) as wire:
        wire.ask("a", "b")
        pieces = [wire.socket.recv(1 << 16) for _ in range(20)]
        rest = wire.read(quiet_s=2, most=100)
    assert max(map(len, pieces)) <= 3  # a reader that is late finds two
    assert (b"".join(pieces) + rest.data).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("fault", "part"),
    [
        ("reset", "nothing"),
        ("reset_in_head", "part of the head"),
        ("reset_after_head", "head"),
        ("reset_in_body", "half"),
    ],
)
def test_the_connection_is_reset_at_every_point(fault, part):
    got = seen(fault)
    assert got.ended == "reset"
    whole_head = got.data.endswith(b"\r\n\r\n")
    told = {
        "nothing": got.data == b"",
        "part of the head": got.data.startswith(b"HTTP/1.1") and b"\r\n\r\n" not in got.data,
        "head": whole_head and int(got.head.get("content-length", 0)) == len(RIGHT),
        "half": got.body == RIGHT[: len(RIGHT) // 2] != b"",
    }
    assert told[part]


def test_the_connection_is_closed_before_a_byte():
    assert seen("close") == Got(b"", "eof")


def test_a_kept_alive_connection_is_broken_when_the_next_request_comes():
    provider = faulty("close_kept_alive")
    with serving(provider) as url, Wire(url) as wire:
        assert wire.ask("a", "b").reply().body == RIGHT
        time.sleep(0.1)
        got = wire.ask("a", "b").read()
        assert (got.data, got.ended) == (b"", "reset")
    assert len(provider.entries) == 1
    assert provider.stats()["closed_under_a_request"] == 1


def test_a_body_is_shorter_than_announced():
    got = seen("short_body")
    assert got.ended == "eof"
    assert len(got.body) < int(got.head["content-length"]) == len(RIGHT)


def test_a_body_is_longer_than_announced_and_what_is_left_over_looks_like_a_reply():
    got = seen("long_body")
    assert int(got.head["content-length"]) == len(RIGHT)
    assert got.body.startswith(RIGHT + b"HTTP/1.1 200 OK\r\n")


def test_a_length_cuts_the_body():
    got = seen("length_too_small")
    assert got.body == RIGHT
    assert int(got.head["content-length"]) == len(RIGHT) // 2


def test_a_huge_body_goes_on_as_long_as_it_is_read_and_costs_the_server_no_memory():
    provider = faulty("huge_body")
    with serving(provider) as url:
        with Wire(url) as wire:
            got = wire.ask("a").read(quiet_s=5, most=50_000_000)
        assert int(got.head["content-length"]) == HUGE
        assert len(got.body) >= 49_000_000
        assert not any(got.body[:1_000_000])
        eventually(lambda: provider.stats()["in_flight"] == 0)
    [entry] = provider.entries
    assert (entry.status, entry.answered_s) == (200, None)


def test_a_huge_body_in_chunks_announces_no_length():
    with serving(faulty("huge_body_in_chunks")) as url, Wire(url) as wire:
        got = wire.ask("a").read(quiet_s=5, most=5_000_000)
    assert "content-length" not in got.head
    assert got.head["transfer-encoding"] == "chunked"
    assert got.body.startswith(b"100000\r\n\0\0")
    assert len(got.body) > 4_000_000


def test_chunks_end_too_early():
    got = seen("chunks_cut")
    size, _, rest = got.body.partition(b"\r\n")
    assert (int(size, 16), got.ended) == (len(RIGHT) // 2, "eof")
    assert rest == RIGHT[: len(RIGHT) // 2] + b"\r\n"


def test_what_comes_is_not_http():
    got = seen("no_http")
    assert got.ended == "eof"
    assert not got.data.startswith(b"HTTP/")


def test_a_reply_has_no_headers():
    assert seen("no_headers") == Got(b"HTTP/1.1 200 OK\r\n\r\n" + RIGHT, "eof")


def test_a_head_is_huge():
    with serving(faulty("huge_head")) as url, Wire(url) as wire:
        got = wire.ask("a", "b").read()
    assert got.body == RIGHT
    assert len(got.head["x-padding"]) == 1 << 20


def test_garbage_and_bombs_are_named_gzip():
    gzip_bomb()  # made once, in longer than the client here waits for a byte
    garbage, bomb = seen("gzip_garbage"), seen("gzip_bomb")
    assert garbage.head["content-encoding"] == bomb.head["content-encoding"] == "gzip"
    assert garbage.body[:2] != b"\x1f\x8b" == bomb.body[:2]
    assert len(bomb.body) < 1_000_000


# A door that is shut.


def test_connections_are_refused_for_a_time_and_those_that_stand_are_broken():
    provider = FaultyProvider(answer)
    with serving_both(provider) as served, Wire(served.base_url) as idle:
        assert idle.ask("a").reply().status == 200
        plan = b'{"rules":[{"fault":"refuse","authors":["bad"],"seconds":1000}]}'
        control(served.control_url, "plan", plan)
        with Wire(served.base_url) as wire:
            assert wire.ask("bad").read(quiet_s=5).ended == "reset"
        assert idle.read(quiet_s=5).ended in {"eof", "reset"}
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                Wire(served.base_url)
        assert control(served.control_url, "heal", b"").status_code == 200
        eventually(lambda: connects(served.base_url))
        with Wire(served.base_url) as wire:
            assert wire.ask("bad").reply().status == 200
    assert [entry.fault for entry in provider.entries] == [None, "refuse", None]
    assert provider.entries[1].status is None


def connects(base_url: str, timeout: float = 0.3) -> bool:
    try:
        Wire(base_url, timeout).close()
    except (ConnectionRefusedError, TimeoutError):
        return False
    return True


def test_a_refusing_door_opens_again_by_itself():
    with serving(faulty("refuse", heal_after_requests=1, seconds=0.3)) as url:
        assert not connects(url)  # a rule that covers everything holds before the first request
        eventually(lambda: connects(url))


def test_connections_are_not_accepted_for_a_time():
    provider = faulty("no_accept", seconds=1000)
    with serving_both(provider) as served:
        eventually(lambda: not connects(served.base_url))
        assert not connects(served.base_url)
        provider.heal()
        eventually(lambda: connects(served.base_url, 3.0))
        with Wire(served.base_url) as wire:
            assert wire.ask("a", "b").reply().body == RIGHT


def test_another_plan_opens_the_door():
    provider = faulty("refuse", seconds=1000)
    with serving_both(provider) as served:
        eventually(lambda: not connects(served.base_url))
        control(served.control_url, "plan", b"{}")
        eventually(lambda: connects(served.base_url))


# TLS.


@pytest.mark.parametrize(
    ("to_tls", "first"), [("garbage", b"HTTP/1.1 400"), ("alert", b"\x15\x03\x03\x00\x02\x02\x28"), ("reset", b"")]
)
def test_a_client_that_speaks_tls_to_a_plain_port_gets_what_the_plan_says(to_tls, first):
    provider = FaultyProvider(answer, Plan(to_tls=to_tls))
    with serving(provider) as url:
        with Wire(url) as wire:
            got = wire.send(bytes((22, 3, 1, 0, 200)) + bytes(200)).read(quiet_s=5)
        assert got.data.startswith(first)
        assert got.ended == "reset" if to_tls == "reset" else got.ended in {"eof", "reset"}
        with Wire(url) as wire, pytest.raises(OSError, match=r"(?i)ssl|reset"):
            ssl.create_default_context().wrap_socket(wire.socket, server_hostname="provider")
    assert provider.stats()["tls_failures"] == 2


def test_it_serves_tls_and_counts_clients_that_refuse_its_certificate(tmp_path):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=provider.test"
    names = "subjectAltName=IP:127.0.0.1"
    subprocess.run(
        ["openssl", *made.split(), "-addext", names, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    provider = FaultyProvider(answer)
    with serving_both(provider, tls) as served:
        assert served.base_url.startswith("https://")
        with pytest.raises(httpx.ConnectError, match="self-signed"):
            httpx.get(f"{served.base_url}/models")
        eventually(lambda: provider.stats()["tls_failures"] == 1)
        trusting = ssl.create_default_context(cafile=str(certificate))
        assert httpx.get(f"{served.base_url}/models", verify=trusting).status_code == 200
        assert control(served.control_url, "stats").json()["models_asked"] == 1


# The client goes.


def test_a_client_that_hangs_up_leaves_nothing_behind_and_its_answer_is_billed_in_vain():
    provider = FaultyProvider(answer, Plan(latency_s=1000))
    with serving(provider) as url:
        with Wire(url) as wire:
            wire.ask("a", "b")
            eventually(lambda: provider.stats()["in_flight"] == 1)
        eventually(lambda: provider.stats()["in_flight"] == 0)
    [entry] = provider.entries
    usage = json.loads(RIGHT)["usage"]
    assert (entry.status, entry.answered_s, entry.completion_tokens) == (None, None, usage["completion_tokens"])
    stats = provider.stats()
    assert stats["wasted_prompt_tokens"] == stats["prompt_tokens"] == usage["prompt_tokens"]


def test_a_listening_port_is_free_again_after_the_end():
    with serving(FaultyProvider(answer)) as url:
        port = int(url.split(":")[2].removesuffix("/v1"))
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))
