"""JSON lines: the canonical entry as it is stored, hashed and proven, or without contents."""

from typing import Any

import msgspec

from app.audit.event import Event
from app.core.canonical import canonical, digest

CONTENTS = ("arguments", "details", "result", "error", "message")
"""Members of a row's body that hold what callers and servers sent."""


def plain(event: Event, entry: bytes) -> bytes:
    """The stored bytes; JSON written by us holds no line break."""
    return entry


def redacted(event: Event) -> Event:
    """The row with each content replaced by its digest and size."""
    body: dict[str, Any] = {
        name: _digest(value) if name in CONTENTS else value for name, value in event.body.items()
    }
    return msgspec.structs.replace(event, body=body)


def _digest(value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and value.keys() == {"sha256", "bytes"}:
        return value
    data = canonical(value)
    return {"sha256": digest(data), "bytes": len(data)}
