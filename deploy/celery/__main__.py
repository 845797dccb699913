"""The cluster on one machine: `make cluster`, `make cluster-stop`, or

    python -m deploy.celery start [--workers 2] [--slots 1] [--network auto|namespaces|loopback]
    python -m deploy.celery status | stop
    python -m deploy.celery run dg launch --assets authors …
    python -m deploy.celery cut worker1; python -m deploy.celery join worker1

RabbitMQ, Postgres, an object store, Dagster with a login in front of it, and workers. docs/celery.md tells the rest.
"""

import argparse
import shlex
import sys
from pathlib import Path

from deploy.celery import hosts
from deploy.celery.cluster import Cluster
from deploy.celery.errors import ClusterError
from deploy.celery.layout import CHECKOUT, Layout, outside, saved


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.celery", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, default=CHECKOUT / ".cluster", help="its folder")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="start everything")
    start.add_argument("--workers", type=int, default=2)
    start.add_argument("--slots", type=int, default=1, help="runs at once of each worker; a run keeps a core busy")
    start.add_argument("--network", choices=["auto", "namespaces", "loopback"], default="auto")
    start.add_argument("--journal", choices=["shared", "local"], default="shared", help="SUMMARIZER_JOURNAL_DIR wins")
    start.add_argument("--port", type=int, default=8443, help="of the operators' page on loopback; readers: the next")
    commands.add_parser("status", help="what runs")
    commands.add_parser("stop", help="let runs store what was answered, and end everything")
    run = commands.add_parser("run", help="a command with the cluster's settings, where its servers can be reached")
    run.add_argument("rest", nargs=argparse.REMAINDER)
    for name, what in (("cut", "pull a worker's network cable"), ("join", "put it back")):
        commands.add_parser(name, help=what).add_argument("worker")
    return parser.parse_args()


def with_hosts(network: str) -> bool:
    """Whether head and workers get hosts of their own, which reach nothing beyond this machine."""
    if network != "auto":
        return network == "namespaces"
    return not outside() and hosts.possible()


def start(options: argparse.Namespace) -> None:
    layout = Layout(
        home=options.home.resolve(),
        workers=options.workers,
        slots=options.slots,
        namespaces=with_hosts(options.network),
        shared_journal=options.journal == "shared",
        door=options.port,
    )
    where = "hosts of their own (network namespaces)" if layout.namespaces else "processes on this machine's loopback"
    print(f"{layout.workers} workers with {layout.slots} runs at once each, in {where}; folder {layout.home}")
    Cluster(layout).start(lambda line: print(line, flush=True))
    passwords = layout.passwords()
    usual = layout.home == CHECKOUT / ".cluster"
    end = "make cluster-stop" if usual else this_command(layout, "stop")
    print(
        f"""
Dagster:  https://localhost:{layout.door}   login operator   password {passwords["operator"]}
          https://localhost:{layout.door + 1}   login reader     password {passwords["reader"]}   launches nothing
          (the certificate is one made here: the browser asks once)
Look:     {this_command(layout, "status")}       logs in {layout.logs}
End:      {end}                    tables and history stay for the next start"""
    )


def this_command(layout: Layout, what: str) -> str:
    """As a person types it in the checkout: by the interpreter that has what it needs, for this cluster."""
    python = Path(sys.executable)
    if python.is_relative_to(CHECKOUT):
        python = python.relative_to(CHECKOUT)
    home = [] if layout.home == CHECKOUT / ".cluster" else ["--home", str(layout.home)]
    return shlex.join([str(python), "-m", "deploy.celery", *home, what])


def main() -> int:
    options = parse()
    try:
        if options.command == "start":
            start(options)
            return 0
        layout = saved(options.home.resolve())
        cluster = Cluster(layout)
        if options.command == "stop":
            for command in cluster.stop():
                print(f"ended, without its supervisord: {command}")
        elif options.command == "status":
            told, all_run = cluster.status()
            print(told, end="")
            return 0 if all_run else 3
        elif options.command == "run":
            return cluster.run(options.rest)
        elif options.command == "cut":
            hosts.cut(layout, options.worker)
        else:
            hosts.join(layout, options.worker)
    except ClusterError as error:
        if isinstance(error.__context__, ClusterError):  # and then its end went wrong too
            print(error.__context__, file=sys.stderr)
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
