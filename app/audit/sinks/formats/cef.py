"""ArcSight Common Event Format, version 0: one line a row, with the standard's own keys where they exist.

A summary: contents are cut to what the format's fields hold. `externalId` is the row's id.
"""

import ipaddress
import json
from collections.abc import Iterator

from app import __version__
from app.audit.event import Event
from app.audit.sinks.formats.severity import severity
from app.audit.sinks.formats.text import epoch_us, one_line

_LONG = 4000
_MESSAGE = 1023


def cef(event: Event, entry: bytes) -> bytes:
    """One CEF line without its end."""
    name = f"{event.kind} {event.action}".strip()
    head = "|".join(
        _header(part) for part in ("Sallyport", "Sallyport", __version__, event.action or event.kind, name)
    )
    extension = " ".join(f"{key}={_value(value)}" for key, value in _members(event) if value)
    return f"CEF:0|{head}|{severity(event).cef}|{extension}".encode("utf-8", "replace")


def _members(event: Event) -> Iterator[tuple[str, str]]:
    yield "rt", str(epoch_us(event.time) // 1000)
    yield "externalId", event.id
    yield "cat", event.kind
    yield "act", event.decision
    yield "outcome", event.status
    yield "reason", event.reason
    yield "suser", event.actor
    yield "suid", event.actor_id
    yield from _address(event.address)
    yield "app", event.door
    yield "dvchost", event.node
    yield "deviceExternalId", event.boot
    yield "requestClientApplication", event.client
    labelled = (
        ("trace", event.trace_id),
        ("resource", f"{event.resource_kind}:{event.resource}" if event.resource_kind else ""),
        ("rules", ",".join(event.rule_ids)),
        ("policy", event.policy_hash),
        ("agent", event.agent),
        ("call", event.call),
    )
    for number, (label, value) in enumerate(labelled, 1):
        if value:
            yield f"cs{number}Label", label
            yield f"cs{number}", value
    counted = (
        ("tokens", event.input_tokens + event.output_tokens),
        ("microdollars", event.microdollars),
        ("latencyMicroseconds", event.latency_us),
    )
    for number, (label, value) in enumerate(counted, 1):
        if value:
            yield f"cn{number}Label", label
            yield f"cn{number}", str(value)
    if event.body:
        yield "msg", json.dumps(event.body, ensure_ascii=False)[:_MESSAGE]


def _address(address: str) -> Iterator[tuple[str, str]]:
    """`src` is IPv4 only; IPv6 has a field of its own."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return
    if parsed.version == 4:
        yield "src", str(parsed)
    else:
        yield "c6a2Label", "Source IPv6 Address"
        yield "c6a2", str(parsed)


def _header(text: str) -> str:
    return one_line(text, 512).replace("\\", "\\\\").replace("|", "\\|")


def _value(text: str) -> str:
    return one_line(text, _LONG).replace("\\", "\\\\").replace("=", "\\=")
