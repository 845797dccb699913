"""The reader of JSON lines, or of one array of objects; a broken object is rejected with its line.

JSON has no schema: a column may first appear in any line, under any known name. So names are resolved as they appear,
and a batch has the columns seen so far, under our names.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import polars as pl

from summarizer_assets.sources.columns import (
    AUTHOR_NAMES,
    PAPER_NAMES,
    Form,
    Layout,
    matches,
    paper_fields,
    table_layout,
)
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.json import values as json_values
from summarizer_assets.sources.json.array import Line, elements, starts_array
from summarizer_assets.sources.json.values import Object
from summarizer_assets.sources.readers import Batch, nothing_rejected
from summarizer_assets.sources.shape import LINE, rejected_texts

_PEEKED = 1000
_DECODED_LINES = 10_000  # parsed JSON takes several times the memory of its text


@dataclass
class _Names:
    """Maps the keys seen so far to our columns.

    Attributes:
        id_key: the first key resolved as id; it is kept, because another known name may be the id of something else.
    """

    mapping: Mapping[str, str]
    where: str
    id_key: str
    form: Form
    seen: dict[str, None] = field(default_factory=dict)
    seen_in_papers: dict[str, None] = field(default_factory=dict)

    def see(self, objects: Sequence[Object], line: int) -> None:
        """Take in the keys of a batch that begins at `line`.

        Raises:
            SourceError: nested papers appear after the columns of the flat form, or none of their fields is known.
        """
        for found in objects:
            if not found.keys() <= self.seen.keys():
                self.seen.update(dict.fromkeys(found))
        if self.papers:
            values = [value for key in self.papers for found in objects if (value := found.get(key)) is not None]
            self.seen_in_papers.update(json_values.keys_of_papers([_papers_of(value) for value in values]))
            if self.form == "flat":
                raise SourceError(
                    f"{self.where}: in or after line {line} begins a column of papers, and there are columns of one "
                    "paper before; write one form, one object an author with `papers`, or one an author and paper"
                )
            self.form = "nested"
            if self.seen_in_papers:
                paper_fields([*self.seen_in_papers], self._seen_mapping(), f"{self.where}: papers")
        elif self.form == "narrow" and any(self._keys(name) for name in PAPER_NAMES):
            self.form = "flat"

    @property
    def papers(self) -> list[str]:
        return self._keys("papers")

    def authors(self) -> dict[str, list[str]]:
        """Our author columns mapped to their keys, without `papers`; in the flat form also the paper columns."""
        names = [*AUTHOR_NAMES, *(PAPER_NAMES if self.form == "flat" else ())]
        found = {name: self._keys(name) for name in names if name != "papers"}
        ids = [self.id_key, *(key for key in found["author_id"] if _same_word(key, self.id_key) and key != self.id_key)]
        return {name: keys for name, keys in found.items() if keys} | {"author_id": ids}

    def fields(self) -> dict[str, list[str]]:
        """Our paper fields mapped to their keys; a field not seen yet maps to its own name."""
        found = {name: matches(name, [*self.seen_in_papers], self.mapping) for name in PAPER_NAMES}
        return {name: keys for name, keys in found.items() if keys} or {"ut": ["ut"]}

    def _keys(self, name: str) -> list[str]:
        return [key for key in matches(name, [*self.seen], self.mapping) if key != self.id_key or name == "author_id"]

    def _seen_mapping(self) -> dict[str, str]:
        return {name: key for name, key in self.mapping.items() if key in self.seen_in_papers}


@dataclass(frozen=True)
class JsonLinesReader:
    """A file of JSON objects. Its batches have our column names."""

    path: str
    names: _Names | None
    options: dict[str, str] | None

    @property
    def layout(self) -> Layout | None:
        """The layout known from the first lines."""
        if self.names is None:
            return None
        found = own_layout([*self.names.authors(), *(["papers"] if self.names.papers else [])])
        return replace(found, available=tuple(self.names.seen), fields=tuple(self.names.seen_in_papers))

    def batches(self, rows: int) -> Iterator[Batch]:
        if self.names is None:
            return
        names = replace(self.names, seen=dict(self.names.seen), seen_in_papers=dict(self.names.seen_in_papers))
        lines = _lines(self.path, self.options)
        while some := list(islice(lines, min(rows, _DECODED_LINES))):
            yield self._batch(some, names)

    def _batch(self, lines: Sequence[Line], names: _Names) -> Batch:
        objects: list[Object] = []
        good, unreadable = list[Line](), list[Line]()
        for line in lines:
            value = _object(line.text)
            (unreadable if value is None else good).append(line)
            objects += [] if value is None else [value]
        names.see(objects, lines[0].number)
        found = json_values.columns(objects, names.authors())
        frame, bad = found.frame, found.bad
        if names.papers:
            values = [
                next((held for key in names.papers if (held := one.get(key)) is not None), None) for one in objects
            ]
            papers, wrong = json_values.papers([_papers_of(value) for value in values], names.fields())
            frame, bad = frame.with_columns(papers), bad | wrong
        frame = frame.with_columns(pl.Series(LINE, [line.number for line in good], dtype=pl.UInt64))
        if bad:
            frame = frame.filter(~pl.int_range(pl.len()).is_in(sorted(bad)))
        return frame, self._rejected(unreadable, [good[row] for row in sorted(bad)])

    def _rejected(self, unreadable: Sequence[Line], of_wrong_shape: Sequence[Line]) -> pl.DataFrame:
        lines = [*unreadable, *of_wrong_shape]
        if not lines:
            return nothing_rejected()
        reasons = ["unreadable_line"] * len(unreadable) + ["wrong_shape"] * len(of_wrong_shape)
        texts = pl.Series([line.text for line in lines], dtype=pl.String)
        numbers = pl.Series([line.number for line in lines], dtype=pl.UInt64)
        return rejected_texts(texts, pl.Series(reasons, dtype=pl.String), self.path, numbers)


def _same_word(one: str, other: str) -> bool:
    return one.strip().lower() == other.strip().lower()


def own_layout(names: Sequence[str]) -> Layout:
    """The layout of a table whose columns have our names."""
    authors = {name: name for name in AUTHOR_NAMES if name in names}
    papers = {} if "papers" in authors else {name: name for name in PAPER_NAMES if name in names}
    return Layout("nested" if "papers" in authors else "flat" if papers else "narrow", authors, papers)


def open_jsonl(path: str, mapping: Mapping[str, str], options: dict[str, str] | None) -> JsonLinesReader:
    """Open a file of JSON lines, or of one array of objects.

    Raises:
        SourceError: the objects do not make authors.
    """
    lines = _lines(path, options)
    first = list(islice(lines, _PEEKED))
    if not first:
        return JsonLinesReader(path, None, options)
    keys: dict[str, None] = {}
    some: Sequence[Line] = first
    problem: SourceError | None = None
    while some:  # until the keys seen make an author
        objects: list[Object] = [value for line in some if (value := _object(line.text)) is not None]
        for found in objects:
            keys.update(dict.fromkeys(found))
        try:
            names = _resolved(path, mapping, keys)
            names.see(objects, some[0].number)
        except SourceError as error:
            problem = error
        else:
            return JsonLinesReader(path, names, options)
        some = list(islice(lines, _DECODED_LINES))
    assert problem is not None
    raise _described(path, first, keys) or problem


def _resolved(path: str, mapping: Mapping[str, str], keys: Mapping[str, None]) -> _Names:
    layout = table_layout([*keys], mapping, path)
    form: Form = "narrow" if layout.form == "nested" else layout.form
    return _Names(mapping, path, layout.authors["author_id"], form, dict(keys))


def _described(path: str, lines: Sequence[Line], keys: Mapping[str, None]) -> SourceError | None:
    """An error that says what the file is, if it is something other than lines of objects; None if it is not known."""
    if not keys:
        return SourceError(
            f"{path}: holds no JSON object a line (it begins {lines[0].text[:60]!r}); write one object a line, as "
            "`jq -c .` does with objects over several lines"
        )
    whole = _object(lines[0].text) if len(lines) == 1 else None
    inside = [
        key for key, value in (whole or {}).items() if isinstance(value, list) and value and isinstance(value[0], dict)
    ]
    if inside:
        return SourceError(
            f"{path}: is one object, whose {inside[0]!r} is a list of objects; write these one a line, as "
            f"`jq -c '.{inside[0]}[]'` does"
        )
    return None


def _object(text: str) -> Object | None:
    try:
        value = json_values.decoded(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _papers_of(value: object) -> object:
    """Decode papers that are a JSON text within JSON."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return json_values.decoded(value)
    except ValueError:
        return value  # not JSON; its shape is checked later


def _lines(path: str, options: dict[str, str] | None) -> Iterator[Line]:
    """The non-blank lines of a file, or the elements of its array."""
    scanned = pl.scan_lines(path, glob=False, storage_options=options)
    batches = scanned.collect_batches(chunk_size=_DECODED_LINES, maintain_order=True, engine="streaming")
    lines = _numbered(batches)
    begin = next(lines, None)
    if begin is None:
        return
    if starts_array(begin.text):
        yield from elements(path, options)
        return
    yield begin
    yield from lines


def _numbered(batches: Iterator[pl.DataFrame]) -> Iterator[Line]:
    number = 0
    for batch in batches:
        for text in batch.to_series().str.strip_chars(" \t\r\ufeff"):
            number += 1
            if text:
                yield Line(number, text)
