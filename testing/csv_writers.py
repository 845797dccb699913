"""CSV as programs write it, each in its manner: for the properties, and for the real authors through every form.

A writer takes the header and the rows (texts, None where there is nothing) and gives the file's text. One that cannot
write some text without loss says so with `Unwritable`.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence

Header = Sequence[str]
Rows = Sequence[Sequence[str | None]]
Writer = Callable[[Header, Rows], str]


class Unwritable(Exception):
    """The program would lose something of these texts."""


def by_python(
    header: Header,
    rows: Rows,
    *,
    delimiter: str = ",",
    quote: str = '"',
    quoting: int = csv.QUOTE_MINIMAL,
    doubled: bool = True,
    ends: str = "\n",
    null: str = "",
) -> str:
    """Python's csv, and so pandas' to_csv."""
    if quote == "'" and any(value and value[0] == value[-1] == '"' for row in rows for value in row):
        raise Unwritable  # left bare between delimiters, it is a quoted text to every reader
    out = io.StringIO(newline="")
    writer = csv.writer(
        out,
        delimiter=delimiter,
        quotechar=quote,
        quoting=quoting,  # type: ignore[arg-type]
        doublequote=doubled,
        escapechar=None if doubled else "\\",
        lineterminator=ends,
    )
    writer.writerow(header)
    writer.writerows([null if value is None else value for value in row] for row in rows)
    return out.getvalue()


def by_r(
    header: Header, rows: Rows, *, sep: str = ",", escape: bool = False, names: bool = True, null: str = ""
) -> str:
    r"""R's write.csv, and write.table with `escape`: all texts in quotes, row names before them.

    `escape`: a quote is `\"`, a backslash stays as it is, and the header has no name for the row names.
    """

    def text(value: str) -> str:
        return '"' + value.replace('"', '\\"' if escape else '""') + '"'

    if escape and any(value and (value.endswith("\\") or '\\"' in value) for row in rows for value in row):
        raise Unwritable
    first = [] if escape or not names else [text("")]
    lines = [sep.join([*first, *map(text, header)])]
    for number, row in enumerate(rows, 1):
        fields = [null if value is None else value if value.isdigit() else text(value) for value in row]
        lines.append(sep.join([text(str(number)), *fields] if names else fields))
    return "\n".join(lines) + "\n"


def by_spark(header: Header, rows: Rows, *, sep: str = ",", quote_all: bool = False) -> str:
    r"""Spark's df.write.csv: in quotes only where it must be, `\"` and `\\` in quotes only; it trims."""

    def field(value: str | None) -> str:
        if value is None:
            return '""' if quote_all else ""
        if quote_all or any(mark in value for mark in (sep, '"', "\n", "\r")):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return value

    return "".join(sep.join(map(field, row)) + "\n" for row in [header, *rows])


def by_mysql(header: Header, rows: Rows, *, sep: str = "\t", enclosed: str = "") -> str:
    r"""MySQL's SELECT … INTO OUTFILE, a header before it: escapes by backslash, `\N` for nothing."""
    if not enclosed and any(value == '""' for row in rows for value in row):
        raise Unwritable

    def field(value: str | None) -> str:
        if value is None:
            return "\\N"
        for mark in ("\\", enclosed or sep, "\n"):
            value = value.replace(mark, "\\" + mark)
        return enclosed + value + enclosed

    return "".join(sep.join(map(field, row)) + "\n" for row in [header, *rows])


def by_postgres_text(header: Header, rows: Rows) -> str:
    r"""Postgres' COPY … TO … (HEADER): tabs, escapes by backslash and letter, `\N` for nothing."""
    letters = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\v": "\\v"}
    escapes = str.maketrans(letters)
    return "".join(
        "\t".join("\\N" if value is None else value.translate(escapes) for value in row) + "\n"
        for row in [header, *rows]
    )


def by_web_of_science(header: Header, rows: Rows, *, trailing: bool = False) -> str:
    """Tab-delimited with bare quotes: no quoting at all."""
    if any(value == '""' or (value and set(value) & set("\t\r\n")) for row in rows for value in row):
        raise Unwritable
    end = "\t\r\n" if trailing else "\r\n"
    first, *others = ["\t".join(value or "" for value in row) for row in [header, *rows]]
    return first + "\r\n" + "".join(line + end for line in others)


def by_excel(header: Header, rows: Rows, *, sep: str = ";", told: bool = True) -> str:
    """Excel where the comma is decimal: semicolons, CRLF, perhaps `sep=;` before all."""
    return (f"sep={sep}\r\n" if told else "") + by_python(header, rows, delimiter=sep, ends="\r\n")


def by_excel_as_unicode_text(header: Header, rows: Rows) -> str:
    """Excel's "Unicode text": tabs; in quotes where there is a comma, a quote, a tab or a line end."""

    def field(value: str | None) -> str:
        value = value or ""
        return '"' + value.replace('"', '""') + '"' if set(value) & set(',"\t\n\r') else value

    return "".join("\t".join(map(field, row)) + "\r\n" for row in [header, *rows])


def by_sloppy_hand(header: Header, rows: Rows) -> str:
    """Values with commas between them, and nothing done about line ends within."""
    return "".join(",".join(value or "" for value in row) + "\n" for row in [header, *rows])


WRITERS: Mapping[str, Writer] = {
    "python": by_python,
    "pandas, all in quotes": lambda header, rows: by_python(header, rows, quoting=csv.QUOTE_ALL),
    "python, escapes": lambda header, rows: by_python(header, rows, doubled=False),
    "python, escapes without quotes": lambda header, rows: by_python(
        header, rows, doubled=False, quoting=csv.QUOTE_NONE, ends="\n"
    ),
    "bars": lambda header, rows: by_python(header, rows, delimiter="|"),
    "apostrophes": lambda header, rows: by_python(header, rows, quote="'"),
    "old Mac": lambda header, rows: by_python(header, rows, ends="\r"),
    "R write.csv": lambda header, rows: by_r(header, rows, null="NA"),
    "R write.csv without row names": lambda header, rows: by_r(header, rows, names=False, null="NA"),
    "R write.csv2": lambda header, rows: by_r(header, rows, sep=";", null="NA"),
    "R write.table": lambda header, rows: by_r(header, rows, sep=" ", escape=True, null="NA"),
    "R write.table, tabs": lambda header, rows: by_r(header, rows, sep="\t", escape=True, names=False, null="NA"),
    "Spark": by_spark,
    "Spark, tabs": lambda header, rows: by_spark(header, rows, sep="\t"),
    "Spark, quoteAll": lambda header, rows: by_spark(header, rows, quote_all=True),
    "MySQL OUTFILE": by_mysql,
    "MySQL OUTFILE, commas and quotes": lambda header, rows: by_mysql(header, rows, sep=",", enclosed='"'),
    "Postgres COPY": by_postgres_text,
    "Postgres COPY CSV": by_python,
    "Excel, sep=;": by_excel,
    "Excel, semicolons": lambda header, rows: by_excel(header, rows, told=False),
    "Excel, Unicode text": by_excel_as_unicode_text,
    "Web of Science": by_web_of_science,
    "Web of Science, trailing tabs": lambda header, rows: by_web_of_science(header, rows, trailing=True),
}
