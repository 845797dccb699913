"""The benchmark of kills, small: whatever it promises of 200 kills holds for a few, too."""

import pytest

from benchmarks.faults.kills import broken_promises, run


@pytest.mark.slow
def test_a_job_killed_again_and_again_loses_nothing_and_pays_twice_for_no_more_than_was_in_flight(tmp_path):
    found = run(tmp_path, kills=8, seed=11, buckets=2, authors=300, group_size=5, in_flight=4)

    assert broken_promises(found, 8) == []
    assert found["second_runs"] == 2
    assert found["versions_read"] > found["runs"] > 8
