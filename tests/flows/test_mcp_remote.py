"""Remote tool servers that are of the older era, forgetful, slow, rude or gone."""

import asyncio
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from app.config import Secret
from app.config.tools import McpServer
from tests.fix_tools import ALICE, BOB, tool_site
from tests.simulators.raw_server import CLOSE, HANG, raw_server

EVERYONE = ["alice *", "bob *"]
LISTED = {"tools": [{"name": "t", "inputSchema": {"type": "object"}}]}


def http(value: Any, *, status: int = 200, kind: str = "application/json", more: str = "") -> bytes:
    body = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def header(request: bytes, name: str) -> str:
    found = re.search(rb"(?im)^" + name.encode() + rb": ([^\r\n]*)", request)
    return found[1].decode() if found else ""


class OldServer:
    """Speaks `initialize` with a session id for each, and answers tool calls as `respond` says."""

    def __init__(self, respond: Callable[[dict[str, Any], bytes], Iterable]) -> None:
        self.respond = respond
        self.sessions = 0
        self.used: list[tuple[str, str]] = []

    def __call__(self, number: int, request: bytes) -> Iterable:
        message = json.loads(request.partition(b"\r\n\r\n")[2] or b"{}")
        method, session = message.get("method", ""), header(request, "mcp-session-id")
        if method == "initialize":
            self.sessions += 1
            result = {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "o", "version": "1"},
            }
            answer = {"jsonrpc": "2.0", "id": message["id"], "result": result}
            return [http(answer, more=f"mcp-session-id: s{self.sessions}\r\n")]
        if "id" not in message:
            return [http(None, status=202)]
        if not session:
            return [
                http(
                    {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no session"}},
                    status=400,
                )
            ]
        self.used.append((session, method))
        if method == "tools/list":
            return [http({"jsonrpc": "2.0", "id": message["id"], "result": LISTED})]
        return self.respond(message, request)


def said(message: dict[str, Any], value: object) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "id": message["id"],
        "result": {"content": [{"type": "text", "text": str(value)}]},
    }


CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "t", "arguments": {}}}


def remote(port: int, **rest: Any) -> dict[str, McpServer]:
    return {"far": McpServer(url=f"http://127.0.0.1:{port}/mcp", **rest)}


async def test_no_two_principals_share_a_session(database: str, tmp_path: Path):
    old = OldServer(lambda message, request: [http(said(message, header(request, "mcp-session-id")))])
    async with (
        raw_server(old) as far,
        tool_site(database, tmp_path, servers=remote(far.port), permit=EVERYONE) as site,
    ):
        answers = [(await site.post("/mcp/far", CALL, key=key))[1] for key in (ALICE, BOB, ALICE)]
    assert [answer["result"]["content"][0]["text"] for answer in answers] == ["s1", "s2", "s1"]


async def test_declared_headers_are_sent_and_the_callers_key_is_not(database: str, tmp_path: Path):
    old = OldServer(lambda message, request: [http(said(message, "ok"))])
    async with raw_server(old) as far:
        servers = remote(far.port, headers={"X-Token": Secret("upstream-secret")})
        async with tool_site(database, tmp_path, servers=servers) as site:
            await site.post("/mcp/far", CALL)
    assert far.requests
    for request in far.requests:
        assert header(request, "x-token") == "upstream-secret"
        assert ALICE.encode() not in request
        assert header(request, "traceparent")


GONE = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "gone"}}


@pytest.mark.parametrize("body", [None, GONE])
async def test_forgotten_session_is_opened_again(database: str, tmp_path: Path, body: Any):
    def respond(message: dict[str, Any], request: bytes) -> Iterable:
        return (
            [http(body, status=404)]
            if header(request, "mcp-session-id") == "s1"
            else [http(said(message, "again"))]
        )

    old = OldServer(respond)
    async with raw_server(old) as far, tool_site(database, tmp_path, servers=remote(far.port)) as site:
        _, answer, _ = await site.post("/mcp/far", CALL)
    assert answer["result"]["content"][0]["text"] == "again"
    assert old.sessions == 2


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([http(b"<html>", kind="text/html", status=500)], "upstream_status"),
        ([http(b"{nonsense")], "upstream_status"),
        ([http(None, status=302, more="location: http://127.0.0.1:1/\r\n")], "upstream_status"),
        ([http(None, status=401)], "upstream_status"),
        ([b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"half", CLOSE], "upstream_closed"),
        ([b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\ndata: junk\n\n", CLOSE], "upstream_protocol"),
        ([CLOSE], "upstream_closed"),
        ([HANG], "upstream_timeout"),
    ],
)  # fmt: skip
async def test_rude_server_is_a_clear_error(database: str, tmp_path: Path, pieces: list[Any], reason: str):
    old = OldServer(lambda message, request: pieces)
    async with (
        raw_server(old) as far,
        tool_site(database, tmp_path, servers=remote(far.port, timeout=0.5)) as site,
    ):
        status, answer, headers = await site.post("/mcp/far", CALL)
        assert status == 200
        assert answer["error"]["data"] == {"reason": reason, "trace_id": headers["traceparent"].split("-")[1]}
        rows = await site.rows("SELECT status FROM mcp_tool_executions")
    assert rows == [("error",)]


async def test_absent_server_is_a_clear_error(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=remote(1)) as site:
        _, answer, _ = await site.post("/mcp/far", CALL)
    assert answer["error"]["data"]["reason"] == "upstream_connect"


async def test_caller_that_goes_away_cancels_in_the_session(database: str, tmp_path: Path):
    old = OldServer(lambda message, request: [HANG])
    async with raw_server(old) as far, tool_site(database, tmp_path, servers=remote(far.port)) as site:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await site.post("/mcp/far", CALL)
        for _ in range(40):
            await asyncio.sleep(0.05)
            if any(b"notifications/cancelled" in request for request in far.requests):
                break
        rows = await site.rows("SELECT status FROM mcp_tool_executions")
    assert any(b"notifications/cancelled" in request for request in far.requests)
    assert rows == [("cancelled",)]


async def test_modern_caller_of_an_old_server_gets_a_modern_result(database: str, tmp_path: Path):
    old = OldServer(lambda message, request: [http(said(message, "ok"))])
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    message = {**CALL, "params": {**CALL["params"], "_meta": meta}}
    headers = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/call", "Mcp_Name": "t"}
    async with raw_server(old) as far, tool_site(database, tmp_path, servers=remote(far.port)) as site:
        _, answer, _ = await site.post("/mcp/far", message, **headers)
    assert answer["result"]["resultType"] == "complete"
    assert b"io.modelcontextprotocol" not in far.requests[-1]


def modern_only(number: int, request: bytes) -> Iterable:
    message = json.loads(request.partition(b"\r\n\r\n")[2])
    meta = message["params"].get("_meta", {})
    if (
        header(request, "mcp-method") != message["method"]
        or meta.get("io.modelcontextprotocol/protocolVersion") is None
    ):
        error = {"code": -32601, "message": "unknown method"}
        return [http({"jsonrpc": "2.0", "id": message["id"], "error": error}, status=404)]
    if message["method"] == "server/discover":
        result = {
            "resultType": "complete",
            "supportedVersions": ["2026-07-28"],
            "capabilities": {"tools": {}},
        }
        return [http({"jsonrpc": "2.0", "id": message["id"], "result": result})]
    answer = said(message, header(request, "mcp-name"))
    if message["method"] == "tools/list":
        answer["result"] = dict(LISTED)
    answer["result"]["resultType"] = "complete"
    return [http(answer)]


async def test_caller_of_the_older_era_reaches_a_modern_server(database: str, tmp_path: Path):
    async with (
        raw_server(modern_only) as far,
        tool_site(database, tmp_path, servers=remote(far.port)) as site,
    ):
        for _ in range(2):
            _, answer, _ = await site.post("/mcp/far", CALL)
            assert answer["result"] == {"content": [{"type": "text", "text": "t"}]}
        begun, answer, _ = await site.post(
            "/mcp/far",
            {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18"}},
        )
        assert begun == 200
    assert sorted(answer["result"]["capabilities"]) == ["tasks", "tools"]
    assert sum(b'"initialize"' in request for request in far.requests) == 1
