"""Which group is sent when: many side by side, in an outage one at a time as a probe, none after a stop."""

import asyncio
from collections.abc import Callable, Coroutine

from summarizer_assets.bucket_run.asking.backlog import Backlog
from summarizer_assets.bucket_run.asking.group import Group
from summarizer_assets.core.outcome import Stop
from summarizer_assets.llm.client import Client

_GRACE_S = 20.0


class Scheduler:
    """Of one run. Lives in one event loop.

    Args:
        client: told when nothing more is to be sent; its breaker says whether the provider is out.
        ask: asks for one group (as a probe or not) and deals with every outcome; what it raises is a defect.
        in_flight: how many groups may be under way now.
    """

    def __init__(
        self, client: Client, ask: Callable[[Group, bool], Coroutine[None, None, None]], in_flight: Callable[[], int]
    ) -> None:
        self.backlog = Backlog()
        self.stop: Stop | None = None
        self.paused = False  # nothing more goes out for a moment; what is in flight may be answered
        self._client = client
        self._ask = ask
        self._in_flight = in_flight
        self._tasks: set[asyncio.Task[None]] = set()
        self._probe_due: asyncio.TimerHandle | None = None
        self._probing: asyncio.Task[None] | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._crash: BaseException | None = None
        client.breaker.listener = self._outage_changed

    async def run(self) -> None:
        """Send until nobody waits, or until the stop.

        Raises:
            Exception: what `ask` raised.
        """
        self._idle.clear()
        self._fill()
        await self._idle.wait()
        if self._crash is not None:
            raise self._crash

    def request_stop(self, stop: Stop) -> None:
        """Send nothing more; what is in flight may be answered, for it is paid for."""
        if self.stop is None:
            self.stop = stop
            self._client.stop_sending()
            self._forget_waiting()
            self._fill()

    def interrupt(self, stop: Stop) -> None:
        """As `request_stop`, in a hurry, also after it: what is in flight has a moment to be answered."""
        if self._grace is None:
            self._grace = asyncio.get_running_loop().call_later(_GRACE_S, self.cancel)
        self.request_stop(stop)

    def cancel(self) -> None:
        """Drop what is in flight and what still waits: a cancelled request makes room for no other."""
        self._forget_waiting()
        for task in self._tasks:
            task.cancel()

    def _forget_waiting(self) -> None:
        self.backlog.take_waiting()
        self.backlog.blame.take_undecided()
        self._cancel_probe_to_come()

    def _fill(self) -> None:
        if self.stop is None and self._client.breaker.open:
            if self.backlog and self._probing is None and self._probe_due is None:
                self._probe_due = asyncio.get_running_loop().call_later(self._client.breaker.wait_s, self._probe)
        else:
            while self.backlog and self.stop is None and not self.paused and len(self._tasks) < self._in_flight():
                self._start(self.backlog.take(), probe=False)
        if not self._tasks and self._probe_due is None:
            self._idle.set()

    def _start(self, group: Group, *, probe: bool) -> asyncio.Task[None]:
        task = asyncio.create_task(self._ask(group, probe))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task is self._probing:
            self._probing = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash = self._crash or error
            self.cancel()
        self._fill()

    def _probe(self) -> None:
        self._probe_due = None
        if self.backlog:
            self._probing = self._start(self.backlog.take_probe(), probe=True)
        else:  # taken meanwhile: there may be nothing more to wait for
            self._fill()

    def _cancel_probe_to_come(self) -> None:
        if self._probe_due is not None:
            self._probe_due.cancel()
            self._probe_due = None

    def _outage_changed(self) -> None:
        if self._client.breaker.open:
            undecided, suspected = self.backlog.blame.outage_began()
            self.backlog.add_failed(undecided, in_halves=suspected)
        else:
            self.backlog.blame.outage_ended()
            self._cancel_probe_to_come()
        self._fill()
