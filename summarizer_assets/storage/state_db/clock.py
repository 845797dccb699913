"""How much time went by, for whoever holds a lease by another machine's clock."""

import time

_SLEPT_TOO: int | None = getattr(time, "CLOCK_BOOTTIME", None)  # Linux has it


def passed_s() -> float:
    """Seconds since some moment, those among them that this machine was suspended for.

    `time.monotonic` leaves these out on Linux: a lease that lapsed meanwhile would seem to hold when it wakes up.
    """
    return time.monotonic() if _SLEPT_TOO is None else time.clock_gettime(_SLEPT_TOO)
