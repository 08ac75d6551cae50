"""What follows a failure before the first byte to the client: again, the next place, or the end (RFC 9110 10.2.3)."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

import msgspec

Headers = Iterable[tuple[str, str]]
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 4.0
SHORT = 1.0
"""Seconds that are waited for a place although there is another."""


class Next(Enum):
    """What to do after a failure."""

    AGAIN = "again"
    """The same place may be tried again, and so may others."""
    ELSEWHERE = "elsewhere"
    """Another place may do better, the same one hardly."""
    END = "end"
    """It would be the same anywhere, or is not known to be safe."""


_AGAIN = frozenset((408, 409, 429, 500, 502, 503, 504, 529))
_ELSEWHERE = frozenset((401, 402, 403))  # its key, its account: nothing about the request
_KINDS = {
    "connect": Next.AGAIN,
    "closed": Next.AGAIN,
    "timeout": Next.ELSEWHERE,
    "protocol": Next.ELSEWHERE,
    "event": Next.AGAIN,
}


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt failed: its provider's `status`, or `kind` of UpstreamError; `event` is an error in a stream.

    `wait` are the seconds that the provider wants to be left alone, `retry` its own word about trying again.
    """

    kind: str
    status: int = 0
    wait: float | None = None
    retry: bool | None = None

    @property
    def blames_provider(self) -> bool:
        """Whether it counts against the place."""
        if self.status:
            return self.status >= 500 or self.status in (408, 401, 402, 403)
        return self.kind in ("connect", "closed", "timeout", "protocol", "event", "too_large")


def after(ended: Ended) -> Next:
    """By table; `x-should-retry` is believed about the place that said it."""
    if not ended.status:
        return _KINDS.get(ended.kind, Next.END)
    if ended.retry is not None and ended.status not in _ELSEWHERE:
        if ended.retry:
            return Next.AGAIN
        return Next.ELSEWHERE if ended.status in _AGAIN or ended.status >= 500 else Next.END
    if ended.status in _AGAIN:
        return Next.AGAIN
    return Next.ELSEWHERE if ended.status in _ELSEWHERE or ended.status >= 500 else Next.END


def pause(number: int, *, chance: float, told: float | None) -> float:
    """Seconds before the same place is tried for the `number`-th time again: what it said, or ever longer."""
    if told is not None:
        return told
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (number - 1)) * (0.5 + chance / 2)


def told_to_wait(headers: Headers, *, now: datetime) -> float | None:
    """Seconds by `retry-after-ms`, else `Retry-After` (seconds or a date); None when it says nothing usable."""
    found = {name: value for name, value in headers if name in ("retry-after", "retry-after-ms")}
    exact = _number(found.get("retry-after-ms", ""))
    if exact is not None:
        return exact / 1000
    text = found.get("retry-after", "").strip()
    seconds = _number(text)
    if seconds is not None or not text:
        return seconds
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(0.0, (at - now).total_seconds())


def said_to_retry(headers: Headers) -> bool | None:
    """`x-should-retry`, when it is there."""
    return next(
        (
            value.strip().lower() == "true"
            for name, value in headers
            if name == "x-should-retry" and value.strip().lower() in ("true", "false")
        ),
        None,
    )


def _number(text: str) -> float | None:
    if len(text) > 32:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
