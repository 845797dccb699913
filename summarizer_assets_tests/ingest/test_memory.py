"""80. All authors in one bucket: what an ingest takes of the memory does not follow the size of its source."""

from pathlib import Path

import pytest

from summarizer_assets_tests.ingest.measuring import write
from testing.table_rows import lines_of, start

ROWS = 60_000  # more than are held back before they are put aside
PROGRAM = "import sys; from summarizer_assets_tests.ingest.measuring import main; main(*sys.argv[1:])"


def peak(folder: Path, rows: int, authors: int) -> int:
    folder.mkdir()
    write(folder, rows, authors)
    [said] = lines_of(start(PROGRAM, folder))
    found, kilobytes = map(int, said.split())
    assert found == authors
    return kilobytes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("share", "at_most"),
    [
        pytest.param(1, 2.5, id="all different"),  # the bucket itself is handed over whole
        pytest.param(20, 1.6, id="each twenty times"),
    ],
)
def test_four_times_the_rows_in_one_bucket_take_far_less_than_four_times_the_memory(
    tmp_path: Path, share: int, at_most: float
) -> None:
    once = peak(tmp_path / "once", ROWS, ROWS // share)
    four_times = peak(tmp_path / "four", 4 * ROWS, ROWS // share * (4 if share == 1 else 1))
    assert four_times < at_most * once
