"""Detection of lost runs, which the orchestrator still shows as running, by their signs of life. Pure.

For a process on this host it is known whether it exists; for one on another host only how long its leases have not been
renewed. An existing but stopped process (SIGSTOP, a suspended laptop) is alive. A run on another host without renewal
for two leases may be suspended, too; when it wakes up, it finds its bucket taken and stops.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Whereabouts = Literal["here", "gone", "elsewhere"]


@dataclass(frozen=True)
class Sign:
    """A claim or heartbeat of a run.

    `silent_s`: seconds since the lease expired; negative before. `process`: on this host, gone from it, or on another
    host (or unknown).
    """

    place: str
    host: str
    silent_s: float
    process: Whereabouts

    @property
    def alive(self) -> bool:
        return self.process == "here" or (self.process == "elsewhere" and self.silent_s < 0)


def lost_because(signs: Sequence[Sign], *, lease_s: float, quiet_s: float, lost_after_s: float) -> str | None:
    """The cause of the loss in words; None if the run is alive or the loss is uncertain.

    Args:
        signs: the run's signs of life in the state store.
        lease_s: seconds for which a claim is valid without renewal.
        quiet_s: seconds since the run's last event.
        lost_after_s: a run without signs is lost after this many quiet seconds; before it claims a bucket and after
            it releases it, a run has little to do and logs events.
    """
    if any(sign.alive for sign in signs):
        return None
    if not signs:
        if quiet_s < lost_after_s:
            return None
        return f"it holds no claim, and nothing was heard of it for {quiet_s / 60:.0f} minutes"
    last = min(signs, key=lambda sign: sign.silent_s)
    host = last.host.partition("/")[0]
    if all(sign.process == "gone" for sign in signs):
        return f"its process on {host}, at work on {last.place}, is gone"
    if last.silent_s < lease_s:
        return None  # it may be stopping, or the store was unreachable for a moment
    return f"its claim of {last.place}, held from {host}, lapsed {last.silent_s:.0f} s ago and was not renewed"


def renewed(before: Sequence[Sign], after: Sequence[Sign], between_s: float) -> bool:
    """Whether a run renewed one of its signs or released all of them in between, and so was alive."""
    if before and not after:
        return True
    silent = {sign.place: sign.silent_s for sign in before}
    return any(sign.silent_s - silent[sign.place] < between_s / 2 for sign in after if sign.place in silent)
