"""Bodies that parsers read differently, or not at all: refused in each door's words, recorded, sent nowhere."""

import json

import pytest

from tests.hostile.conftest import Target

DOORS = {
    "openai": ("/v1/chat/completions", b'{"model":"gpt","messages":[]%s}'),
    "anthropic": ("/v1/messages", b'{"model":"claude","max_tokens":9,"messages":[]%s}'),
    "mcp": ("/mcp/sample", b'{"jsonrpc":"2.0","id":1,"method":"tools/list"%s}'),
    "api": ("/api/v1/services", b'{"name":"svc"%s}'),
}
MEMBERS = {
    "duplicate key": b',"a":1,"a":1',
    "duplicate model": b',"model":"other","model":"gpt"',
    "duplicate key by escape": b',"a":1,"\\u0061":2',
    "nested duplicate": b',"a":{"b":1,"b":2}',
    "deep lists": b',"a":' + b"[" * 3000 + b"]" * 3000,
    "deep objects": b',"a":' + b'{"b":' * 3000 + b"1" + b"}" * 3000,
    "just too deep": b',"a":' + b"[" * 64 + b"]" * 64,
    "a hundred thousand levels": b',"a":' + b"[" * 100_000,
    "invalid UTF-8": b',"a":"\xff\xfe"',
    "overlong UTF-8": b',"a":"\xc0\xaf"',
    "surrogate in UTF-8": b',"a":"\xed\xa0\x80"',
    "lone surrogate": b',"a":"\\ud800"',
    "lone low surrogate": b',"a":"\\udc00x"',
    "lone surrogate in a key": b',"\\ud800":1',
    "NaN": b',"a":NaN',
    "Infinity": b',"a":-Infinity',
    "comment": b',/* hello */"a":1',
    "single quotes": b",'a':1",
    "raw control character": b',"a":"x\x00y"',
    "number like 01": b',"a":01',
    "trailing comma": b',"a":1,',
    "huge integer": b',"a":' + b"9" * 5000,
    "trailing bytes": b'}{"b":1',
}


def _error(door: str, body: bytes) -> str:
    """The message in the door's own shape."""
    error = json.loads(body)["error"]
    if door == "mcp":
        assert error["code"] < 0
        assert len(error["data"]["trace_id"]) == 32
    elif door == "anthropic":
        assert json.loads(body)["type"] == "error"
        assert error["type"] == "invalid_request_error"
    elif door == "openai":
        assert error["type"] == "invalid_request_error"
        assert error["code"]
    return error["message"]


@pytest.mark.parametrize("name", MEMBERS)
def test_unreadable_member_is_refused_at_every_door(target: Target, name: str):
    for door, (path, body) in DOORS.items():
        before = target.record()
        reply = target.post(path, body % MEMBERS[name])
        assert reply.status == 400, (door, reply)
        assert _error(door, reply.body), door
        assert reply.headers.get("traceparent"), door
        assert target.record() == before + 1, door


WHOLE = {
    "nothing": b"",
    "truncated": b'{"model":"gpt","mess',
    "only a brace": b"{",
    "a list": b"[]",
    "a string": b'"model"',
    "null": b"null",
    "a number": b"7",
    "byte order mark": b'\xef\xbb\xbf{"model":"gpt"}',
    "UTF-16": '{"model":"gpt"}'.encode("utf-16"),
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "zeros": b"\x00" * 1000,
    "a form": b"model=gpt&messages=1",
    "model is a number": b'{"model":1,"jsonrpc":2,"name":3}',
    "model is an object": b'{"model":{"a":1},"jsonrpc":{},"name":{}}',
    "model with NUL": b'{"model":"a\\u0000b","jsonrpc":"2.0\\u0000","name":"a\\u0000b"}',
    "model with a line break": b'{"model":"a\\r\\nX: y","jsonrpc":"2.0\\r\\n","name":"a\\r\\nb"}',
    "model with an escape sequence": b'{"model":"\\u001b[2J","jsonrpc":"\\u001b[2J","name":"\\u001b[2J"}',
    "endless model": b'{"model":"%s","jsonrpc":"3","name":"%s"}' % (b"x" * 100_000, b"x" * 100_000),
}


@pytest.mark.parametrize("name", WHOLE)
def test_unusable_body_is_refused_at_every_door(target: Target, name: str):
    for door, (path, _) in DOORS.items():
        before = target.record()
        reply = target.post(path, WHOLE[name])
        assert 400 <= reply.status < 500, (door, reply)
        assert _error(door, reply.body), door
        assert target.record() > before, door


def test_nobody_learns_of_faults_before_saying_who_asks(target: Target):
    for door, (path, _) in DOORS.items():
        reply = target.post(path, b'{"a":1,"a":2}', key="")
        assert reply.status in (400, 401), (door, reply)


def test_too_large_body_is_refused_before_it_is_read(target: Target):
    for door, (path, _) in DOORS.items():
        before = target.record()
        big = b'{"model":"gpt","messages":[],"pad":"' + b"x" * 2_000_000 + b'"}'
        reply = target.post(path, big)
        assert reply.status == 413, (door, reply.status, reply.body[:200])
        assert json.loads(reply.body)["error"], door
        assert target.record() == before + 1, door


def test_too_large_chunked_body_is_refused(target: Target):
    for door, (path, _) in DOORS.items():
        head = target.head("POST", path, "Content-Type: application/json", "Transfer-Encoding: chunked")
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        reply = target.send(head, *[chunk] * 40, b"0\r\n\r\n")
        assert reply.status == 413, (door, reply)


def test_a_body_in_another_encoding_than_it_says_is_not_read(target: Target):
    for door, (path, body) in DOORS.items():
        reply = target.post(path, body % b"", "Content-Encoding: gzip")
        assert reply.status == (400 if door in ("openai", "anthropic") else 415), (door, reply)


NAMES = [
    "a\x00b",
    "../../etc",
    "a/b",
    "\ud7ff",
    "x" * 5000,
    "\u202eevil",
    "a\r\nb",
    "%2e%2e",
    " ",
    "'; DROP TABLE x;--",
]


@pytest.mark.parametrize("name", NAMES)
def test_strange_tool_names_reach_nothing_and_are_recorded(target: Target, name: str):
    for method, key in (("tools/call", "name"), ("prompts/get", "name"), ("resources/read", "uri")):
        before = target.record()
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": method,
            "params": {key: name, "arguments": {"id": "T-1"}},
        }
        for path in ("/mcp/sample", "/mcp"):
            reply = target.post(path, json.dumps(body).encode())
            assert reply.status in (200, 400, 403, 404), (path, method, reply)
            value = json.loads(reply.body)
            assert "error" in value or value["result"].get("isError"), value
        assert target.record() == before + 2


@pytest.mark.parametrize("name", [name for name in NAMES if name.isprintable()])
def test_strange_model_names_are_not_found_and_recorded(target: Target, name: str):
    before = target.record()
    for path in ("/v1/chat/completions", "/v1/messages"):
        body = {"model": name, "max_tokens": 1, "messages": []}
        reply = target.post(path, json.dumps(body).encode())
        assert reply.status in (400, 404), reply
    assert target.record() == before + 2


def test_values_that_postgres_cannot_hold_are_recorded_in_another_form(target: Target):
    values = {
        "nul": "a\x00b",
        "big": 10**40,
        "float": 1e308,
        "tiny": 5e-324,
        "emoji": "\U0001f600",
        "nested": {"\x00": [2**63]},
    }
    before = target.record()
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "lookup_ticket", "arguments": {"id": "T-1", **values}},
    }
    reply = target.post("/mcp/sample", json.dumps(body).encode())
    assert reply.status == 200, reply
    assert target.record() == before + 1
    row = target.process.program.rows(
        "SELECT arguments, status FROM mcp_tool_executions ORDER BY time DESC LIMIT 1"
    )[0]
    assert row["arguments"]["emoji"] == "\U0001f600"
    assert row["arguments"]["big"] == str(10**40)
