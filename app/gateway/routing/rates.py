"""What providers say about their limits: none left until when (`x-ratelimit-*`, `anthropic-ratelimit-*`)."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

LONGEST = 300.0
"""Seconds that a provider is believed at most: a later answer says so again."""
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}


def closed_for(headers: Iterable[tuple[str, str]], *, now: Callable[[], datetime]) -> float:
    """Seconds for which nothing is left, by the limit that lasts longest; 0 when there is something left."""
    spent = [name for name, value in headers if value == "0" and "ratelimit" in name and "remaining" in name]
    if not spent:
        return 0.0
    values, at = dict(headers), now()
    return max(_until(values.get(_reset(name), ""), at) for name in spent)


def _reset(name: str) -> str:
    return name.replace("remaining", "reset")


def _until(text: str, now: datetime) -> float:
    """`1s`, `6m0s`, `20ms`, plain seconds, or RFC 3339; 0 when it cannot be read."""
    text = text.strip()
    if not text or len(text) > 64:
        return 0.0
    seconds = _duration(text)
    if seconds is None:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return 0.0
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        seconds = (at - now).total_seconds()
    return min(LONGEST, max(0.0, seconds))


def _duration(text: str) -> float | None:
    total, end = 0.0, 0
    for match in _PART.finditer(text):
        if match.start() != end:
            return None
        total += float(match[1]) * _SECONDS[match[2] or ""]
        end = match.end()
    return total if end == len(text) else None
