"""Random tables in random dialects, forms and formats, read back: equal or refused, never fewer rows or other values.

    python -m benchmarks.tables.dialects --tables 2000

Tables of 1 to 30 authors whose texts are full of delimiters, quotes, backslashes and line ends, as some twenty programs
write CSV (R, Spark, MySQL, Postgres, Excel, Python and so on), in five encodings, compressed or not; as JSON lines,
Parquet and Delta, too. `sloppy` writes line breaks without quotes: pieces of rows must not become people.
"""

import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"tables": 20})
    parser.add_argument("--tables", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

from hypothesis import HealthCheck, Phase, given, seed, settings

from testing.csv_writers import Unwritable
from testing.random_tables import Table, outcome, tables


def run(number: int, start: int) -> tuple[dict[str, Counter[str]], list[str]]:
    """Outcomes by program, and what went wrong."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    wrong: list[str] = []

    @seed(start)
    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(tables())
    def try_one(table: Table) -> None:
        with tempfile.TemporaryDirectory(prefix="dialects-") as temporary:
            try:
                found[table.program][outcome(table, Path(temporary))] += 1
            except Unwritable:
                found[table.program]["not writable"] += 1
            except Exception as error:  # noqa: BLE001 - each is told, and makes the status 1
                found[table.program]["WRONG"] += 1
                wrong.append(f"{table.program}, {table.form}, {table.encoding}: {error!r:.300}")

    try_one()
    return found, wrong


def main(number: int, start: int) -> int:
    found, wrong = run(number, start)
    totals: Counter[str] = Counter()
    for program in sorted(found):
        counts = found[program]
        totals.update(counts)
        kinds = Counter[str]()
        for name, times in counts.items():
            kinds[name.split(":")[0]] += times
        print(f"{program:34}" + "  ".join(f"{name} {times}" for name, times in sorted(kinds.items())))
    print()
    for name, times in totals.most_common():
        print(f"{times:6} {name}")
    for line in wrong[:10]:
        print(line)
    print(f"{sum(totals.values())} tables, {totals['equal']} equal, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(options.tables, options.seed))
