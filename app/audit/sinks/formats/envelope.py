"""What collectors want around a row: Splunk's HTTP Event Collector and Elasticsearch's bulk interface."""

import msgspec

from app.audit.event import Event
from app.audit.sinks.formats.text import epoch_us
from app.core.canonical import canonical


def splunk_event(event: Event, payload: bytes, *, text: bool, index: str) -> bytes:
    """One event of the collector: `fields.id` is what duplicates have in common."""
    micros = epoch_us(event.time)
    members = {
        "time": f"{micros // 1_000_000}.{micros % 1_000_000:06d}",
        "host": event.node,
        "source": "sallyport",
        "sourcetype": "sallyport:cef" if text else "sallyport:record",
        "fields": {"id": event.id, "kind": event.kind},
        "event": payload.decode() if text else msgspec.Raw(payload),
    }
    if index:
        members["index"] = index
    return canonical(members)


def bulk_action(event: Event, payload: bytes, *, index: str) -> bytes:
    """An action and its document: the row's id is the document's, so a duplicate changes nothing."""
    return canonical({"create": {"_id": event.id, "_index": index}}) + b"\n" + payload
