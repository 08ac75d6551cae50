"""Which rows a sink gets and how they are written for it; pure."""

from collections.abc import Callable

from app.audit.event import Event
from app.audit.sinks.formats.cef import cef
from app.audit.sinks.formats.envelope import bulk_action, splunk_event
from app.audit.sinks.formats.ocsf import ocsf
from app.audit.sinks.formats.plain import plain, redacted
from app.audit.sinks.formats.syslog import message
from app.config.outward.sinks import Sink, SinkFilter

Write = Callable[[Event, bytes], bytes]
"""From a row and its stored bytes to what the transport sends."""

_PAYLOADS: dict[str, Write] = {"json": plain, "cef": cef, "ocsf": ocsf}


def wants(wanted: SinkFilter, event: Event) -> bool:
    """Whether the row is for this sink: each list that is not empty must name it."""
    if wanted.kinds and event.kind not in wanted.kinds:
        return False
    if wanted.decisions and event.decision not in wanted.decisions:
        return False
    return not wanted.actions or any(_matches(pattern, event.action) for pattern in wanted.actions)


def _matches(pattern: str, action: str) -> bool:
    return action.startswith(pattern[:-1]) if pattern.endswith("*") else action == pattern


def writer(sink: Sink) -> Write:
    """How this sink's rows are written."""
    framed = _framed(sink)
    if sink.contents == "keep":
        return framed

    def without_contents(event: Event, entry: bytes) -> bytes:
        event = redacted(event)
        return framed(event, event.entry())

    return without_contents


def _framed(sink: Sink) -> Write:
    if sink.format == "rfc5424":
        return lambda event, entry: message(event, None)
    payload = _PAYLOADS[sink.format]
    if sink.kind == "syslog":
        return lambda event, entry: message(event, payload(event, entry))
    if sink.kind == "splunk":
        return lambda event, entry: splunk_event(
            event, payload(event, entry), text=sink.format == "cef", index=sink.index
        )
    if sink.layout == "bulk":
        return lambda event, entry: bulk_action(event, payload(event, entry), index=sink.index)
    return payload
