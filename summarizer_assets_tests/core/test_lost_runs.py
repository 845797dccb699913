from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.lost_runs import Sign, lost_because

LEASE, PATIENCE = 60.0, 900.0


def sign(process: str = "elsewhere", silent_s: float = -30.0) -> Sign:
    return Sign("bucket 0003", "host-a/boot/pid", silent_s, process)  # type: ignore[arg-type]


def judged(*signs: Sign, quiet_s: float = 0.0) -> str | None:
    return lost_because(signs, lease_s=LEASE, quiet_s=quiet_s, lost_after_s=PATIENCE)


@pytest.mark.parametrize(
    ("signs", "quiet_s", "cause"),
    [
        pytest.param([sign()], 0, None, id="it renews, elsewhere"),
        pytest.param([sign(silent_s=30)], 9999, None, id="lapsed a moment ago: perhaps it is stopping by itself"),
        pytest.param([sign(silent_s=61)], 0, "lapsed 61 s ago", id="lapsed for a second lease"),
        pytest.param([sign("here", 9999)], 9999, None, id="asleep on this host"),
        pytest.param([sign("gone", -30)], 0, "its process on host-a, at work on bucket 0003, is gone", id="died here"),
        pytest.param([], 899, None, id="no claim yet"),
        pytest.param([], 901, "nothing was heard of it for 15 minutes", id="never claimed, and silent"),
    ],
)
def test_whether_a_run_is_lost(signs: Sequence[Sign], quiet_s: float, cause: str | None) -> None:
    said = judged(*signs, quiet_s=quiet_s)
    assert said is None if cause is None else cause in str(said)


signs = st.builds(sign, st.sampled_from(["here", "gone", "elsewhere"]), st.floats(-60, 10_000))


@given(st.lists(signs, max_size=4), st.floats(0, 10_000))
def test_a_run_with_any_sign_of_life_is_never_reported(signs: Sequence[Sign], quiet_s: float) -> None:
    if judged(*signs, quiet_s=quiet_s) is not None:
        assert all(one.process != "here" for one in signs)
        assert all(one.process == "gone" or one.silent_s >= 0 for one in signs)
        assert signs or quiet_s >= PATIENCE
