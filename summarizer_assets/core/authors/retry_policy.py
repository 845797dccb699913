"""When a failed author is asked again by a later run, and when never."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """`max_attempts`: runs in which an author may fail. The wait before the next one doubles from `first_wait_s`."""

    max_attempts: int
    first_wait_s: float
    longest_wait_s: float = 24 * 3600.0

    def next_due_s(self, attempts: int, *, retryable: bool) -> float | None:
        """Seconds until the author may be asked again after failing `attempts` times; None if never automatically."""
        if not retryable or attempts >= self.max_attempts:
            return None
        return float(min(self.first_wait_s * 2 ** (attempts - 1), self.longest_wait_s))
