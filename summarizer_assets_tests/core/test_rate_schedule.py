"""The schedule of an account by a clock that is set back now and then."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core import rate_schedule
from summarizer_assets.core.rate_schedule import Account, Ask, Lease, RateLimits

HOUR_S = 3600.0


@dataclass(frozen=True)
class Step:
    """`wait_s` passes; then the clock is set `back_s` back, and something happens."""

    wait_s: float
    back_s: float
    what: str
    amount: float


STEPS = st.lists(
    st.builds(
        Step,
        st.floats(0, 20),
        st.sampled_from([0.0, 0.0, 0.5, 60.0, HOUR_S, 400 * HOUR_S]),
        st.sampled_from(["lease", "lease", "give back", "throttled", "learn"]),
        st.floats(0.1, 40),
    ),
    max_size=20,
)
LIMITS = st.builds(
    RateLimits, st.none() | st.floats(1, 10_000), st.none() | st.floats(100, 1_000_000)
)  # a None is learnt, or guessed


def played(steps: list[Step], limits: RateLimits) -> list[Lease]:
    account, now, leases = Account(), 1_800_000_000.0, []
    for step in steps:
        now += step.wait_s - step.back_s
        account = rate_schedule.rewound(account, now)
        if step.what == "lease":
            account, found = rate_schedule.lease(account, now, Ask(step.amount, 100 * step.amount, 100), limits)
            leases.append(found)
        elif step.what == "give back":
            account = rate_schedule.give_back(account, now, step.amount / 10, step.amount, limits)
        elif step.what == "throttled":
            account = rate_schedule.throttled(account, now, 90 * step.amount, step.amount, limits)  # up to an hour
        else:
            account = rate_schedule.learn(account, RateLimits(60 * step.amount))
        account = replace(account, seen_at=now)
    return leases


def numbers(lease: Lease) -> list[float | None]:
    flows = [flow for flow in (lease.requests, lease.tokens) if flow is not None]
    return [lease.wait_s, *(value for flow in flows for value in (flow.amount, flow.start_s, flow.rate, flow.first))]


@settings(max_examples=60, deadline=None)
@given(STEPS, LIMITS)
def test_a_clock_that_is_set_back_makes_nobody_wait_for_longer_than_if_it_had_stood_meanwhile(
    steps: list[Step], limits: RateLimits
) -> None:
    even = [replace(step, wait_s=max(0.0, step.wait_s - step.back_s), back_s=0.0) for step in steps]
    for one, other in zip(played(even, limits), played(steps, limits), strict=True):
        assert numbers(other) == pytest.approx(numbers(one), rel=1e-3, abs=1e-3)


def test_a_clock_that_goes_on_moves_nothing() -> None:
    account = Account(requests_at=150.0, tokens_at=120.0, seen_at=100.0)
    assert rate_schedule.rewound(account, 100.0) is account
    assert rate_schedule.rewound(account, 5000.0) is account
    assert rate_schedule.rewound(replace(account, seen_at=None), 0.0).requests_at == 150.0
