"""How long a host waits for a Postgres that the network has lost, and how long its locks hold up the others.

    python -m benchmarks.faults.cut_network [--only idle connecting]

In a network namespace that it makes for itself, whose loopback it takes down: neither side hears of it, as with a cable
that is pulled. Without the right to make one (root) it refuses: this machine's own loopback is never touched. Needs
Postgres. It takes four minutes, nearly all of it waiting.
"""

import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"only": ["connecting"]})
    parser.add_argument("--only", nargs="+", choices=["idle", "connecting", "waiting", "patient", "freed"])
    options = parser.parse_args()

import sqlalchemy as sa

from summarizer_assets.core.rate_schedule import Ask, RateLimits
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.rate_limits import SharedAccount
from testing.postgres import Server, postgres

LEASE_S = 60
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET


def own_namespace() -> str:
    """This thread's network, as the kernel names it."""
    return str(Path("/proc/thread-self/ns/net").readlink())


#: The network that the script was started in, which stays as it is.
_MACHINE = own_namespace()


def enter_own_network() -> None:
    """Make a network for this thread and what it starts from now on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NETWORK):
        said = os.strerror(ctypes.get_errno())
        sys.exit(f"no network of its own can be made here ({said}); run it as root. Nothing was touched.")


def network(state: str) -> None:
    if own_namespace() == _MACHINE:
        raise RuntimeError("this is the machine's own network, whose loopback is not to be touched")
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


def until_it_fails(work: Callable[[], object]) -> tuple[float, str]:
    began = time.monotonic()
    try:
        work()
    except StorageError as error:
        return time.monotonic() - began, str(error).partition("does not answer: ")[2]
    sys.exit("the network was cut, and nothing failed")


def account(database: Database) -> SharedAccount:
    return SharedAccount(database, "account", RateLimits(6000), lambda: 1)


def main(only: list[str] | None) -> None:
    enter_own_network()
    network("up")
    with postgres() as server:
        print("| a host that … | gives up after, s | with |\n|---|---|---|")
        for name, (what, cut) in HOSTS.items():
            if only is None or name in only:
                seconds, said = cut(server.url)
                print(f"| {what} | {seconds:.1f} | {said.partition(';')[0]} |", flush=True)
        if only is None or "patient" in only:
            waits = "still waits" if patient_one_waits(server.url) else "less"
            print(f"| asks with libpq's own patience | {waits} after {LEASE_S} | |", flush=True)
        if only is None or "freed" in only:
            seconds = freed(server)
            print(f"\nRows that a host had locked when it was cut off are free for the others after {seconds:.1f} s.")


def cut_while_idle(url: str) -> tuple[float, str]:
    """The usual case of a renewal: the connection lies in the pool."""
    database = Database(url)
    account(database).lease(Ask(1, 1, 1))
    network("down")
    try:
        return until_it_fails(lambda: account(database).lease(Ask(1, 1, 1)))
    finally:
        network("up")


def cut_before_connecting(url: str) -> tuple[float, str]:
    network("down")
    try:
        return until_it_fails(lambda: account(Database(url)).lease(Ask(1, 1, 1)))
    finally:
        network("up")


def cut_while_waiting(url: str) -> tuple[float, str]:
    database = Database(url)

    def wait() -> None:
        with database.begin() as connection:
            connection.execute(sa.text("SELECT pg_sleep(40)"))

    account(database).lease(Ask(1, 1, 1))
    cut = threading.Timer(1.0, network, ["down"])
    cut.start()
    try:
        seconds, said = until_it_fails(wait)
        return seconds - 1.0, said
    finally:
        cut.join()
        network("up")


def patient_one_waits(url: str) -> bool:
    """Whether a client with nothing but the URL waits for longer than a lease."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
        network("down")
        asking = threading.Thread(target=lambda: connection.execute(sa.text("SELECT 1")), daemon=True)
        asking.start()
        asking.join(LEASE_S)
        waits = asking.is_alive()
        network("up")
        asking.join()
    engine.dispose()
    return waits


def freed(server: Server) -> float:
    """The others reach the server by its socket, which the cut leaves alone."""
    others = account(Database(server.socket_url))
    others.lease(Ask(1, 1, 1))
    waited = 0.0

    def be_cut_off() -> None:
        nonlocal waited
        with Database(server.url).begin() as connection:
            connection.execute(sa.text("SELECT * FROM provider_accounts FOR UPDATE")).all()
            network("down")
            began = time.monotonic()
            others.lease(Ask(1, 1, 1))
            waited = time.monotonic() - began
            network("up")
            connection.execute(sa.text("SELECT 1"))  # our session is gone

    until_it_fails(be_cut_off)
    return waited


HOSTS = {
    "idle": ("asks, the network was cut before", cut_while_idle),
    "connecting": ("asks again, still cut", cut_before_connecting),
    "waiting": ("waits for an answer when the network is cut", cut_while_waiting),
}


if __name__ == "__main__":
    main(options.only)
