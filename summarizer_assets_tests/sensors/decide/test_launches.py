from collections.abc import Sequence

import pytest

from summarizer_assets.sensors.decide.bucket_verdict import Verdict
from summarizer_assets.sensors.decide.launches import End, Launch, objection


def launch(end: End, found: str | None = None, run_id: str = "unheard of") -> Launch:
    return Launch(run_id, end, 0.0, found)


HEARD = launch("failed", run_id="heard")


@pytest.mark.parametrize(
    ("last", "verdict"),
    [
        ([], None),
        ([launch("cancelled"), launch("succeeded")], Verdict.CANCELLED),
        ([launch("succeeded"), launch("cancelled")], None),
        ([launch("failed")] * 2, None),
        ([launch("failed")] * 3, Verdict.PARKED),
        ([launch("failed"), HEARD, launch("failed")], None),
        ([launch("succeeded", "as it is")], Verdict.DONE),
        ([launch("succeeded", "as it was")], None),
        ([launch("failed", "as it is", "heard")] * 2, None),
        ([launch("failed", "as it is", "heard")] * 3, Verdict.PARKED),
    ],
)
def test_what_speaks_against_another_run(last: Sequence[Launch], verdict: Verdict | None) -> None:
    assert objection(last, {"heard"}, "as it is") is verdict
