"""One rule of ids: exact in every format and type, or the row rejected; never another author's id."""

import json
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.sources.null_words import IN_CODES
from summarizer_assets.sources.numbers import whole_number
from summarizer_assets_tests.sources import building

NAME = "N"


def ids_of(frame: pl.DataFrame) -> tuple[list[str], list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        authors, rejected, _ = building.read_frame(Path(folder), frame.with_columns(pl.lit(NAME).alias("name")))
    return authors["author_id"].to_list(), rejected["reason"].to_list()


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        (pl.Int8, -(2**7), 2**7 - 1),
        (pl.UInt8, 0, 2**8 - 1),
        (pl.Int32, -(2**31), 2**31 - 1),
        (pl.Int64, -(2**63), 2**63 - 1),
        (pl.UInt64, 0, 2**64 - 1),
        (pl.Int128, -(2**127), 2**127 - 1),
        (pl.Decimal(38, 0), -(10**37), 10**37),
    ],
)
def test_an_integer_id_keeps_every_digit(dtype, low, high):
    numbers = [low, low + 1, 0, 7, high - 1, high]
    ids, rejected = ids_of(pl.DataFrame({"id": pl.Series([*numbers, None], dtype=dtype)}))
    assert ids == [str(number) for number in numbers]
    assert rejected == ["null_id"]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), min_size=1))
def test_any_integer_id_comes_through_or_is_rejected_when_null(numbers):
    ids, rejected = ids_of(pl.DataFrame({"id": pl.Series(numbers, dtype=pl.Int64)}))
    assert ids == [str(number) for number in numbers if number is not None]
    assert rejected == ["null_id"] * numbers.count(None)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats() | st.none(), min_size=1))
def test_a_float_id_is_exact_or_rejected(numbers):
    ids, rejected = ids_of(pl.DataFrame({"id": pl.Series(numbers, dtype=pl.Float64)}))
    known = [number for number in numbers if number is not None and number == number]  # noqa: PLR0124 - not NaN
    exact = [str(int(number)) for number in known if abs(number) < 2**53 and number == int(number)]
    assert ids == exact
    assert Counter(rejected) == +Counter({"null_id": len(numbers) - len(known), "unusable_id": len(known) - len(exact)})


def test_a_narrow_float_is_exact_below_its_own_limit_only():
    ids, rejected = ids_of(pl.DataFrame({"id": pl.Series([123.0, 2.0**24], dtype=pl.Float32)}))
    assert (ids, rejected) == (["123"], ["unusable_id"])


def test_a_decimal_id_is_exact_or_rejected():
    ids, rejected = ids_of(pl.DataFrame({"id": [Decimal("12345678901234567890.00"), Decimal("1.50")]}))
    assert (ids, rejected) == (["12345678901234567890"], ["unusable_id"])


def test_a_binary_id_is_utf8_or_rejected():
    ids, rejected = ids_of(pl.DataFrame({"id": ["é".encode(), b"\xff", None]}))
    assert (ids, rejected) == (["é"], ["unusable_id", "null_id"])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_a_text_id_is_itself_trimmed_or_rejected_by_a_reason(texts):
    ids, rejected = ids_of(pl.DataFrame({"id": texts}))
    assert len(ids) + len(rejected) == len(texts)
    trimmed = {whole_number(text.strip()) for text in texts}
    assert all(author_id in trimmed or author_id in texts for author_id in ids)
    other = {*IN_CODES, "inf", "infinity"}
    plain = [t for t in texts if t.isalnum() and len(t) <= 512 and t.lower() not in other and whole_number(t) == t]
    assert not Counter(plain) - Counter(ids)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "null_id"),
        ("  \t", "null_id"),
        ("None", "null_id"),
        ("NaN", "null_id"),
        ("a\x00b", "id_with_control_characters"),
        ("a\nb", "id_with_control_characters"),
        ("a\u2028b", "id_with_control_characters"),
        ("x" * 513, "id_too_long"),
    ],
)
def test_an_unusable_text_id_is_rejected_with_its_reason(text, reason):
    assert ids_of(pl.DataFrame({"id": [text, "x" * 512]})) == (["x" * 512], [reason])


def test_csv_ids_keep_leading_zeros_and_digits_and_lose_the_float_of_pandas(tmp_path):
    text = "id,name\n00123,a\n9007199254740993,b\n123.0,c\n 5 ,d\n1.5,e\n"
    authors, _, _ = building.read_csv(tmp_path, text)
    assert authors["author_id"].to_list() == ["00123", "9007199254740993", "123", "5", "1.5"]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers() | st.integers(2**53, 2**70), min_size=1, max_size=20))
def test_json_ids_keep_every_digit_as_numbers_and_as_texts(numbers):
    lines = [json.dumps({"id": number, "name": NAME}) for number in numbers]
    lines += [json.dumps({"id": f"00{number}", "name": NAME}) for number in numbers]
    with tempfile.TemporaryDirectory() as folder:
        authors, _, _ = building.read_jsonl(Path(folder), *lines)
    assert authors["author_id"].to_list() == [*map(str, numbers), *(f"00{number}" for number in numbers)]


def test_a_json_float_id_that_was_rounded_is_rejected(tmp_path):
    lines = ['{"id": 123.0, "name": "N"}', '{"id": 9007199254740993.0, "name": "N"}', '{"id": 1e30, "name": "N"}']
    authors, rejected, _ = building.read_jsonl(tmp_path, *lines)
    assert authors["author_id"].to_list() == ["123"]
    assert rejected["reason"].to_list() == ["unusable_id"] * 2
    assert [row.split(": ")[0][-2:] for row in rejected["row"]] == [":2", ":3"]


#: What stands in a text, and the id that it is; None: unusable.
WRITTEN = {
    "4.0": "4", "123.00": "123", "-4.0": "-4", "0.0": "0", "-0.0": "0", "1234.000": "1234",
    "9007199254740991.0": "9007199254740991", "9007199254740992.0": None, "12345678901234567890.0": None,
    "1.000": None, "12.000": None, "123.000": None,  # or thousands
    "1e+05": "100000", "1.2e+11": "120000000000", "1e+005": "100000", "1.2346e+11": None, "1.23457e+11": None,
    "1.2E11": "120000000000", "1.2e11": "120000000000", "1.23456789012E11": "123456789012", "1e5": "100000",
    "1.2E+11": None, "1.23457E+11": None, "1.23E+11": None, "1,23E+11": None, "1E+05": None,
    "1.23456789012E+11": "123456789012", "1.00000000000E+11": "100000000000", "1.500000000000000000e+01": "15",
    "1.2345678901234568e+19": None, "1e+30": None, "1.5e0": None, "1e-05": None, "0E0": "0", "0.000000e+00": "0",
    "inf": None, "-Infinity": None,
    # No floats: ids like any other.
    "1.5": "1.5", "00123": "00123", "00123.0": "00123.0", "12345e67": "12345e67", "1e05": "1e05", "5e999": "5e999",
    "A-1234-2010": "A-1234-2010", "0000-0002-1825-0097": "0000-0002-1825-0097", "1.2.3": "1.2.3", "+5": "+5",
    "https://openalex.example/A1": "https://openalex.example/A1", "1,234": "1,234", "E11": "E11", "Nancy": "Nancy",
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
}  # fmt: skip


def in_each_format(folder: Path, texts: list[str]):
    """The same ids as texts of every format: uri by name."""
    frame = pl.DataFrame({"id": texts, "name": [NAME] * len(texts)})
    frame.write_parquet(folder / "ids.parquet")
    frame.with_columns(pl.col("id").cast(pl.Binary)).write_parquet(folder / "binary.parquet")
    frame.with_columns(pl.col("id").cast(pl.Categorical)).write_parquet(folder / "categories.parquet")
    write_deltalake(str(folder / "delta"), frame)
    building.write(folder / "ids.csv", building.csv_bytes(frame))
    building.write(folder / "ids.jsonl", building.jsonl_bytes(frame))
    return [
        str(folder / name)
        for name in ("ids.parquet", "binary.parquet", "categories.parquet", "delta", "ids.csv", "ids.jsonl")
    ]


def test_a_text_is_the_same_id_or_none_in_every_format(tmp_path):
    for uri in in_each_format(tmp_path, list(WRITTEN)):
        authors, rejected, _ = building.read(uri)
        expected = {text: wanted for text, wanted in WRITTEN.items() if wanted is not None}
        assert set(authors["author_id"].to_list()) == set(expected.values()), uri
        assert rejected["reason"].to_list() == ["unusable_id"] * (len(WRITTEN) - len(expected)), uri
        for text in WRITTEN.keys() - expected.keys():
            assert rejected["row"].str.contains(text, literal=True).any(), (uri, text)


def test_a_word_for_nothing_is_no_id_in_any_case_and_format(tmp_path):
    words = [*IN_CODES, *map(str.upper, IN_CODES), *map(str.title, IN_CODES), " NA ", "", "\t"]
    for uri in in_each_format(tmp_path, words):
        authors, rejected, _ = building.read(uri)
        assert authors.is_empty(), uri
        assert set(rejected["reason"]) == {"null_id"}, uri


#: How tools write a float.
PRINTERS = {
    "Python": repr, "C %.1f": "{:.1f}".format, "C %.0f": "{:.0f}".format, "numpy": "{:.18e}".format,
    "R": "{:.15g}".format, "awk": "{:.6g}".format, "MATLAB": "{:.5g}".format, "a spreadsheet": "{:.5E}".format,
    "a spreadsheet, short": "{:.2E}".format, "Spark": lambda number: repr(number).replace("e+", "E").replace("e", "E"),
    "Polars": lambda number: pl.DataFrame([number]).write_csv(include_header=False).strip(),
}  # fmt: skip
UNKNOWABLE = {"awk", "MATLAB", "C %.0f"}
ROUND = st.builds(lambda digits, zeros: digits * 10**zeros, st.integers(1, 9999), st.integers(0, 14))


@settings(deadline=None, max_examples=60)
@given(st.integers(-(2**80), 2**80) | st.integers(0, 2**54) | ROUND)
def test_a_number_is_one_id_or_none_whatever_wrote_it(number):
    written = {tool: printed(float(number)) for tool, printed in PRINTERS.items()}
    # What these rounded to few digits, or without an exponent, looks like a number that was not rounded.
    written = {tool: text for tool, text in written.items() if tool not in UNKNOWABLE or Decimal(text) == number}
    found = ids_by_tool(pl.DataFrame({"id": [*written.values()], "name": [*written]}))
    for column in (pl.Series([float(number)]), pl.Series([float(number)], dtype=pl.Float32)):
        found |= ids_by_tool(pl.DataFrame({"id": column, "name": [str(column.dtype)]}))
    for dtype in (pl.Int64(), pl.Decimal(38, 0)) if abs(number) < 2**63 else ():
        assert ids_of(pl.DataFrame({"id": pl.Series([number], dtype=dtype)})) == ([str(number)], [])
    assert set(found.values()) <= {str(number)}, (number, written, found)
    if abs(number) < 2**53:
        assert {"Python", "C %.1f", "numpy", "Spark", "Polars", "Float64"} <= found.keys(), (number, written, found)


def ids_by_tool(frame: pl.DataFrame) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        authors, _, _ = building.read_frame(Path(folder), frame)
    return dict(authors.select("author_name", "author_id").iter_rows())
