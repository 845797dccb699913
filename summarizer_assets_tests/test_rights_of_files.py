"""What an installation writes has the rights of the umask: a group works on one root, or nobody else reads it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from testing.installation import write_authors

#: A whole life in small: every kind of file that is written beside the tables.
LIFE = """
import sys
from datetime import UTC, datetime
from summarizer_assets.estimate.spend import estimate_spend, keep
from summarizer_assets.report.make import make
from testing.installation import Installation
root, source = sys.argv[1:]
house = Installation(root, source, buckets=2, price_input_usd=1.0, price_output_usd=1.0, budget_usd=9.0)
house.ingest()
assert all(run.success for run in house.summarize())
house.summarizer.maintain()
keep(house.summarizer, estimate_spend(house.summarizer))
make(house.summarizer, datetime.now(UTC))
"""


@pytest.mark.parametrize("umask", [0o002, 0o022, 0o027, 0o077], ids=oct)
def test_every_file_and_folder_has_the_rights_of_the_umask(tmp_path: Path, umask: int) -> None:
    source, root = write_authors(tmp_path / "authors.parquet", 12), tmp_path / "root"
    environment = {**os.environ, "DAGSTER_HOME": ""}
    subprocess.run([sys.executable, "-c", LIFE, root, source], env=environment, umask=umask, check=True)
    written = {path: stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")]}
    wanted = {path: (0o777 if path.is_dir() else 0o666) & ~umask for path in written}
    assert {path.name: oct(mode) for path, mode in written.items() if mode != wanted[path]} == {}
    names = {path.name for path in written}
    assert {"state.sqlite", "report.html", "authors", "author_summaries", "failed_authors"} <= names
    assert list(root.glob(".*")) == []
