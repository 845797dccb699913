"""`make ui`: `dagster dev` (webserver, daemon, code server) with a request guard before the webserver.

    python -m summarizer_assets.ui --port 3000

Other options are passed to `dagster dev`, such as `-w workspace.yaml`. Ctrl-C ends all processes.
"""

import argparse
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from dagster._cli import dev

from summarizer_assets.command import opened
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.storage.errors import StorageError

_LOOKS_AGAIN_S = 0.3


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m summarizer_assets.ui", description="Open Dagster's UI.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1: this machine alone)")
    parser.add_argument("--port", type=int, default=3000, help="(3000)")
    given, others = parser.parse_known_args(arguments)
    try:
        opened(needs_tables=False)  # wrong settings are reported here instead of by a code location that does not load
    except (SettingsError, StorageError) as error:
        _refuse(str(error))
    address = (given.host, given.port)
    if _answers(address):
        _refuse(f"port {given.port} is taken: end what holds it, or choose another, as in `make ui PORT=3100`")
    # Dagster maps SIGTERM to SIGINT's handler, and a shell script ignores SIGINT for background processes.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_tell_when_it_answers, args=(address,), daemon=True).start()
    _guard_the_webserver()
    # It recommends another tool, which requires a certain project layout.
    warnings.filterwarnings("ignore", "Function `dev_command` is superseded")
    dev.dev_command.main(["--host", given.host, "--port", str(given.port), *others], prog_name=parser.prog)


def _refuse(why: str) -> NoReturn:
    sys.stderr.write(f"{why}\n")
    sys.exit(2)


def _guard_the_webserver() -> None:
    """Make `dagster dev` start our webserver module; it offers no option for the module's name."""
    names = vars(dev)
    start = names["open_ipc_subprocess"]

    def start_ours(parts: Sequence[str], **more: Any) -> Any:  # noqa: ANN401 - Dagster's own
        ours = ["summarizer_assets.ui.webserver" if part == "dagster_webserver" else part for part in parts]
        return start(ours, **more)

    names["open_ipc_subprocess"] = start_ours


def _answers(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=1):
            return True
    except OSError:
        return False


def _tell_when_it_answers(address: tuple[str, int]) -> None:
    while not _answers(address):
        time.sleep(_LOOKS_AGAIN_S)
    host, port = address
    shown = f"[{host}]" if ":" in host else host
    print(f"\n  Dagster's UI: http://{shown}:{port}  (Ctrl-C ends it)\n", flush=True)  # noqa: T201 - the command's word


if __name__ == "__main__":
    main()
