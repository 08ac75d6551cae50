"""Events of the record that are about a call and not part of it: what it asked, how it ended later."""

from datetime import datetime
from typing import Any

from app.audit.event import Event
from app.core.call import Resource
from app.core.ids import uuid7_text
from app.core.passage import Passage


def event_about(
    passage: Passage,
    *,
    action: str,
    resource: Resource,
    now: datetime,
    status: str = "",
    body: dict[str, Any],
) -> Event:
    """A row in the trace of this passage; who asked stands in the row of the call that the body names."""
    id_ = uuid7_text(now_us=int(now.timestamp() * 1_000_000))
    return Event(
        id=id_,
        call=id_,
        time=now.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
        kind="event",
        trace_id=passage.trace.trace_id,
        span_id=passage.trace.span_id,
        door="mcp",
        action=action,
        resource_kind=resource.kind,
        resource=resource.name[:1024],
        actor_id="system",
        actor_kind="system",
        actor="sallyport",
        status=status,
        body=body,
    )
