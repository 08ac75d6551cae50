"""Syslog messages (RFC 5424) and octet-counting frames (RFC 6587 3.4.1, RFC 5425 4.3).

The facility is 13, log audit. The structured data's name stands under the number that RFC 5612 reserves for
documentation, as Sallyport has none of its own.
"""

from collections.abc import Iterator

from app.audit.event import Event
from app.audit.sinks.formats.severity import severity
from app.audit.sinks.formats.text import one_line, token

_FACILITY = 13
_DATA = "sallyport@32473"
_VALUE = 2048


def message(event: Event, payload: bytes | None) -> bytes:
    """One message with `payload` as its text; without one, structured data and a sentence."""
    data = structured_data(event) if payload is None else "-"
    head = (
        f"<{_FACILITY * 8 + severity(event).syslog}>1 {_time(event.time)} {token(event.node, 255)}"
        f" sallyport - {token(event.action or event.kind, 32)} {data} "
    )
    text = sentence(event).encode("utf-8", "replace") if payload is None else payload
    return head.encode("utf-8", "replace") + text


def frame(data: bytes) -> bytes:
    """The message after the count of its octets: nothing in it can end it."""
    return b"%d %b" % (len(data), data)


def structured_data(event: Event) -> str:
    """One element with what is known."""
    members = "".join(f' {name}="{_escaped(value)}"' for name, value in _members(event) if value)
    return f"[{_DATA}{members}]"


def sentence(event: Event) -> str:
    """What happened, for people."""
    what = event.decision or event.status or event.kind
    about = f" {event.resource_kind}:{event.resource}" if event.resource_kind else ""
    return one_line(f"{event.actor or 'sallyport'} {event.action}{about}: {what}", _VALUE)


def _members(event: Event) -> Iterator[tuple[str, str]]:
    yield "id", event.id
    yield "kind", event.kind
    yield "call", event.call
    yield "boot", event.boot
    yield "seq", str(event.seq)
    for name in (
        "trace_id", "door", "action", "resource_kind", "resource", "actor_id", "actor_kind", "actor", "client",
        "address", "agent", "session", "credential", "decision", "reason", "policy_hash", "status",
    ):  # fmt: skip
        yield name, getattr(event, name)
    yield "rule_ids", ",".join(event.rule_ids)
    for name in ("input_tokens", "output_tokens", "microdollars", "latency_us"):
        yield name, str(getattr(event, name) or "")


def _escaped(text: str) -> str:
    """RFC 5424 6.3.3: backslash, quote and bracket."""
    text = one_line(text, _VALUE)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _time(time: str) -> str:
    """RFC 3339 as the record has it; the nil value for anything that is not its shape."""
    return (
        time if 20 <= len(time) <= 32 and time.isascii() and " " not in time and time.isprintable() else "-"
    )
