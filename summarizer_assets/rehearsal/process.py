"""Start and control of the faulty provider in a process of its own, through its control interface."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec

from summarizer_assets.rehearsal.control import PREFIX
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.request_log import Entry

_PATIENCE_S = 60.0  # fetching a log of a hundred thousand requests takes a while
_entries = msgspec.json.Decoder(list[Entry])


class ProviderError(RuntimeError):
    """The provider's process did not start."""


@dataclass(frozen=True)
class ProviderProcess:
    """A running provider. Its control interface answers even while the plan keeps the provider shut."""

    base_url: str
    control_url: str

    def record(self) -> list[Entry]:
        """The newest requests with their outcomes."""
        return _entries.decode(self._ask("GET", "record"))

    def stats(self) -> dict[str, Any]:
        """Counts of all requests; see `Record.stats`."""
        found: dict[str, Any] = msgspec.json.decode(self._ask("GET", "stats"))
        return found

    def batches(self) -> dict[str, Any]:
        """All batch jobs, what was billed for them, and their answered lines as entries of `record`, with counts."""
        found: dict[str, Any] = msgspec.json.decode(self._ask("GET", "batches"))
        return found | {"record": msgspec.convert(found["record"], list[Entry])}

    def wait(self, seconds: float) -> None:
        """Put the clock of the batch service forward."""
        self._ask("POST", "clock", msgspec.json.encode({"seconds": seconds}))

    def use(self, plan: Plan) -> None:
        """Switch to another plan."""
        self._ask("POST", "plan", msgspec.json.encode(plan))

    def heal(self) -> None:
        """Drop all rules."""
        self._ask("POST", "heal")

    def _ask(self, method: str, what: str, body: bytes = b"") -> bytes:
        url = self.control_url.removesuffix("/v1") + PREFIX + what
        # Loopback: proxies of the environment are ignored.
        with httpx.Client(trust_env=False, timeout=_PATIENCE_S) as client:
            return client.request(method, url, content=body).raise_for_status().content


@contextmanager
def running(plan: Plan, options: Sequence[str] = ()) -> Iterator[ProviderProcess]:
    """Run a provider with the plan on a free loopback port until the block ends.

    Args:
        plan: the faults and limits.
        options: options of `summarizer serve-faults`, such as `["--answer", "module:function"]`.

    Raises:
        ProviderError: the provider did not start; the message has its output.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.json"
        file.write_bytes(msgspec.json.encode(plan))
        command = [sys.executable, "-m", "summarizer_assets", "serve-faults", "--json", *options, "--plan", str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own module
            assert process.stdout is not None
            try:
                told = process.stdout.readline()
                if not told:
                    raise ProviderError(f"the provider ended with status {process.wait()} before it served")
                yield ProviderProcess(**msgspec.json.decode(told))
            finally:
                process.terminate()
