"""The event loop of one run in a thread of its own, so that commits go on while requests are in flight."""

import asyncio
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from summarizer_assets.bucket_run.ask import Asker
from summarizer_assets.bucket_run.journal_records import Todo
from summarizer_assets.bucket_run.results import Outcomes
from summarizer_assets.core.outcome import Stop
from summarizer_assets.llm.budget.model_ends import announced_end
from summarizer_assets.llm.client import Client

_LOOKS, _LOOK_S = 20, 0.05  # a second in all


class Engine:
    """Runs `asker` over the authors at `positions` in a thread until all have an outcome or it stops."""

    def __init__(
        self,
        asker: Asker,
        client: Client,
        outcomes: Outcomes,
        positions: list[int],
        todo: Todo,
    ) -> None:
        self.asker = asker
        self.client = client
        self._outcomes = outcomes
        self._positions = positions
        self._todo = todo
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None  # under the lock: only while it can be told something
        self._main: asyncio.Task[None] | None = None
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="asker", daemon=True)

    def start(self) -> None:
        """Returns when the thread can be told to stop, or has ended already."""
        self._thread.start()
        self._listening.wait()

    def join(self) -> None:
        """Wait for the end.

        Raises:
            Exception: whatever broke in the thread; it is a defect, provider errors are outcomes or stops.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error

    def request_stop(self, stop: Stop) -> None:
        """Does nothing when the asker is done."""
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self.asker.interrupt, stop)

    def abort(self) -> None:
        """End at once; what is in flight is lost. Does nothing after the end."""
        with self._lock:
            if self._loop is not None and self._main is not None:
                self._loop.call_soon_threadsafe(self._main.cancel)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(self._ask())
        except asyncio.CancelledError:
            pass  # aborted: the step has its own error to tell
        except BaseException as error:  # noqa: BLE001 - raised again in `join`, in the step's thread
            self._error = error
        finally:
            self._listening.set()
            self._outcomes.finish()

    async def _ask(self) -> None:
        with self._lock:
            self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._listening.set()
        try:
            await self._ask_all()
        finally:
            with self._lock:
                self._loop = None

    async def _ask_all(self) -> None:
        todo = self._todo
        tokens = [todo.tokens[position] for position in self._positions]
        attempts = [todo.attempts[position] for position in self._positions]
        looking = asyncio.create_task(self._look_for_the_model_s_end())
        names = [todo.names[position] for position in self._positions]
        try:
            await self.asker.run(self._positions, tokens, attempts, names)
        finally:
            self.asker.cancel()
            looking.cancel()  # nobody waits for it, and nothing that happens to it is the run's affair
            await asyncio.gather(looking, return_exceptions=True)
            await self.client.aclose()

    async def _look_for_the_model_s_end(self) -> None:
        """Beside the first requests, once one was answered or is under way: the list of models costs nothing.

        Not before: a provider that refuses every connection is not to be knocked at twice.
        """
        for _ in range(_LOOKS):
            await asyncio.sleep(_LOOK_S)
            if self.client.counters.bytes_received:
                break
        body = await self.client.wire.models() if self._positions else None
        end = None if body is None else announced_end(body, self._outcomes.facts.identity.model)
        if end is not None:
            self.client.counters.notices.append(self.client.redact(end.told(datetime.now(UTC).date())))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - not installable on Windows

    return uvloop.new_event_loop
