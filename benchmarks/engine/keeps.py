"""What each contender of `benchmarks.engine` keeps, so that its figures are read rightly: a promise costs CPU."""

from typing import Final, NamedTuple


class Keeps(NamedTuple):
    """`limits`: the provider's; `retries`: of what fails; `journal`: an answer outlives the process as soon as it is
    there; `once`: after a crash each author has one summary, and is not paid for twice but for requests in flight.
    """

    limits: str = "-"
    retries: str = "-"
    journal: str = "-"
    once: str = "-"


HEAD: Final = "".join(f"{field:>9}" for field in Keeps._fields)
_OURS: Final = Keeps("yes", "yes", "yes", "yes")
_KEPT: Final = {
    "cookbook": Keeps("own", "yes", "file", "-"),  # limits of one process; a file that it does not read again
    "Daft": Keeps("-", "yes", "-", "-"),
}


def kept_by(name: str) -> str:
    """The columns of a contender, below `HEAD`."""
    kept = _OURS if name.startswith("ours") else _KEPT.get(name, Keeps())
    return "".join(f"{value:>9}" for value in kept)
