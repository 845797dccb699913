"""What tables cost to live with: a month of daily changes, with and without the nightly maintenance.

    python -m benchmarks.tables.month [--authors 1000000] [--buckets 256] [--days 30] [--folder FOLDER]

An initial job fills the tables; it is ten days old when the month begins. On each day 1 % of the authors, spread over
all buckets, change in the source: the ingest rewrites their buckets, a run a bucket replaces their summaries by one
commit, and some answers fail. All of it is done to Delta tables through the writers that runs use; rows are synthetic,
nobody is asked, and a day passes by making everything there a day older (`month_tables.a_day_passes`).
Each phase is a process of its own; with --folder, a script that was interrupted goes on with the next phase.
250,000 authors in 64 buckets take 11 minutes of CPU for each of the two months, and 5 GB of disk; a million in 256
about four times that.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": 200, "buckets": 2, "days": 1})
    parser.add_argument("--authors", type=int, default=1_000_000)
    parser.add_argument("--buckets", type=int, default=256)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--changed", type=float, default=0.01, help="share of the authors that changes in a day")
    parser.add_argument("--folder", type=Path, help="where the tables and the figures stay")
    parser.add_argument("--workers", type=int, default=2, help="months lived through at a time")
    options = parser.parse_args()

from benchmarks.phase import measured
from benchmarks.promises import conclude
from benchmarks.tables.scale import Figures

_VARIANTS = ("off", "on")
_TABLES = ("authors", "author_summaries", "failed_authors")
_KEPT_DAYS = 7
#: What is told of each table: label, and how a figure is written.
_FACTS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "files": ("active files", lambda n: f"{n:,}"),
    "version": ("versions", lambda n: f"{n:,}"),
    "active_mb": ("MB of active files", lambda mb: f"{mb:,.1f}"),
    "disk_mb": ("MB of all files on disk", lambda mb: f"{mb:,.1f}"),
    "log_files": ("files of the log", lambda n: f"{n:,}"),
    "log_mb": ("MB of the log", lambda mb: f"{mb:,.1f}"),
    "open_ms": ("to open it, ms CPU", lambda ms: f"{ms:.0f}"),
    "read_ms": ("to read a bucket, ms CPU", lambda ms: f"{ms:.0f}"),
}


def live(figures: Figures, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    given = {"authors": options.authors, "buckets": options.buckets, "days": options.days, "share": options.changed}

    def phase(name: str, of: str, *, maintained: bool = False) -> dict[str, Any]:
        told = {**given, "before": 10, "folder": str(folder / of), "maintained": maintained}
        return measured(name, {"MONTH": json.dumps(told), "PYTHONWARNINGS": "ignore"}, module="tables.month_tables")

    found = {"first": figures.get("first", lambda: phase("first", "first"))}
    for variant in _VARIANTS:
        if not (folder / variant).exists():
            shutil.copytree(folder / "first", folder / variant)
    found["first facts"] = figures.get("first facts", lambda: phase("facts", "first"))

    def month(variant: str) -> None:
        lived = figures.get(f"{variant} days", lambda: phase("days", variant, maintained=variant == "on"))
        found[f"{variant} days"] = lived
        found[f"{variant} facts"] = figures.get(f"{variant} facts", lambda: phase("facts", variant))

    with ThreadPoolExecutor(options.workers) as pool:
        list(pool.map(month, _VARIANTS))
    return found


def report(found: dict[str, Any], options: argparse.Namespace) -> None:
    size = f"{options.authors:,} authors, {options.buckets} buckets"
    print(f"{size}, {options.days} days of {options.changed:.0%} changed\n")
    print("| | | after the initial job | a month, no maintenance | a month, maintained |\n|---|---|---|---|---|")
    facts = [found[f"{name} facts"]["result"] for name in ("first", *_VARIANTS)]
    for table in _TABLES:
        for name, (label, shown) in _FACTS.items():
            row(f"`{table}`" if name == "files" else "", label, *(shown(one[table][name]) for one in facts))
    row("a commit", "of one row, opening included, ms CPU", *(f"{one['append_ms']:.0f}" for one in facts))
    days = [found[f"{variant} days"]["result"] for variant in _VARIANTS]
    row("a day", "of changes, first ten days, s CPU", "", *(f"{one['first_s']:.0f}" for one in days))
    row("", "of changes, last ten days, s CPU", "", *(f"{one['last_s']:.0f}" for one in days))
    row("a night", "of maintenance, mean, s CPU", "", "", f"{days[1]['night_s']:.1f}")
    row("", "of maintenance, the last, s CPU", "", "", f"{days[1]['last_night_s']:.1f}")
    peaks = (found[name]["peak_mb"] for name in ("first", "off days", "on days"))
    row("memory", "at its peak, MB", *(f"{peak:.0f}" for peak in peaks))
    print()


def row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |")


def broken_promises(found: dict[str, Any], options: argparse.Namespace) -> list[str]:
    off, on = (found[f"{variant} facts"]["result"] for variant in _VARIANTS)
    promises: dict[str, bool] = {}
    for table in _TABLES:
        kept = (
            on[table]["active_mb"] * (_KEPT_DAYS + 2) * 1.1
        )  # what a week and the day itself replaced, and what stands
        promises |= {
            f"maintenance changes no row of {table}": on[table]["rows"] == off[table]["rows"],
            f"{table} keeps the files of a week": on[table]["disk_mb"] <= kept,
            f"{table} has no more files than buckets": on[table]["files"] <= options.buckets,
        }
    return [promise for promise, kept in promises.items() if not kept]


@contextmanager
def folder_of(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given.absolute()
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def main(options: argparse.Namespace) -> int:
    with folder_of(options.folder) as folder:
        found = live(Figures(folder / "figures.jsonl"), folder, options)
    report(found, options)
    return conclude("month", found, broken_promises(found, options))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main(options))
