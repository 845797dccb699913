"""Whether a run that the orchestrator takes for running is lost, by its signs of life in the state store. Pure.

What can be known: of a process on this host whether it is there, of one elsewhere only how long it has not renewed what
it holds. A run that is there and does not move (SIGSTOP, a suspended laptop) is alive; one on another host that does
not renew for two leases may be asleep, too, and finds when it wakes that its bucket was taken: it stops by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Whereabouts = Literal["here", "gone", "elsewhere"]


@dataclass(frozen=True)
class Sign:
    """A claim or heartbeat of a run.

    `silent_s`: since the lease ran out; below zero it has not. `process`: on this host, gone from it, or on another
    one (or on a system that does not tell).
    """

    place: str
    host: str
    silent_s: float
    process: Whereabouts

    @property
    def alive(self) -> bool:
        return self.process == "here" or (self.process == "elsewhere" and self.silent_s < 0)


def lost_because(signs: Sequence[Sign], *, lease_s: float, quiet_s: float, lost_after_s: float) -> str | None:
    """The cause, in words; None: it lives, or it is not sure.

    Args:
        signs: what the state store holds of the run.
        lease_s: how long a claim holds that is not renewed.
        quiet_s: how long ago the run's last event was.
        lost_after_s: a run without a sign that is quiet for so long is lost: before it claims a bucket and after it
            gave it back, a run has little to do, and tells of it.
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
        return None  # it may be stopping by itself, or the store was out of its reach for a moment
    return f"its claim of {last.place}, held from {host}, lapsed {last.silent_s:.0f} s ago and was not renewed"


def renewed(before: Sequence[Sign], after: Sequence[Sign], between_s: float) -> bool:
    """Whether a run renewed one of the things that it held, or gave all of them back: then it was there."""
    if before and not after:
        return True
    silent = {sign.place: sign.silent_s for sign in before}
    return any(sign.silent_s - silent[sign.place] < between_s / 2 for sign in after if sign.place in silent)
