"""A monotonic clock for leases that includes the time a machine was suspended."""

import time

_SLEPT_TOO: int | None = getattr(time, "CLOCK_BOOTTIME", None)  # Linux only


def passed_s() -> float:
    """Seconds since some fixed moment, including time suspended.

    On Linux `time.monotonic` excludes suspension, so a lease that lapsed meanwhile would seem valid after waking up.
    """
    return time.monotonic() if _SLEPT_TOO is None else time.clock_gettime(_SLEPT_TOO)
