"""Simulated latency of an answer, determined by a hash of the ids: the same group always takes the same time."""

import math
from collections.abc import Sequence
from statistics import NormalDist

from summarizer_assets.rehearsal.chance import draw
from summarizer_assets.rehearsal.plan import Plan

_NORMAL = NormalDist()
_TINY = 2.0**-64  # the inverse normal distribution is undefined at 0


def latency_s(plan: Plan, ids: Sequence[str], completion_tokens: int) -> float:
    """Seconds from a request to its answer, as described by `Plan`."""
    seconds = plan.latency_s
    if plan.latency_sigma and seconds:
        seconds *= math.exp(plan.latency_sigma * _NORMAL.inv_cdf(max(_TINY, draw(plan.seed, "lognormal", *ids))))
    if plan.latency_spread_s:
        seconds += plan.latency_spread_s * draw(plan.seed, "latency", *ids)
    return seconds + plan.latency_per_token_s * completion_tokens
