"""Limits of open files are a process's own: each case is tried in one."""

import json
import subprocess
import sys

import pytest

TRIAL = """
import json, resource, sys
from summarizer_assets.llm.http.descriptors import room_for
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
room = room_for(wanted)
print(json.dumps([room.in_flight, room.told, *resource.getrlimit(resource.RLIMIT_NOFILE)]))
"""


def tried(soft: int, hard: int, wanted: int) -> tuple[int, str, int, int]:
    command = [sys.executable, "-c", TRIAL, *map(str, (soft, hard, wanted))]
    found: tuple[int, str, int, int] = tuple(json.loads(subprocess.check_output(command)))
    return found


@pytest.mark.parametrize("wanted", [1, 64, 500])
def test_where_there_is_room_nothing_changes(wanted: int) -> None:
    assert tried(1024, 4096, wanted) == (wanted, "", 1024, 4096)


def test_the_limit_is_raised_as_far_as_needed_and_told() -> None:
    in_flight, told, soft, hard = tried(1024, 8192, 4000)
    assert (in_flight, hard) == (4000, 8192)
    assert 4000 + 256 < soft < 4000 + 400
    assert "instead of 1,024" in told


def test_where_the_system_allows_no_more_fewer_requests_go_side_by_side_and_the_remedy_is_told() -> None:
    in_flight, told, soft, hard = tried(512, 1024, 4000)
    assert (soft, hard) == (1024, 1024)
    assert 500 < in_flight < 1024 - 256
    assert f"SUMMARIZER_MAX_IN_FLIGHT=4000 is lowered to {in_flight}" in told
    assert "ulimit -n 4" in told


def test_a_limit_that_is_hardly_enough_for_the_process_leaves_one_request() -> None:
    assert tried(128, 128, 64)[0] == 1
