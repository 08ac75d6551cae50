"""Hostile messages at the MCP door: a clear error each, nothing reaches a tool, claimed identities are recorded."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fix_tools import ToolSite, tool_site

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
SAYS_PING = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "ping"}
USE = {"name": "lookup_ticket", "arguments": {"id": "T-1"}}


def request(method: str = "tools/call", params: Any = USE, **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params, **more}


async def reached(site: ToolSite) -> int:
    return len(
        await site.rows("SELECT 1 FROM audit_events WHERE kind = 'intent' AND action <> 'server.connect'")
    )


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"ping"}', {}, 400, -32700),
        (b"\xff\xfe", {}, 400, -32700),
        (b"[" * 100_000, {}, 400, -32700),
        (b"x" * (1024 * 1024 + 1), {}, 413, -32600),
        (request(), {"Origin": "https://evil.example"}, 403, -32600),
        (request(), {"Origin": "null"}, 403, -32600),
        (request(), {"Content_Type": "text/plain"}, 415, -32600),
        (request(), {"Content_Encoding": "gzip"}, 415, -32600),
        (request(), {"Accept": "text/html"}, 406, -32600),
        (request(params={**USE, "arguments": []}), {}, 400, -32602),
        (request(params={"arguments": {}}), {}, 400, -32602),
        (request("no/such"), {}, 200, -32601),
        (request("server/discover", {"_meta": META}), SAYS_PING, 400, -32020),
        (request("ping", {"_meta": META}), SAYS_PING, 404, -32601),
        (request(params={**USE, "_meta": META}), {"MCP_Protocol_Version": "2025-11-25"}, 400, -32020),
        (request(), {"MCP_Protocol_Version": "2026-07-28"}, 400, -32602),
        ([request()], {"MCP_Protocol_Version": "2025-06-18"}, 400, -32600),
        ([], {}, 400, -32600),
    ],
)  # fmt: skip
async def test_it_is_refused_in_words_and_recorded(
    database: str, tmp_path: Path, body: Any, headers: dict[str, str], status: int, code: int
):
    async with tool_site(database, tmp_path) as site:
        got, answer, out = await site.post("/mcp/sample", body, **headers)
        assert (got, answer["error"]["code"]) == (status, code)
        trace_id = out["traceparent"].split("-")[1]
        assert answer["error"]["data"]["trace_id"] == trace_id
        assert len(answer["error"]["message"]) > 10
        rows = await site.rows(
            f"SELECT kind, status, actor FROM audit_events WHERE trace_id = '{trace_id}' ORDER BY time"
        )
        assert rows == [("intent", None, "alice"), ("outcome", "refused", None)]
        assert await reached(site) == 0


async def test_nameless_garbage_is_refused_without_a_row(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path) as site:
        status, answer, _ = await site.post("/mcp/sample", b"{", key="")
        assert (status, answer["error"]["code"]) == (400, -32700)
        assert await site.rows("SELECT 1 FROM audit_events WHERE kind <> 'event'") == []


async def test_unknown_server_is_said_to_be_unknown(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path) as site:
        status, answer, _ = await site.post("/mcp/none", request())
    assert status == 404
    assert "none" in answer["error"]["message"]


async def test_own_origin_and_batches_of_the_first_revision_are_served(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path) as site:
        status, _, _ = await site.post("/mcp/sample", request(), Origin=site.url)
        assert status == 200
        batch = [
            request(),
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            request("ping", {}, id=2),
        ]
        status, answers, _ = await site.post("/mcp/sample", batch)
    assert status == 200
    assert [answer["id"] for answer in answers] == [1, 2]


async def test_every_message_of_a_batch_is_judged(database: str, tmp_path: Path):
    forbid = ["* tool.call tool:sample/delete_ticket"]
    async with tool_site(database, tmp_path, forbid=forbid) as site:
        batch = [
            request(),
            request(params={"name": "delete_ticket", "arguments": {"id": "T-1"}}, id=2),
            request(id=3),
        ]
        _, answers, _ = await site.post("/mcp/sample", batch)
        rows = await site.rows("SELECT tool, decision FROM mcp_tool_executions ORDER BY time")
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, -32003, None]
    assert rows == [("lookup_ticket", "permit"), ("delete_ticket", "forbid"), ("lookup_ticket", "permit")]


async def test_headers_never_decide_what_is_called(database: str, tmp_path: Path):
    forbid = ["* tool.call tool:sample/delete_ticket"]
    async with tool_site(database, tmp_path, forbid=forbid) as site:
        params = {"name": "delete_ticket", "arguments": {"id": "T-1"}}
        headers = {
            "Mcp_Method": "tools/list",
            "Mcp_Name": "lookup_ticket",
            "MCP_Protocol_Version": "2025-11-25",
        }
        status, answer, _ = await site.post("/mcp/sample", request(params=params), **headers)
        assert (status, answer["error"]["code"]) == (403, -32003)
        text = json.dumps(await site.call("tools/call", USE))
    assert "Printer" in text
