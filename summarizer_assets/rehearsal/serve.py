"""The faulty provider as a server of its own.

    python -m summarizer_assets.rehearsal.serve --plan plan.json

Prints a first line of JSON with `base_url` and `control_url`; the latter answers even while the plan keeps the provider
shut. Control requests (see `control`): `GET /_control/record`, `GET /_control/stats`, `GET` and `POST /_control/plan`,
`POST /_control/heal`. A plan is the JSON of `plan.Plan`. SIGINT or SIGTERM ends the server.
"""

import argparse
import asyncio
import importlib
import signal
import ssl
import sys
from pathlib import Path

import msgspec

from summarizer_assets.llm.http.event_loop import loop_factory
from summarizer_assets.rehearsal.http_server import WireDoor
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.provider import FaultyProvider

_DEFAULT_ANSWER = "summarizer_assets.llm.embedded.app:answer"


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m summarizer_assets.rehearsal.serve",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="an IPv4 address")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--control-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--plan", type=Path, help="a JSON file; without one, all answers are right")
    parser.add_argument("--answer", default=_DEFAULT_ANSWER, help="module:function of the right provider")
    parser.add_argument("--certificate", type=Path, help="a PEM file: serve over TLS with it, be it expired")
    parser.add_argument("--key", type=Path, help="its PEM file, unless it is in the certificate's")
    chosen = parser.parse_args(arguments)
    plan = msgspec.json.decode(chosen.plan.read_bytes(), type=Plan) if chosen.plan else Plan()
    module, _, function = chosen.answer.partition(":")
    provider = FaultyProvider(getattr(importlib.import_module(module), function), plan)
    tls = None
    if chosen.certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(chosen.certificate, chosen.key)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(provider, chosen.host, chosen.port, chosen.control_port, tls))


async def _serve(provider: FaultyProvider, host: str, port: int, control_port: int, tls: ssl.SSLContext | None) -> None:
    door = WireDoor(provider, host=host, port=port, control_port=control_port, tls=tls)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    told = {"base_url": door.base_url, "control_url": door.control_url}
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    sys.stdout.flush()
    await ended.wait()
    door.close()


if __name__ == "__main__":
    main()
