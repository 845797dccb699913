"""About how many authors a source has, by the bytes of its files: no row is read."""

from collections.abc import Mapping
from typing import Final

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from summarizer_assets.sources.delta.log import first_line
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.files import Listing, list_files
from summarizer_assets.sources.formats import COMPRESSED
from summarizer_assets.sources.watch import files_of

#: Bytes of an author: in Parquet 98 to 125 (real authors with 9 papers each, docs/scale.md), as plain text about eight
#: times that. Wide sources look larger than they are, which gives more and smaller buckets.
_AUTHOR_BYTES: Final = 100
_AUTHOR_BYTES_OF_TEXT: Final = 800


def authors_about(uri: str, storage_options: Mapping[str, str] | None) -> int:
    """About how many authors a source has.

    Raises:
        SourceError: nothing readable exists there.
    """
    options = dict(storage_options) if storage_options else None
    listing = list_files(uri, options)
    plain = listing.format in ("csv", "jsonl") and not listing.paths[0].endswith(COMPRESSED)
    return _bytes_of(listing, options) // (_AUTHOR_BYTES_OF_TEXT if plain else _AUTHOR_BYTES)


def _bytes_of(listing: Listing, options: dict[str, str] | None) -> int:
    if listing.format != "delta":
        return sum(size for _, size, _ in files_of(listing.paths, options))
    try:
        adds = DeltaTable(listing.paths[0], storage_options=options).get_add_actions(flatten=True)
    except DeltaError as error:
        raise SourceError(f"{listing.paths[0]}: the Delta table's log cannot be read: {first_line(error)}") from error
    return sum(adds.column("size_bytes").to_pylist())
