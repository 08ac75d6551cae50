"""OTLP reports (opentelemetry-proto 1, JSON and protobuf) as flat entries; only attributes known to be harmless are kept.

Prompts, answers, commands, paths, host names and mail addresses are never taken over, whatever a client sends.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from app.core import jsonsafe
from app.core.errors import InputError
from app.gateway.clients import protobuf
from app.gateway.clients.protobuf import Field, Message

Signal = Literal["metrics", "logs", "traces"]
MOST_ENTRIES = 5_000
_TEXT = 256
_HEX = frozenset("0123456789abcdef")
KEPT = frozenset(
    (
        *("model", "query_source", "speed", "effort", "terminal.type", "type", "language", "app.version"),
        *("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens", "reasoning_tokens"),
        *("cost_usd", "duration_ms", "prompt_length", "tool_result_size_bytes", "tool_input_size_bytes"),
        *("tool_name", "tool_use_id", "decision", "decision_source", "decision_type", "source", "success"),
        *("status_code", "attempt", "event.sequence", "prompt.id", "request_id", "start_type", "agent.name"),
        *(
            "mcp_server_scope",
            "mcp_server_name",
            "mcp_tool_name",
            "permission_mode",
            "tool_source",
            "call_id",
        ),
    )
)
"""Attributes that say what was done, how long it took and what it cost, and nothing of its contents."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One log record, data point or span, as its client tells it."""

    name: str
    session: str = ""
    trace_id: str = ""
    """The trace that the client names; 32 hex digits."""
    told: dict[str, Any] = {}
    value: int | float | None = None
    unit: str = ""


def read_report(data: bytes, signal: Signal, *, content_type: str) -> list[Entry]:
    """The entries of one report; InputError for what cannot be read, or for too many."""
    if content_type == "application/x-protobuf":
        report = protobuf.read(data, REPORTS[signal])
    elif content_type == "application/json":
        report = jsonsafe.decode_object(data)
    else:
        raise InputError(
            f"{content_type[:60]!r} is not accepted here.",
            remedy="Send application/json or application/x-protobuf.",
            status=415,
            code="unsupported_type",
        )
    entries: list[Entry] = []
    try:
        for entry in _READERS[signal](report):
            if len(entries) >= MOST_ENTRIES:
                raise InputError(f"A report holds more than {MOST_ENTRIES} entries.", code="too_many_entries")
            entries.append(entry)
    except (AttributeError, TypeError, KeyError, ValueError) as error:
        raise InputError(
            f"The body is no OTLP report ({type(error).__name__}).", code="invalid_shape"
        ) from None
    return entries


def _logs(report: dict[str, Any]) -> Iterator[Entry]:
    for record, around in _each(report, "resourceLogs", "scopeLogs", "logRecords"):
        given = around | _attributes(record)
        body = record.get("body") or {}
        name = record.get("eventName") or given.get("event.name") or _scalar(body) or "log"
        yield _entry(str(name), given, trace=str(record.get("traceId") or ""))


def _metrics(report: dict[str, Any]) -> Iterator[Entry]:
    for metric, around in _each(report, "resourceMetrics", "scopeMetrics", "metrics"):
        for kind in ("sum", "gauge", "histogram"):
            for point in (metric.get(kind) or {}).get("dataPoints") or ():
                value = point.get("sum") if kind == "histogram" else _number(point)
                yield _entry(
                    str(metric["name"]),
                    around | _attributes(point),
                    value=value if isinstance(value, int | float) else None,
                    unit=str(metric.get("unit") or ""),
                )


def _spans(report: dict[str, Any]) -> Iterator[Entry]:
    for span, around in _each(report, "resourceSpans", "scopeSpans", "spans"):
        given = around | _attributes(span)
        took = int(span.get("endTimeUnixNano") or 0) - int(span.get("startTimeUnixNano") or 0)
        given.setdefault("duration_ms", max(0, took) // 1_000_000)
        yield _entry(str(span["name"]), given, trace=str(span.get("traceId") or ""))


def _each(report: dict[str, Any], *names: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The innermost things, each with the attributes of its resource."""
    outer, middle, inner = names
    for resource in report.get(outer) or ():
        around = _attributes(resource.get("resource") or {})
        for scope in resource.get(middle) or ():
            for thing in scope.get(inner) or ():
                yield thing, around


def _entry(
    name: str, given: Mapping[str, Any], *, trace: str = "", value: int | float | None = None, unit: str = ""
) -> Entry:
    session = (
        given.get("session.id") or given.get("conversation.id") or given.get("codex.conversation_id") or ""
    )
    requested = str(given.get("request_id") or "")
    known = next((each for each in (requested, trace.lower()) if _is_trace(each)), "")
    return Entry(
        name=name[:_TEXT],
        session=str(session)[:_TEXT],
        trace_id=known,
        told={key: given[key] for key in sorted(KEPT & given.keys())},
        value=value,
        unit=unit[:32],
    )


def _is_trace(text: str) -> bool:
    return len(text) == 32 and _HEX.issuperset(text) and text != "0" * 32


def _attributes(thing: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in thing.get("attributes") or ():
        value = _scalar(pair.get("value") or {})
        if value is not None:
            found[str(pair["key"])] = value
    return found


def _scalar(value: dict[str, Any]) -> str | int | float | bool | None:
    """Texts, numbers and flags; lists and objects are not looked into."""
    if "stringValue" in value:
        return str(value["stringValue"])[:_TEXT]
    if "intValue" in value:
        return _whole(value["intValue"])
    if "doubleValue" in value:
        return float(value["doubleValue"])
    return bool(value["boolValue"]) if "boolValue" in value else None


def _whole(value: Any) -> int | None:
    """A number of 64 bits, which JSON writes as a text."""
    number = int(value)
    return number if -(1 << 63) <= number < 1 << 63 else None


def _number(point: dict[str, Any]) -> int | float | None:
    if "asInt" in point:
        return _whole(point["asInt"])
    return float(point["asDouble"]) if "asDouble" in point else None


_READERS = {"logs": _logs, "metrics": _metrics, "traces": _spans}

# opentelemetry/proto/{common,resource,logs,metrics,trace}/v1: the fields that are looked at, by number.
_VALUE: Message = {
    1: Field("stringValue", "text"),
    2: Field("boolValue", "flag"),
    3: Field("intValue", "signed"),
    4: Field("doubleValue", "double"),
}
_PAIR: Message = {1: Field("key", "text"), 2: Field("value", "message", lambda: _VALUE)}
_RESOURCE: Message = {1: Field("attributes", "message", lambda: _PAIR, many=True)}
_LOG: Message = {
    5: Field("body", "message", lambda: _VALUE),
    6: Field("attributes", "message", lambda: _PAIR, many=True),
    9: Field("traceId", "hex"),
    12: Field("eventName", "text"),
}
_POINT: Message = {
    4: Field("asDouble", "double"),
    6: Field("asInt", "signed64"),
    7: Field("attributes", "message", lambda: _PAIR, many=True),
}
_HISTOGRAM_POINT: Message = {
    5: Field("sum", "double"),
    9: Field("attributes", "message", lambda: _PAIR, many=True),
}
_POINTS: Message = {1: Field("dataPoints", "message", lambda: _POINT, many=True)}
_HISTOGRAM_POINTS: Message = {1: Field("dataPoints", "message", lambda: _HISTOGRAM_POINT, many=True)}
_METRIC: Message = {
    1: Field("name", "text"),
    3: Field("unit", "text"),
    5: Field("gauge", "message", lambda: _POINTS),
    7: Field("sum", "message", lambda: _POINTS),
    9: Field("histogram", "message", lambda: _HISTOGRAM_POINTS),
}
_SPAN: Message = {
    1: Field("traceId", "hex"),
    5: Field("name", "text"),
    7: Field("startTimeUnixNano", "fixed64"),
    8: Field("endTimeUnixNano", "fixed64"),
    9: Field("attributes", "message", lambda: _PAIR, many=True),
}


def _report(outer: str, middle: str, inner: str, message: Message) -> Message:
    scope: Message = {2: Field(inner, "message", lambda: message, many=True)}
    resource: Message = {
        1: Field("resource", "message", lambda: _RESOURCE),
        2: Field(middle, "message", lambda: scope, many=True),
    }
    return {1: Field(outer, "message", lambda: resource, many=True)}


REPORTS: Mapping[Signal, Message] = {
    "logs": _report("resourceLogs", "scopeLogs", "logRecords", _LOG),
    "metrics": _report("resourceMetrics", "scopeMetrics", "metrics", _METRIC),
    "traces": _report("resourceSpans", "scopeSpans", "spans", _SPAN),
}
