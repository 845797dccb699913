"""How long a provider asks us to wait, from the headers of a reply. Pure: the time of day is handed in."""

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: A longer wait is not believed: the own backoff and the no-progress deadline decide instead. Seconds.
MAX_WAIT_S = 3600.0

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_UNIT = "ms|us|µs|μs|ns|h|m|s"
_PART = re.compile(rf"(\d{{1,12}}(?:\.\d{{1,12}})?)({_UNIT})", re.ASCII)
_DURATION = re.compile(rf"(?:\d{{1,12}}(?:\.\d{{1,12}})?(?:{_UNIT})){{1,8}}", re.ASCII)
_RETRY_INFO = re.compile(rb'\\?"retryDelay\\?"\s*:\s*\\?"([0-9.smh]{1,30})\\?"')
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{0,12})?", re.ASCII)


def waiting_time(
    headers: Mapping[str, str], now: float, resets: Iterable[float | None], cap: float = MAX_WAIT_S
) -> float | None:
    """Seconds to wait, `0 < s <= cap`, or None when the headers say nothing that can be believed.

    Order: `retry-after-ms`; `retry-after` as seconds, then as an HTTP date; then the largest of `resets`.
    A value that is not a number, not positive, past or above `cap` counts as absent.

    Args:
        headers: the reply's headers; looked up by lower-case name.
        now: the time of day in Unix seconds, against which dates are read.
        resets: seconds until the account's limits are full again, as the provider's protocol reads them.
        cap: the longest wait that is believed, seconds.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    candidates = [None if milliseconds is None else milliseconds / 1000]
    after = headers.get("retry-after")
    candidates += [_number(after), _until(_http_date(after), now)]
    for candidate in candidates:
        if _believable(candidate, cap):
            return candidate
    return max((reset for reset in resets if reset is not None and _believable(reset, cap)), default=None)


def told_delay(body: bytes, cap: float = MAX_WAIT_S) -> float | None:
    """Seconds to wait by the body of an error, as Google's have it (`RetryInfo`); believed as headers are."""
    found = _RETRY_INFO.search(body)
    seconds = None if found is None else duration(found[1].decode())
    return seconds if _believable(seconds, cap) else None


def _believable(seconds: float | None, cap: float) -> bool:
    return seconds is not None and math.isfinite(seconds) and 0 < seconds <= cap


def _number(text: str | None) -> float | None:
    """Only plain decimals: `float` would also take `nan`, `inf`, `1e9` and `1_0`."""
    return float(text) if text is not None and _NUMBER.fullmatch(text := text.strip()) else None


def duration(text: str | None) -> float | None:
    """`1m30s`, `6m0s`, `250ms`, `1.5s`, or plain seconds."""
    if text is None or not _DURATION.fullmatch(text := text.strip()):
        return _number(text)
    return sum(float(value) * _UNITS[unit] for value, unit in _PART.findall(text))


def _until(moment: datetime | None, now: float) -> float | None:
    if moment is None:
        return None
    # A date without a zone is in UTC by both formats' own rules.
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - datetime.fromtimestamp(0, UTC)).total_seconds() - now


def _http_date(text: str | None) -> datetime | None:
    if text is None or not text[:1].isalpha():
        return None
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):  # what the stdlib parser raises for foreign text
        return None


def seconds_until(text: str | None, now: float) -> float | None:
    """From a date as in RFC 3339; `now` in Unix seconds."""
    if text is None:
        return None
    try:
        return _until(datetime.fromisoformat(text.strip()), now)
    except ValueError:
        return None
