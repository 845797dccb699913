"""The route of requests that the run waits for: an event loop in a thread of its own.

The run's own thread commits answers while requests are in flight.
"""

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from summarizer_assets.bucket_run.asking.asker import Asker
from summarizer_assets.bucket_run.asking.collector import few_collections
from summarizer_assets.bucket_run.asking.group import Group
from summarizer_assets.bucket_run.route import RouteProgress, RouteTotals
from summarizer_assets.bucket_run.work import Work
from summarizer_assets.core.outcome import Stop
from summarizer_assets.llm.budget.model_ends import announced_end
from summarizer_assets.llm.client import Client
from summarizer_assets.llm.http.event_loop import run

_LOOKS, _LOOK_S = 20, 0.05  # a second in all
_OUTAGE = "they wait: the provider is out, tried once in a while"


class OnlineRequests:
    """A `Route` that runs `asker` over the authors at `positions` until all have an outcome or it is stopped.

    Args:
        asker: asks.
        client: that the asker uses; closed at the end.
        work: the run's.
        positions: whom to ask.
        groups: more of them, who are asked just so.
        chosen: why this route was chosen, if it was.
    """

    def __init__(
        self,
        asker: Asker,
        client: Client,
        work: Work,
        positions: Sequence[int],
        groups: Sequence[Group] = (),
        chosen: str = "",
    ) -> None:
        self._asker = asker
        self._client = client
        self._work = work
        self._positions = positions
        self._groups = groups
        self._chosen = chosen
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None  # under the lock: only while it can be told something
        self._main: asyncio.Task[None] | None = None
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="asker", daemon=True)
        client.permit = work.claim.check  # when the run slept through its lease, its requests wake up first

    def start(self) -> None:
        self._thread.start()
        self._listening.wait()

    def stop(self, why: Stop | None) -> None:
        with self._lock:
            if self._loop is not None and self._main is not None:
                if why is None:
                    self._loop.call_soon_threadsafe(self._main.cancel)
                else:
                    self._loop.call_soon_threadsafe(self._asker.interrupt, why)
        if why is None and self._thread.ident is not None:
            self._thread.join()

    def join(self) -> Stop | None:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._asker.stop

    def committed(self) -> None:
        """Nothing waits for it: what requests cost is booked as they are answered."""

    def progress(self) -> RouteProgress:
        changes: list[str] = []
        self._asker.adapting.tell(changes.append)
        spending = self._client.purse.spending
        return RouteProgress(
            spent=None if spending is None else spending.spent,
            waits=_OUTAGE if self._client.breaker.open else None,
            notices=self._client.counters.notices,
            changes=changes,
        )

    def totals(self) -> RouteTotals:
        spending = self._client.purse.spending
        return RouteTotals(self._asker.counts, self._client.counters, spending, self._chosen)

    def _run(self) -> None:
        try:
            with few_collections():
                run(self._ask())
        except asyncio.CancelledError:
            pass  # ended at once: the step has its own error to tell
        except BaseException as error:  # noqa: BLE001 - raised again in `join`, in the step's thread
            self._error = error
        finally:
            self._listening.set()
            self._work.outcomes.finish()

    async def _ask(self) -> None:
        with self._lock:
            self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._listening.set()
        looking = asyncio.create_task(self._look_for_the_model_s_end())
        try:
            await self._asker.run(self._positions, self._work.todo, self._groups)
        finally:
            try:
                self._asker.cancel()
                looking.cancel()
                await self._client.aclose()
                # What becomes of it is not the run's affair, so that it is neither waited for without end nor raised.
                await asyncio.wait({asyncio.gather(looking, return_exceptions=True)}, timeout=_LOOKS * _LOOK_S)
            finally:
                with self._lock:
                    self._loop = None

    async def _look_for_the_model_s_end(self) -> None:
        """Beside the first requests, once one was answered or is under way: the list of models costs nothing.

        Not before: a provider that refuses every connection is not to be knocked at twice.
        """
        for _ in range(_LOOKS):
            await asyncio.sleep(_LOOK_S)
            if self._client.counters.bytes_received:
                break
        body = await self._client.wire.models() if self._positions or self._groups else None
        end = None if body is None else announced_end(body, self._work.facts.identity.model)
        if end is not None:
            self._client.counters.notices.append(self._client.redact(end.told(datetime.now(UTC).date())))
