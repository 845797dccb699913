"""`summarizer serve-faults`: the provider that fails on purpose, as a server.

It knows no tables, so it takes no `--root`, and it imports none of the package that does: many are started in a test.
"""

import importlib
import json
import ssl
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from summarizer_assets.cli.plan_file import PLAN_FILE
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.rehearsal.serve import Served, serve

_FILE: Any = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="An IPv4 address.")
@click.option("--port", type=int, default=0, help="0 takes a free one.")
@click.option("--control-port", type=int, default=0, help="The same for the control address.")
@click.option("--plan", type=PLAN_FILE, help="What goes wrong, a JSON file; without one, all answers are right.")
@click.option(
    "--answer",
    default="summarizer_assets.llm.embedded.app:answer",
    metavar="MODULE:FUNCTION",
    help="The provider of the right answers.",
)
@click.option("--certificate", type=_FILE, help="A PEM file: serve over TLS with it, be it expired.")
@click.option("--key", type=_FILE, help="Its PEM file, unless it is in the certificate's.")
@click.option("--json", "as_json", is_flag=True, help="Print the addresses as JSON, for programs.")
def command(
    *,
    host: str,
    port: int,
    control_port: int,
    plan: Plan | None,
    answer: str,
    certificate: Path | None,
    key: Path | None,
    as_json: bool,
) -> None:
    """Serve a provider that fails on purpose, until Ctrl-C.

    Its first line says where. The control address answers even while the plan keeps the provider shut: GET
    /_control/record and /_control/stats tell what was asked, POST /_control/plan changes the plan, POST /_control/heal
    ends all faults.

    \b
    Example: summarizer serve-faults --port 8080 --plan plan.json
    """
    module, _, function = answer.partition(":")
    provider = FaultyProvider(getattr(importlib.import_module(module), function), plan or Plan())
    tls = None
    if certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate, key)

    def told(served: Served) -> None:
        line = json.dumps(asdict(served))
        if not as_json:
            line = f"SUMMARIZER_LLM_BASE_URL={served.base_url}   control: {served.control_url}   (Ctrl-C ends it)"
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    serve(provider, told, host=host, port=port, control_port=control_port, tls=tls)
