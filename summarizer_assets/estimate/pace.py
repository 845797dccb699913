"""Estimated duration of the work, from the account's rate limits and the provider's latency."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.estimation.cost import Estimate
from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.state_db.estimates import EstimateBook

_MINUTE_S: Final = 60.0
RPM, TPM, LATENCY, EARLIER, UNKNOWN = (
    "SUMMARIZER_RPM",
    "SUMMARIZER_TPM",
    "the time of a request",
    "the pace of earlier runs",
    "not known",
)


@dataclass(frozen=True)
class Duration:
    """`seconds`: None if unknown. `at_least`: a lower bound, because the limits are known but the latency is not."""

    seconds: float | None
    bound_by: str
    at_least: bool = False


@dataclass(frozen=True)
class Pace:
    """What is known about an installation's speed, one run at a time.

    `latencies`: seconds of a request by its number of authors, measured by a calibration. `author_s`: seconds per
    author in earlier runs, with groups of `group_size`.
    """

    rpm: int | None
    tpm: int | None
    max_in_flight: int
    group_size: int
    latencies: Mapping[int, float]
    author_s: float | None

    def duration(self, work: Estimate, group_size: int, buckets: int) -> Duration:
        """The duration of `work` in groups of `group_size`, spread over `buckets` that run one after another."""
        calls, authors = work.calls.expected, work.authors.expected
        if not calls:
            return Duration(0.0, UNKNOWN)
        bounds = {}
        if self.rpm is not None:
            bounds[RPM] = calls / self.rpm * _MINUTE_S
        if self.tpm is not None:
            bounds[TPM] = work.tokens.expected / self.tpm * _MINUTE_S
        request_s = latency_of(self.latencies, authors / calls)
        if request_s is not None:
            in_turns = max(1.0, calls / max(buckets, 1) / self.max_in_flight)
            bounds[LATENCY] = in_turns * max(buckets, 1) * request_s
        elif self.author_s is not None and group_size == self.group_size:
            bounds[EARLIER] = authors * self.author_s
        if not bounds:
            return Duration(None, UNKNOWN)
        bound_by = max(bounds, key=lambda name: bounds[name])
        return Duration(bounds[bound_by], bound_by, at_least=not bounds.keys() & {LATENCY, EARLIER})


def pace_of(summarizer: Summarizer) -> Pace:
    settings, identity = summarizer.settings, summarizer.identity
    book = EstimateBook(summarizer.database, summarizer.root_name)
    done, seconds = 0, 0.0
    for runs in summarizer.state.recent_runs().values():
        for run in runs:
            if run.ended_at is not None and run.pending_after is not None and run.pending_before > run.pending_after:
                done += run.pending_before - run.pending_after
                seconds += run.ended_at - run.started_at
    return Pace(
        rpm=settings.rpm,
        tpm=settings.tpm,
        max_in_flight=settings.max_in_flight,
        group_size=settings.group_size,
        latencies=book.latencies(identity.prompt_version, identity.model),
        author_s=seconds / done if done else None,
    )


def latency_of(latencies: Mapping[int, float], authors: float) -> float | None:
    """Seconds of a request of `authors`, by linear interpolation between the nearest two measured sizes.

    A single measurement is valid only for its own size, because the share per author is unknown.
    """
    sizes = sorted(latencies)
    if not sizes:
        return None
    if len(sizes) == 1:
        return latencies[sizes[0]] if round(authors) == sizes[0] else None
    above = next((place for place, size in enumerate(sizes) if size >= authors), len(sizes) - 1)
    one, other = sizes[max(0, above - 1)], sizes[max(1, above)]
    slope = (latencies[other] - latencies[one]) / (other - one)
    return max(min(latencies.values()), latencies[one] + slope * (authors - one))
