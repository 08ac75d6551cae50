"""What forwarding says of itself in the record, and the row that a test sends."""

from datetime import datetime
from typing import Any

from app.audit.event import Event
from app.core.ids import new_trace, uuid7_text


def notice(action: str, sink: str, *, now: datetime, body: dict[str, Any]) -> Event:
    """A row of Sallyport itself about one sink."""
    row_id = uuid7_text(now_us=int(now.timestamp() * 1_000_000))
    trace = new_trace()
    return Event(
        id=row_id,
        time=now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        kind="event",
        call=row_id,
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        door="sinks",
        action=action,
        resource_kind="sink",
        resource=sink,
        actor_id="system",
        actor_kind="system",
        actor="sallyport",
        body=body,
    )
