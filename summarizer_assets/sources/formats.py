"""The file formats that a source may have, each described once. Its reader is registered in `source.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Format = Literal["delta", "parquet", "csv", "jsonl"]


@dataclass(frozen=True)
class FileFormat:
    """One format.

    `meaning`: its name for people. `extensions`: of its file names. `magic`: the first bytes of each of its files; None
    if it is text, which may be compressed as a whole. `own_names`: its reader's batches have our column names already.
    """

    name: Format
    meaning: str
    extensions: tuple[str, ...]
    magic: bytes | None = None
    own_names: bool = False

    @property
    def is_text(self) -> bool:
        return self.magic is None


COMPRESSED: Final = (".gz", ".zst")  # of text files
FORMATS: Final[Mapping[str, FileFormat]] = {
    one.name: one
    for one in (
        FileFormat("parquet", "a Parquet file", (".parquet", ".pq"), magic=b"PAR1"),
        FileFormat("csv", "CSV", (".csv", ".tsv")),
        FileFormat("jsonl", "JSON lines", (".jsonl", ".ndjson", ".json"), own_names=True),
    )
}
KNOWN: Final = (
    f"a Delta table, or {', '.join(extension for one in FORMATS.values() for extension in one.extensions)}; "
    f"the text formats also with {' or '.join(COMPRESSED)}"
)
