"""83 and 84 on real disks: small ones that fill up, and read-only ones, in a namespace of mounts of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

from summarizer_assets_tests import disks
from summarizer_assets_tests.disks.mounts import own_mounts

FOLDER = Path(disks.__file__).parent


@pytest.mark.slow
@pytest.mark.parametrize("tests", ["full.py", "read_only.py"])
def test_on_real_disks(tmp_path, tests):
    """Whoever may not mount, not even in a user namespace, sees `unshare` say so: nothing is skipped."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    place = f"--basetemp={tmp_path / 'of'}"
    done = subprocess.run(
        own_mounts(*command, place, str(FOLDER / tests)), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
