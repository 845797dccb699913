"""Frames as Arrow tables of plain strings and lists, so that every reader of Parquet reads what we write.

Fact this rests on (deltalake 1.6, polars 2.1): a file says in its own header how its texts lie in memory, and delta-rs
writes there what it was given. Views of texts are not known to Daft and to Arrow before 15.
"""

import polars as pl
import pyarrow as pa

#: A plain text column counts its bytes in 32 bits; what is larger goes in parts.
_MOST_BYTES = 2**30


def plain(frame: pl.DataFrame, most_bytes: int = _MOST_BYTES) -> pa.Table:
    """The same rows; texts are `string`, lists `list`, both counted in 32 bits, in as many chunks as that takes."""
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    schema = pa.schema([pa.field(field.name, _plain(field.type)) for field in table.schema])
    if table.nbytes <= most_bytes:
        return table.cast(schema)
    rows = max(1, table.num_rows * most_bytes // table.nbytes)
    parts = (_cut(table.slice(start, rows)) for start in range(0, table.num_rows, rows))
    return pa.concat_tables([part.cast(schema) for part in parts])


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_large_list(kind):
        return pa.list_(pa.field(kind.value_field.name, _plain(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _plain(field.type)) for field in kind])
    return kind


def _cut(part: pa.Table) -> pa.Table:
    """A slice still holds the whole table's buffers, and its offsets count from their beginning; a copy does not."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, part.schema) as stream:
        stream.write_table(part)
    return pa.ipc.open_stream(sink.getvalue()).read_all()
