"""The server's request log: the newest requests with their outcomes, and counts of all."""

import resource
from collections import Counter, deque
from typing import Any

import msgspec


class Entry(msgspec.Struct, gc=False):  # no cycles, so the garbage collector can skip a hundred thousand of them
    """One request as the server saw it, logged on arrival.

    Tokens are those that a provider would bill: of the correct answer, once the model worked on it, even if the answer
    did not arrive.
    """

    number: int  # from 1
    at_s: float  # since the server's start
    ids: tuple[str, ...]  # the authors asked for
    fault: str | None  # None: answered correctly
    hit: tuple[str, ...] = ()  # the authors that the fault was aimed at
    status: int | None = None  # None: disconnected before the client saw one
    answered_s: float | None = None  # None: not answered completely
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0  # of those of the prompt, read from the provider's cache
    written_tokens: int = 0  # and put there


class Record:
    """Entries and counts; `entries` is a copy, safe to read from another thread."""

    def __init__(self, keep: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=keep)
        self.requests = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.connections = 0
        self.tls_failures = 0
        self.models_asked = 0
        self.closed_under_a_request = 0
        self._by_fault: Counter[str] = Counter()
        self._by_status: Counter[str] = Counter()
        self._prompt_tokens = 0
        self._completion_tokens = 0
        self._wasted_prompt_tokens = 0
        self._wasted_completion_tokens = 0
        self._first_s: float | None = None
        self._last_s: float | None = None

    @property
    def entries(self) -> list[Entry]:
        return list(self._entries)

    def keep(self, newest: int) -> None:
        """From now on keep the `newest` entries."""
        if newest != self._entries.maxlen:
            self._entries = deque(self._entries, newest)

    def began(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._by_fault[entry.fault or "right"] += 1
        self._prompt_tokens += entry.prompt_tokens
        self._completion_tokens += entry.completion_tokens
        if self._first_s is None:
            self._first_s = entry.at_s
        self._last_s = entry.at_s
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def ended(self, entry: Entry, status: int | None, answered_s: float | None, *, useful: bool) -> None:
        """Record the end of a request. `useful`: the answer was correct and the client got all of it."""
        entry.status, entry.answered_s = status, answered_s
        self._by_status[str(status or "none")] += 1
        if not useful:
            self._wasted_prompt_tokens += entry.prompt_tokens
            self._wasted_completion_tokens += entry.completion_tokens
        self.in_flight -= 1

    def stats(self, now_s: float) -> dict[str, Any]:
        """All counts since the server's start, as JSON values; `now_s`: seconds since then.

        Billed tokens are those of every answer that the model worked on; wasted tokens are those of faulty or
        incompletely received answers. `cpu_s`: of the whole process.
        """
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "requests": self.requests,
            "by_fault": dict(self._by_fault),
            "by_status": dict(self._by_status),
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": self._completion_tokens,
            "wasted_prompt_tokens": self._wasted_prompt_tokens,
            "wasted_completion_tokens": self._wasted_completion_tokens,
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "connections": self.connections,
            "tls_failures": self.tls_failures,
            "models_asked": self.models_asked,
            "closed_under_a_request": self.closed_under_a_request,
            "first_s": self._first_s,
            "last_s": self._last_s,
            "up_s": now_s,
            "cpu_s": used.ru_utime + used.ru_stime,
        }
