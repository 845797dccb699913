"""What a source is that Spark writes for us, and what we must read it as."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: The authors in each form, by its name, and the place to write them to.
Write = Callable[[Mapping[str, "DataFrame"], str], None]


@dataclass(frozen=True)
class Change:
    """A Delta table that Spark changes between two ingests of ours.

    Attributes:
        first: statements that make it; `{path}` is its folder, `{page}` stands for what our page tells its owner to do.
        then: statements that change it.
        read: what our second ingest must say of what it read.
    """

    first: tuple[str, ...]
    then: tuple[str, ...]
    read: str


@dataclass(frozen=True)
class Case:
    """One source.

    Attributes:
        name: of its folder: what is special about it.
        make: statements in SQL, in which `{t}` is the table, `{plain}` and `{mapped}` are tables of other cases, and
            `nested`, `flat` and `narrow` are views of the authors; or what is done with the frames of these views.
        form: which of them it must be read as.
        gone: authors who are not in it.
        columns: our names to its, where ours has to be told.
        settings: Spark's, while it is written.
        refused: what the error must say where it is not to be read.
    """

    name: str
    make: tuple[str, ...] | Write
    form: str = "nested"
    gone: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    refused: str | None = None
