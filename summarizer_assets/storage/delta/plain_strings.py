"""Conversion of frames to Arrow tables of plain strings and lists, which every Parquet reader supports.

Why (deltalake 1.6, polars 2.1): a Parquet file's header contains the Arrow types of its writer, and delta-rs writes the
types it was given. Daft, and Arrow before 15, do not support string views.
"""

import polars as pl
import pyarrow as pa

#: A plain string column has 32-bit offsets, so larger columns are split into chunks.
_MOST_BYTES = 2**30


def plain(frame: pl.DataFrame, most_bytes: int = _MOST_BYTES) -> pa.Table:
    """The same rows with types `string` and `list` (32-bit offsets), in as many chunks as these offsets require."""
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
    """Copy a slice, whose buffers and offsets otherwise remain those of the whole table."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, part.schema) as stream:
        stream.write_table(part)
    return pa.ipc.open_stream(sink.getvalue()).read_all()
