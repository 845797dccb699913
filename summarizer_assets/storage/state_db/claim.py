"""A run's claim on a bucket: a lease that a background thread renews."""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from summarizer_assets.core.lost_runs import Sign
from summarizer_assets.storage.errors import ClaimLost, ClaimRefused, StorageError
from summarizer_assets.storage.processes import is_gone

_SLEPT_TOO: int | None = getattr(time, "CLOCK_BOOTTIME", None)  # Linux only


def passed_s() -> float:
    """Seconds since some fixed moment, including time suspended.

    On Linux `time.monotonic` excludes suspension, so a lease that lapsed meanwhile would seem valid after waking up.
    """
    return time.monotonic() if _SLEPT_TOO is None else time.clock_gettime(_SLEPT_TOO)


def is_dead(lease: Any, now: float) -> bool:  # noqa: ANN401 - rows of a table are untyped
    """Whether the lease lapsed, or its process on this host is gone, so that a crash need not wait for it to lapse."""
    return bool(lease.expires_at <= now) or is_gone(lease.host, lease.process)


class Store(Protocol):
    """The store of claims; `storage.state_db.state.StateStore` implements it."""

    lease_s: float

    def signs_of_life(self) -> dict[str, list[Sign]]: ...

    def try_claim(self, bucket: str, run_id: str, token: str) -> str | None: ...

    def grant(self, bucket: str, token: str, wanted: int, limit: int, asked_so_far: Callable[[], int]) -> int: ...

    def renew(self, bucket: str, token: str) -> bool: ...

    def release(self, bucket: str, token: str) -> None: ...


@dataclass(frozen=True)
class LastRun:
    """The newest run record of a bucket. `host`: see `storage.processes`; None if an older version wrote the record."""

    record: int
    run_id: str
    host: str | None
    ended_at: float | None


class Claim:
    """One run's claim on one bucket.

    `before`: signs of life when the claim was requested, perhaps of a dead holder. `last_run`: the bucket's newest run
    record when the claim was acquired.
    """

    def __init__(self, store: Store, bucket: str, run_id: str, *, for_ever: bool = False) -> None:
        self._store = store
        self._for_ever = for_ever  # a heartbeat, which nobody else can take: it continues once the store is back
        self._bucket = bucket
        self._run_id = run_id
        self._token = uuid.uuid4().hex
        self._stopped = threading.Event()
        self._lost: str | None = None
        self.before: dict[str, list[Sign]] = {}
        self.last_run: LastRun | None = None
        self._renewed_at = passed_s()
        self._thread = threading.Thread(target=self._keep, name=f"claim-{bucket}", daemon=True)

    def acquire(self) -> None:
        asked_at = passed_s()  # read before the request, because the store may start the lease at any moment after
        self.before = self._store.signs_of_life()
        holder = self._store.try_claim(self._bucket, self._run_id, self._token)
        if holder is not None:
            raise ClaimRefused(
                f"bucket {self._bucket} is being worked on by run {holder}; this run asked nothing. "
                "Wait until that run ends, or cancel it"
            )
        self._renewed_at = asked_at
        self._thread.start()

    def grant(self, wanted: int, limit: int, asked_so_far: Callable[[], int]) -> int:
        """See `storage.state_db.state.StateStore.grant`."""
        return self._store.grant(self._bucket, self._token, wanted, limit, asked_so_far)

    def check(self) -> None:
        """Raise ClaimLost if the bucket is no longer ours; call it before each commit."""
        if self._lost is None and passed_s() - self._renewed_at > self._store.lease_s:
            self._renew()  # the process was suspended for longer than the lease
        if self._lost is not None:
            raise ClaimLost(f"bucket {self._bucket}: {self._lost}; this run stops without writing")

    def release(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._store.release(self._bucket, self._token)

    def _renew(self) -> None:
        asked_at = passed_s()
        if self._store.renew(self._bucket, self._token):
            self._renewed_at = asked_at
        else:
            self._lost = "our claim lapsed and another run took it"

    def _keep(self) -> None:
        while not self._stopped.wait(self._store.lease_s / 4):
            try:
                self._renew()
            except (StorageError, OSError) as error:  # a disk, mount or driver may raise its own error
                # The store may come back within the lease; after it, the claim counts as lost.
                if passed_s() - self._renewed_at > self._store.lease_s and not self._for_ever:
                    self._lost = f"our claim could not be renewed ({error})"
            if self._lost is not None:
                return
