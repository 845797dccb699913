"""Dagster's development server (webserver, daemon, code server) with the request guard before the webserver."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dagster._cli import dev
from dagster_shared.cli import WorkspaceOpts

_LOOKS_AGAIN_S = 0.3


def serve(workspace: Path, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C, with the instance that DAGSTER_HOME names; `ready` gets the URL as soon as it answers."""
    # Dagster maps SIGTERM to SIGINT's handler, and a shell script ignores SIGINT for background processes.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_tell_when_it_answers, args=(host, port, ready), daemon=True).start()
    _guard_the_webserver()
    dev.dev_command_impl(
        code_server_log_level="warning",
        log_level="warning",
        log_format="colored",
        port=str(port),
        host=host,
        use_legacy_code_server_behavior=False,
        shutdown_pipe=None,
        verbose=False,
        workspace_opts=WorkspaceOpts(workspace=(str(workspace),)),
    )


def answers(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def _guard_the_webserver() -> None:
    """Make Dagster start our webserver; it offers no option for the module's name."""
    names = vars(dev)
    start = names["open_ipc_subprocess"]

    def start_ours(parts: Sequence[str], **more: Any) -> Any:  # noqa: ANN401 - Dagster's own
        ours: list[str] = []
        for part in parts:
            ours += ["summarizer_assets", "webserver"] if part == "dagster_webserver" else [part]
        return start(ours, **more)

    names["open_ipc_subprocess"] = start_ours


def _tell_when_it_answers(host: str, port: int, ready: Callable[[str], None]) -> None:
    while not answers(host, port):
        time.sleep(_LOOKS_AGAIN_S)
    shown = f"[{host}]" if ":" in host else host
    ready(f"http://{shown}:{port}")
