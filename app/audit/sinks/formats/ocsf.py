"""Open Cybersecurity Schema Framework 1.3: calls are API Activity, sessions Authentication, the rest a base event.

What OCSF 1.3 has no place for, such as tokens and cost, stands in `unmapped`.
"""

import ipaddress
from contextlib import suppress
from typing import Any

from app import __version__
from app.audit.event import Event
from app.audit.sinks.formats.severity import severity
from app.audit.sinks.formats.text import epoch_us
from app.core.canonical import canonical

VERSION = "1.3.0"
_BASE, _AUTHENTICATION, _API_ACTIVITY = (0, 0), (3, 2), (6, 3)
_SESSIONS = {"session.create": (1, "Logon"), "session.end": (2, "Logoff")}
_ACTIVITIES: dict[str, tuple[int, str]] = {
    **dict.fromkeys(("create", "add", "set"), (1, "Create")),
    **dict.fromkeys(("read", "list", "show", "view"), (2, "Read")),
    **dict.fromkeys(("update", "apply", "change", "grant", "enable", "disable"), (3, "Update")),
    **dict.fromkeys(("delete", "remove", "revoke", "end", "forget"), (4, "Delete")),
}
_USER_TYPES = {"user": 1, "operator": 2, "system": 3, "anonymous": 0}
_SUCCESS = frozenset({"ok", "open"})


def ocsf(event: Event, entry: bytes) -> bytes:
    """One event as JSON."""
    return canonical(_event(event))


def _event(event: Event) -> dict[str, Any]:
    (category, number), (activity, name) = _class_of(event)
    class_uid = category * 1000 + number
    found: dict[str, Any] = {
        "category_uid": category,
        "class_uid": class_uid,
        "activity_id": activity,
        "activity_name": name,
        "type_uid": class_uid * 100 + activity,
        "severity_id": severity(event).ocsf,
        "time": epoch_us(event.time) // 1000,
        "metadata": _metadata(event),
        "message": f"{event.kind} {event.action}".strip(),
        "unmapped": _unmapped(event),
        **_status(event),
    }
    if (category, number) == _BASE:
        return found
    user = _user(event)
    found |= {"actor": {"user": user}, "src_endpoint": _source(event)}
    if (category, number) == _AUTHENTICATION:
        found |= {"user": user, "service": {"name": "sallyport"}, "is_remote": bool(event.address)}
        return found
    found["api"] = {
        "operation": event.action or "unknown",
        "request": {"uid": event.call},
        "service": {"name": event.door or "sallyport"},
    }
    if event.resource_kind:
        found["resources"] = [{"type": event.resource_kind, "name": event.resource}]
    return found


def _class_of(event: Event) -> tuple[tuple[int, int], tuple[int, str]]:
    if event.kind == "event":
        return _BASE, (99, event.action or "event")
    if event.action in _SESSIONS:
        return _AUTHENTICATION, _SESSIONS[event.action]
    verb = event.action.rpartition(".")[2]
    return _API_ACTIVITY, _ACTIVITIES.get(verb, (99, event.action or "unknown"))


def _metadata(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = {
        "version": VERSION,
        "product": {"name": "Sallyport", "vendor_name": "Sallyport", "version": __version__},
        "uid": event.id,
        "log_name": "record",
        "log_provider": event.node or "sallyport",
        "original_time": event.time,
        "profiles": ["security_control"],
        "correlation_uid": event.trace_id or event.call,
    }
    if event.seq >= 0:
        found["sequence"] = event.seq
    return found


def _status(event: Event) -> dict[str, Any]:
    """Success or failure, and the control's disposition: allowed or blocked."""
    found: dict[str, Any] = {"action_id": 0, "disposition_id": 0}
    if event.decision or event.kind == "denial":
        permitted = event.decision == "permit"
        found = {"action_id": 1 if permitted else 2, "disposition_id": 1 if permitted else 2}
    if event.kind == "denial":
        found |= {"status_id": 2, "status": "Failure"}
    elif event.status:
        good = event.status in _SUCCESS
        found |= {"status_id": 1 if good else 2, "status": "Success" if good else "Failure"}
    else:
        found |= {"status_id": 0, "status": "Unknown"}
    detail = event.reason or event.status
    return {**found, "status_detail": detail} if detail else found


def _user(event: Event) -> dict[str, Any]:
    kind = event.actor_kind
    found: dict[str, Any] = {
        "name": event.actor or "unknown",
        "type_id": _USER_TYPES.get(kind, 99) if kind else 0,
        "type": kind or "Unknown",
    }
    if event.actor_id:
        found["uid"] = event.actor_id
    if event.credential:
        found["credential_uid"] = event.credential
    return found


def _source(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = {"name": event.client or event.door or "unknown"}
    with suppress(ValueError):
        found["ip"] = str(ipaddress.ip_address(event.address.partition("%")[0]))
    return found


def _unmapped(event: Event) -> dict[str, Any]:
    """Everything else of the row under its own name."""
    found: dict[str, Any] = {"kind": event.kind, "call": event.call, "boot": event.boot}
    for name in (
        "trace_id", "span_id", "parent_id", "agent", "session", "policy_hash", "rule_ids", "input_tokens",
        "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "microdollars",
        "latency_us", "body",
    ):  # fmt: skip
        if value := getattr(event, name):
            found[name] = value
    return found
