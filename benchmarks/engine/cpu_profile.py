"""What our own run spends on an author, part by part: `python -m benchmarks.engine --profile` runs this in a process.

    python -m benchmarks.engine.cpu_profile NAME WORK.json

Every named part is timed by the CPU clock of the thread it runs in, without what it calls of other parts; coroutines
step by step. What the event loop's thread spends outside them (sockets, aiohttp's parser, the loop) is transport's;
what the threads of polars and delta-rs spend while the requests run is the Delta write's. Nothing else runs before the
first request and after the last, so there the CPU of the whole process counts. The clock's own cost is taken off.
"""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Generator, Mapping
from dataclasses import replace
from functools import wraps
from pathlib import Path
from types import coroutine
from typing import TYPE_CHECKING, Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, part_of="engine")
    parser.add_argument("name")
    parser.add_argument("work", type=json.loads)
    options = parser.parse_args()

from benchmarks.engine.contender import WARM, Work

if TYPE_CHECKING:
    from benchmarks.engine.__main__ import Bench

NANO = 1e-9
_LOOKS = 2000


class Watch:
    """CPU nanoseconds by part, each without the parts it contains."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = defaultdict(int)
        self._threads = threading.local()
        self._costs = {clock: _cost(clock) for clock in (time.thread_time_ns, time.process_time_ns)}

    def _stack(self) -> list[list[Any]]:
        if not hasattr(self._threads, "stack"):
            self._threads.stack = []
        return self._threads.stack  # type: ignore[no-any-return] # a list of this thread's own

    def enter(self, part: str, clock: Callable[[], int]) -> None:
        self._stack().append([part, clock, clock(), 0])

    def leave(self) -> None:
        stack = self._stack()
        part, clock, began, inside = stack.pop()
        cost = self._costs[clock]  # looking at the clock twice: about one look falls inside, one outside
        spent = clock() - began - cost
        self.spent[part] += spent - inside
        if stack:
            stack[-1][3] += spent + 2 * cost

    def function(self, owner: Any, name: str, part: str, clock: Callable[[], int] = time.thread_time_ns) -> None:  # noqa: ANN401 - a class or a module
        inner = getattr(owner, name)

        @wraps(inner)
        def watched(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as `inner`
            self.enter(part, clock)
            try:
                return inner(*args, **kwargs)
            finally:
                self.leave()

        setattr(owner, name, watched)

    def method_coroutine(self, owner: Any, name: str, part: str) -> None:  # noqa: ANN401 - a class
        inner = getattr(owner, name)

        @wraps(inner)
        async def watched(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as `inner`
            return await self._steps(inner(*args, **kwargs), part)

        setattr(owner, name, watched)

    @coroutine
    def _steps(self, inner: Coroutine[Any, Any, Any], part: str) -> Generator[Any, Any, Any]:
        step: Callable[[], Any] = lambda: inner.send(None)  # noqa: E731 - the first of many
        while True:
            self.enter(part, time.thread_time_ns)
            try:
                yielded = step()
            except StopIteration as end:
                return end.value
            finally:
                self.leave()
            try:
                sent = yield yielded
            except BaseException as error:  # noqa: BLE001 - a cancellation is the coroutine's to take
                thrown = error
                step = lambda: inner.throw(thrown)  # noqa: E731, B023 - called in the next turn
            else:
                step = lambda: inner.send(sent)  # noqa: E731, B023 - called in the next turn


def _cost(clock: Callable[[], int]) -> int:
    began = clock()
    for _ in range(_LOOKS):
        clock()
    return (clock() - began) // (_LOOKS + 1)


def watch_all(watch: Watch) -> None:
    """Put the watch around every part of a bucket's run."""
    # Imported late: the start of the process is not this module's matter.
    from summarizer_assets.bucket_run import known_content, results, snapshot, work  # noqa: PLC0415 - loaded by the measured process only
    from summarizer_assets.bucket_run.asking import prompts  # noqa: PLC0415 - loaded by the measured process only
    from summarizer_assets.bucket_run.asking.asker import Asker  # noqa: PLC0415 - loaded by the measured process only
    from summarizer_assets.bucket_run.asking.online import OnlineRequests  # noqa: PLC0415 - loaded by the measured process only
    from summarizer_assets.bucket_run.journal_records import RecordBuilder, Todo  # noqa: PLC0415 - loaded by the measured process only
    from summarizer_assets.core.answers import reply as answers  # noqa: PLC0415 - loaded by the measured process only
    from summarizer_assets.llm.client import Client  # noqa: PLC0415 - loaded by the measured process only
    from summarizer_assets.llm.http.transport import AiohttpTransport  # noqa: PLC0415 - loaded by the measured process only
    from summarizer_assets.storage.delta.table import BucketedTable  # noqa: PLC0415 - loaded by the measured process only
    from summarizer_assets.storage.delta.writer import BucketWriter  # noqa: PLC0415 - loaded by the measured process only
    from summarizer_assets.storage.journal import Journal  # noqa: PLC0415 - loaded by the measured process only

    whole = time.process_time_ns
    watch.function(prompts, "render", "render and hash", whole)
    watch.function(known_content, "record_keys", "known content", whole)
    watch.function(work, "take_snapshot", "Delta read", whole)
    watch.function(snapshot, "plan_bucket", "plan", whole)
    watch.function(BucketedTable, "open", "Delta read", whole)
    watch.function(Todo, "of", "to-do as lists", whole)
    watch.function(results._Columns, "frame", "frame")  # noqa: SLF001 - a part of its own
    watch.function(BucketWriter, "apply", "Delta write")
    watch.function(prompts.BucketPrompt, "body", "body")
    watch.method_coroutine(Asker, "_ask", "asking")
    watch.method_coroutine(Client, "complete", "client")
    watch.method_coroutine(AiohttpTransport, "handle_async_request", "transport")
    watch.function(answers, "folded_with_problems", "text checks")
    watch.function(answers, "judge", "grounding")
    watch.function(Asker, "_read", "read_reply")
    watch.function(results.Outcomes, "answered", "outcomes")
    watch.function(RecordBuilder, "answers", "outcomes")
    watch.function(Journal, "write", "journal")
    run = OnlineRequests._run  # noqa: SLF001 - the thread's own function

    def thread(requests: OnlineRequests) -> None:
        run(requests)
        watch.spent["thread"] += time.thread_time_ns()

    OnlineRequests._run = thread  # type: ignore[method-assign] # noqa: SLF001 - the same


_IN_THREAD = (
    "body", "asking", "client", "transport", "read_reply", "text checks", "grounding", "outcomes", "journal",
)  # fmt: skip
_BEFORE = ("Delta read", "known content", "render and hash", "plan", "to-do as lists")


def profile(work: Work) -> dict[str, Any]:
    """CPU µs an author by part, of a bucket's run without Dagster."""
    from benchmarks.engine.ours import House  # noqa: PLC0415 - as in `watch_all`
    from summarizer_assets.bucket_run.asking.online import OnlineRequests  # noqa: PLC0415 - as above

    house = House(work)
    house.alone(WARM)
    watch = Watch()
    watch_all(watch)
    moments: dict[str, int] = {}
    start = OnlineRequests.start

    def started(requests: OnlineRequests) -> None:
        moments["process"], moments["main"] = time.process_time_ns(), time.thread_time_ns()
        start(requests)

    OnlineRequests.start = started  # type: ignore[method-assign] # the moment from which others work beside the main thread
    began = time.process_time_ns()
    done = house.alone(work.bucket)
    ended, main_ended = time.process_time_ns(), time.thread_time_ns()
    spent = dict(watch.spent)
    thread = spent.pop("thread")
    # From the first request on: the main thread, the event loop's, and those of polars and delta-rs.
    streaming = ended - moments["process"]
    main = main_ended - moments["main"]
    spent["Delta write"] += streaming - main - thread
    spent["transport"] += thread - sum(spent.get(part, 0) for part in _IN_THREAD)
    spent["waiting and the rest"] = (ended - began) - sum(spent.values())
    parts = {part: nanoseconds / 1000 / done.authors for part, nanoseconds in spent.items()}
    order = (*_BEFORE, *_IN_THREAD, "frame", "Delta write", "waiting and the rest")
    return {
        "authors": done.authors,
        "us_per_author": {part: parts.get(part, 0.0) for part in order},
        "cpu_s": (ended - began) * NANO,
    }


_FREE = frozenset({"transport", "Delta write", "grounding"})


def profile_table(bench: "Bench", rounds: int) -> dict[str, Any]:
    """Print what a run with grounding spends, part by part; Dagster is the difference of two runs."""
    profiles = [bench.run("profile", "benchmarks.engine.cpu_profile", grounding=True) for _ in range(rounds)]
    best: Mapping[str, Any] = sorted(profiles, key=lambda found: found["cpu_s"])[len(profiles) // 2]
    with_dagster, alone = bench.rounds(("ours", "ours, no Dagster"), rounds).values()
    parts = {**best["us_per_author"]}
    parts["Dagster"] = (with_dagster["cpu_s"] - alone["cpu_s"]) / bench.authors * 1e6
    print(f"{'CPU us an author':32}{'':10}")
    for part, spent in parts.items():
        print(f"{part:32}{spent:10.1f}")
    rest = sum(spent for part, spent in parts.items() if part not in _FREE)
    print(f"\n{'all but transport, Delta write and grounding':46}{rest:8.1f}   bar 15")
    print(f"{'Delta write':46}{parts['Delta write']:8.1f}   bar 15")
    print(f"{'grounding':46}{parts['grounding']:8.1f}   bar 100\n")
    return {"us_per_author": parts, "all_but_transport_write_grounding": rest}


def main(given: dict[str, Any]) -> None:
    del given["latency_s"]
    work = Work(**{**given, "folder": Path(given["folder"]), "out": Path(given["out"])})
    print(json.dumps(profile(replace(work, authors=None))))


if __name__ == "__main__":
    main(options.work)
