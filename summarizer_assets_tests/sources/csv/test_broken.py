"""CSV that is broken: rows are rejected with file and line, or the file is refused; nobody is swallowed or made up."""

import numpy as np
import pytest

from summarizer_assets.sources.csv.utf8_blocks import BLOCK, TextFile
from summarizer_assets.sources.errors import SourceError
from testing.random_tables import read

GOOD = "{0},Name {0},Inst {0},U{0},Title {0},Journal {0}"
HEADER = "author_id,author_name,primary_affiliation,ut,title,journal"


def lines_of(*rows):
    return "\n".join([HEADER, *rows]) + "\n"


def good(*numbers):
    return [GOOD.format(number) for number in numbers]


def outcome(path):
    frame, seen, rejected = read(str(path))
    told = [(row.split(": ", 1)[0].rpartition(":")[2], reason) for reason, row, _ in rejected.rows()]
    return frame["author_id"].to_list(), told, seen


SHORT, LONG, QUOTES = "too_few_fields", "too_many_fields", "broken_quotes"


@pytest.mark.parametrize(
    ("rows", "authors", "told"),
    [
        pytest.param([*good(1), "2,Bob", *good(3)], ["1", "3"], [("3", SHORT)], id="short"),
        pytest.param([*good(1), "2,Bob,a,b,c,d,e", *good(3)], ["1", "3"], [("3", LONG)], id="long"),
        pytest.param(
            [*good(1), "2,Bob,Inst", "two,U2,T,J", *good(3)],
            ["1", "3"],
            [("3", SHORT), ("4", SHORT)],
            id="torn in the middle",
        ),
        pytest.param(
            [*good(1), "2,Bob,Inst", "line two,Name 2,U2,A title,Journal,x", *good(3, 4)],
            ["1", "3", "4"],
            [("3", SHORT), ("4", "unlike_other_ids")],
            id="torn, and the rest has as many fields as a row",
        ),
        pytest.param(
            [*good(1), "2,Bob,Inst,U2,T,Journal of", "Things", *good(3, 4)],
            ["1", "3", "4"],
            [("3", "beside_broken_row"), ("4", SHORT)],
            id="torn in the last field: the row before has lost its end",
        ),
        pytest.param(
            [*good(1), "2,Bob,Inst,U2,T,J", "with, some", "more, and, more, and, so, on, here", *good(3, 4)],
            ["1", "3", "4"],
            [("3", "beside_broken_row"), ("4", SHORT), ("5", LONG)],
            id="torn twice in the last field",
        ),
        pytest.param(
            [*good(1), '2,Bob,"Inst "two" here",U2,T,J', *good(3)], ["1", "3"], [("3", QUOTES)], id="quote within"
        ),
        pytest.param(
            [*good(1), '2,Bob,"Inst,U2,T,J', *good(3, 4)], ["1", "3", "4"], [("3", QUOTES)], id="never closed"
        ),
        pytest.param(
            [*good(1), '2,Bob,"Inst,U2,T,J', *good(3), '4,Dee,"Inst",U4,T,J', *good(5)],
            ["1", "3", "4", "5"],
            [("3", QUOTES)],
            id="closed by the quote of another row",
        ),
        pytest.param(
            [*good(1), '2,Bob,"Inst', *good(3), 'Two",U2,T,J', *good(5)],
            ["1", "5"],
            [("3", QUOTES), ("4", QUOTES), ("5", QUOTES)],
            id="a whole row within quotes",
        ),
        pytest.param(
            [*good(1), '2,Bob,"I,U2,T,J', '3,C",I,U3,T,J', *good(4)],
            ["1", "4"],
            [("3", QUOTES), ("4", QUOTES)],
            id="two rows that make one of the right number of fields",
        ),
        pytest.param(
            [*good(1), '2, "Bob",Inst,U2,T,J', *good(3)], ["1", "3"], [("3", QUOTES)], id="a blank before a quote"
        ),
        pytest.param([*good(1), HEADER, *good(2)], ["1", "2"], [("3", "repeated_header")], id="two files joined"),
        pytest.param(
            [*good(1), GOOD.format(2) + "\r" + GOOD.format(3), *good(4)], ["1", "4"], [("3", LONG)], id="a lone CR"
        ),
        pytest.param(
            [*good(1), "Total: 2", *good(2)], ["2"], [("2", "beside_broken_row"), ("3", SHORT)], id="a remark"
        ),
    ],
)
def test_a_broken_row_is_rejected_with_its_line_and_nobody_else_is(tmp_path, rows, authors, told):
    (tmp_path / "a.csv").write_text(lines_of(*rows), newline="")
    assert outcome(tmp_path / "a.csv") == (authors, sorted(told), len(authors) + len(told))


def test_without_a_shape_of_ids_the_neighbours_of_what_is_torn_are_rejected_too(tmp_path):
    rows = [f"Author {letter},Name,Inst,U,T,J" for letter in "abcdef"]
    rows[2:3] = ["Author c,Name,Inst", "of Two,Name of somebody,else,with,six,fields"]
    (tmp_path / "a.csv").write_text(lines_of(*rows))
    authors, told, _ = outcome(tmp_path / "a.csv")
    assert "of Two" not in authors
    assert authors == ["Author a", "Author d", "Author e", "Author f"]
    assert [line for line, _ in told] == ["3", "4", "5"]


def test_quotes_that_are_broken_in_many_rows_refuse_the_file(tmp_path):
    rows = [f'{number},"Name "{number}" x, y",Inst,U,T,J' for number in range(100)]
    (tmp_path / "a.csv").write_text(lines_of(*rows))
    with pytest.raises(SourceError, match=r"a\.csv: its quotes cannot be trusted: .* 100 of 100 rows, first on line 2"):
        read(str(tmp_path / "a.csv"))


@pytest.mark.parametrize(
    "row",
    [
        '1,"a, b",Inst,U1,two \\\\ backslashes,J',
        "1,Ann,Inst,U1,two \\\\ backslashes,J",
        "\n".join(f'"{number}","Ann","Inst","U","\\\\\\\\","J"' for number in range(9)),
    ],
    ids=["beside quotes", "without quotes", "the same value again and again"],
)
def test_backslashes_that_can_be_read_in_two_ways_refuse_the_file(tmp_path, row):
    (tmp_path / "a.csv").write_text(lines_of(row))
    with pytest.raises(SourceError, match=r"a\.csv: its backslashes can be read in two ways.*JSON lines"):
        read(str(tmp_path / "a.csv"))


def test_the_same_backslashes_in_many_blocks_say_no_more_than_in_one(tmp_path, monkeypatch):
    monkeypatch.setattr(TextFile.blocks, "__defaults__", (256,))
    rows = [f'"{number}","Ann","Inst","U{number}","\\\\","J"' for number in range(99)]
    (tmp_path / "a.csv").write_text(lines_of(*rows))
    with pytest.raises(SourceError, match="can be read in two ways"):
        read(str(tmp_path / "a.csv"))


def test_a_file_against_whose_likeliest_readings_its_own_backslashes_speak_is_refused_by_name(tmp_path):
    rows = ["1,'Ann #;,',$\\alpha$\\,U1,T,J"] * 3 + ["2,Bob,,U2,T,J"] * 3
    (tmp_path / "a.csv").write_text(lines_of(*rows))
    with pytest.raises(SourceError, match="can be read in two ways"):
        read(str(tmp_path / "a.csv"))


@pytest.mark.parametrize("place", ["start", "middle", "end"])
@pytest.mark.parametrize("quoted", [False, True])
def test_broken_rows_of_a_file_of_many_blocks_keep_their_lines(tmp_path, place, quoted):
    number = 3 * BLOCK // 60
    name = '"Name, {0}"' if quoted else "Name {0}"
    rows = [f"{n},{name.format(n)},Institute of Things {n},U{n},Title {n},J" for n in range(number)]
    at = {"start": 0, "middle": number // 2, "end": number - 2}[place]
    rows[at] = f"{at},Bob,Inst"
    (tmp_path / "a.csv").write_text(lines_of(*rows))
    frame, seen, rejected = read(str(tmp_path / "a.csv"))
    assert (frame.height, seen) == (number - 1, number)
    assert rejected["row"].to_list() == [f"{tmp_path}/a.csv:{at + 2}: {at},Bob,Inst"]


def test_rows_of_any_length_come_whole_over_the_ends_of_blocks(tmp_path):
    random = np.random.default_rng(3)
    sizes = random.integers(0, 15_000, 1200)
    rows = [f'{n},Name {n},"{"x, y" * (size // 4)}\n",U{n},T,J' for n, size in enumerate(sizes)]
    (tmp_path / "a.csv").write_text(lines_of(*rows))
    frame, seen, rejected = read(str(tmp_path / "a.csv"))
    assert (seen, len(rejected)) == (1200, 0)
    lengths = dict(zip(frame["author_id"], frame["primary_affiliation"].str.len_chars().fill_null(0), strict=True))
    assert lengths == {str(n): size // 4 * 4 for n, size in enumerate(sizes)}


def test_a_reading_that_finds_broken_quotes_around_a_long_row_comes_to_an_end(tmp_path):
    long = '"' + "x\n" * 40_000 + '"'
    rows = [f'{n},Name,{long if n % 50 == 25 else "Inst"},U{n},5" pipe,J' for n in range(300)]
    (tmp_path / "a.csv").write_text(lines_of(*rows))
    frame, seen, rejected = read(str(tmp_path / "a.csv"))
    assert (frame.height, seen, len(rejected)) == (300, 300, 0)


def test_a_row_whose_last_value_may_have_been_torn_is_rejected_with_the_pieces(tmp_path):
    """Two rows with line breaks that nobody quoted: the pieces of the first could be the id of the second."""
    path = tmp_path / "authors.csv"
    path.write_text(
        "author_id,author_name,ut,title,journal\n"
        "https://example.org/A0,Name of of,U0-0,,Study city\n line\nbreak\n"
        "https://example.org/A1,Name two\nbreak,U1-0,Study two\n,\n"
    )
    authors, rows, rejected = read(str(path))
    assert authors.is_empty()
    assert rows == rejected.height == 6
