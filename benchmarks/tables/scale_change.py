"""Changes one author in a hundred of a Delta source in place: `python -m benchmarks.tables.scale_change SOURCE OTHER`.

Their rows are deleted and those that OTHER, a table of the same authors, holds of them are appended. The table gets a
change feed first, as a team would turn it on before it relies on it.
"""

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, part_of="tables.scale")
    parser.add_argument("source")
    parser.add_argument("other")
    options = parser.parse_args()

import polars as pl
from deltalake import DeltaTable, WriterProperties, write_deltalake

_ID, _ONE_IN = "daisngid", 100


def main(source: str, other: str) -> None:
    table = DeltaTable(source)
    table.alter.set_table_properties({"delta.enableChangeDataFeed": "true"})
    table.delete(f"{_ID} % {_ONE_IN} = 7")
    rows = pl.scan_delta(other).filter(pl.col(_ID) % _ONE_IN == 7).collect()
    write_deltalake(source, rows, mode="append", writer_properties=WriterProperties(compression="ZSTD"))


if __name__ == "__main__":
    main(options.source, options.other)
