"""The tool that carries summaries over to another number of buckets: nobody is lost, nobody is paid for again."""

import shutil
import subprocess
import sys
from pathlib import Path

from summarizer_assets.storage.journal import Journal
from testing.installation import Installation, metadata_of, write_authors

TOOL = Path(__file__).parents[1] / "tools" / "rebucket.py"


def rebucket(house: Installation, root: Path, buckets: int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(TOOL), str(root), "--buckets", str(buckets)],
        env=house.environment(),
        cwd=root.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_another_number_of_buckets_asks_nobody_again_and_an_old_root_is_not_written_over(tmp_path):
    source = write_authors(tmp_path / "authors.parquet", 30)
    old = Installation(tmp_path / "old", source, buckets=2)
    old.ingest()
    old.summarize()
    left = Journal(old.summarizer.journal / "0001", "died")
    left.write([{"kind": "failures", "rows": []}])
    left.close()
    refused = rebucket(old, tmp_path / "new", 3)
    assert refused.returncode == 2
    assert "buckets 0001: a run that broke off left answers that are in no table yet" in refused.stderr
    shutil.rmtree(old.summarizer.journal / "0001")

    told = rebucket(old, tmp_path / "new", 3)
    assert told.returncode == 0, told.stderr

    new = Installation(tmp_path / "new", source, buckets=3)
    new.ingest()
    assert not [run for run in new.summarize() if "answered" in metadata_of(run)]
    new.assert_each_author_in_one_place()
    rows = [one.frame("summaries").drop("bucket").sort("author_id") for one in (old, new)]
    assert rows[0].height == 30
    assert rows[0].equals(rows[1])

    again = rebucket(old, tmp_path / "new", 3)
    assert again.returncode == 2
    assert "exists: choose a new root" in again.stderr
    for one in (old, new):
        one._instance.dispose()
