"""The small sizes of benchmarks: see `sizes.py`."""

import pytest

from summarizer_assets_tests.benchmarks.sizes import RUN, run_small


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in RUN if name.startswith("faults")])
def test_it_runs_and_keeps_its_promises(name, tmp_path):
    run_small(name, tmp_path)
