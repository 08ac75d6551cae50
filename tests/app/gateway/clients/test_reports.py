"""OTLP reports: both encodings say the same, contents are left out, and what is no report is refused."""

import json
import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import InputError
from app.gateway.clients.otlp import MOST_ENTRIES, Entry, read_report
from app.gateway.clients.telemetry import MOST_GROUPS, grouped

JSON, PROTOBUF = "application/json", "application/x-protobuf"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return out + bytes((value,))


def length(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def pair(name: str, value: str | float) -> bytes:
    if isinstance(value, str):
        told = length(1, value.encode())
    elif isinstance(value, int):
        told = varint(3 << 3) + varint(value & (1 << 64) - 1)
    else:
        told = varint(4 << 3 | 1) + struct.pack("<d", value)
    return length(1, name.encode()) + length(2, told)


def wrapped(inner: bytes, resource: bytes) -> bytes:
    return length(1, length(1, length(1, resource)) + length(2, length(1, b"\x0a\x01x") + length(2, inner)))


def log(**given: str | float) -> dict[str, Any]:
    def value(one: str | float) -> dict[str, Any]:
        if isinstance(one, str):
            return {"stringValue": one}
        return {"intValue": str(one)} if isinstance(one, int) else {"doubleValue": one}

    attributes = [{"key": name.replace("__", "."), "value": value(one)} for name, one in given.items()]
    record = {"body": {"stringValue": "claude_code.api_request"}, "traceId": "", "attributes": attributes}
    around = [{"key": "session.id", "value": {"stringValue": "s-1"}}]
    return {"resourceLogs": [{"resource": {"attributes": around}, "scopeLogs": [{"logRecords": [record]}]}]}


SAID = {"model": "claude-x", "input_tokens": 7, "cost_usd": 0.25, "request_id": TRACE, "prompt": "my secret"}
READ = Entry(
    name="claude_code.api_request",
    session="s-1",
    trace_id=TRACE,
    told={"cost_usd": 0.25, "input_tokens": 7, "model": "claude-x", "request_id": TRACE},
)


def test_a_log_in_json_is_read_and_its_contents_are_left_out():
    assert read_report(json.dumps(log(**SAID)).encode(), "logs", content_type=JSON) == [READ]


def test_a_log_in_protobuf_says_the_same():
    attributes = b"".join(length(6, pair(name, value)) for name, value in SAID.items())
    record = length(5, length(1, b"claude_code.api_request")) + attributes + b"\x5d\0\0\0\0"
    report = wrapped(record, pair("session.id", "s-1"))
    assert read_report(report, "logs", content_type=PROTOBUF) == [READ]


def test_a_metric_has_its_value_and_unit_in_either_encoding():
    point = length(7, pair("type", "input")) + varint(6 << 3 | 1) + struct.pack("<q", -3)
    metric = length(1, b"tokens") + length(3, b"tok") + length(7, length(1, point))
    found = read_report(wrapped(metric, pair("session.id", "s-1")), "metrics", content_type=PROTOBUF)
    assert found == [Entry(name="tokens", session="s-1", told={"type": "input"}, value=-3, unit="tok")]
    told = {"name": "tokens", "unit": "tok", "gauge": {"dataPoints": [{"asDouble": 1.5}, {"asInt": "2"}]}}
    report = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [told]}]}]}
    values = [entry.value for entry in read_report(json.dumps(report).encode(), "metrics", content_type=JSON)]
    assert values == [1.5, 2]


def test_a_span_has_its_trace_and_how_long_it_took():
    span = length(1, bytes.fromhex(TRACE)) + length(5, b"turn")
    span += (
        varint(7 << 3 | 1)
        + struct.pack("<Q", 10**18)
        + varint(8 << 3 | 1)
        + struct.pack("<Q", 10**18 + 5_000_000)
    )
    (entry,) = read_report(wrapped(span, b""), "traces", content_type=PROTOBUF)
    assert (entry.name, entry.trace_id, entry.told) == ("turn", TRACE, {"duration_ms": 5})


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", JSON, 400),
        (b'{"resourceLogs": 5}', JSON, 400),
        (b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"attributes": [5]}]}]}]}', JSON, 400),
        (b"\x0a\x05ab", PROTOBUF, 400),
        (b"\x08\x01", PROTOBUF, 400),
        (b"\xff" * 20, PROTOBUF, 400),
        (b"{}", "text/plain", 415),
        (
            json.dumps(
                {"resourceLogs": [{"scopeLogs": [{"logRecords": [{}] * (MOST_ENTRIES + 1)}]}]}
            ).encode(),
            JSON,
            400,
        ),
    ],
)
def test_what_is_no_report_is_refused(body: bytes, kind: str, status: int):
    with pytest.raises(InputError) as refused:
        read_report(body, "logs", content_type=kind)
    assert refused.value.status == status


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["logs", "metrics", "traces"]))
def test_any_bytes_are_a_report_or_a_clear_refusal(body: bytes, signal: Any):
    for data in (body, length(1, body), wrapped(body, b"")):
        with suppress(InputError):
            assert isinstance(read_report(data, signal, content_type=PROTOBUF), list)


def test_entries_are_told_by_session_and_trace_up_to_a_limit():
    entries = [Entry(name="x", session=str(number), trace_id=TRACE) for number in range(MOST_GROUPS + 9)]
    groups = grouped(entries)
    assert len(groups) == MOST_GROUPS + 1
    assert sum(len(group.entries) for group in groups) == len(entries)
