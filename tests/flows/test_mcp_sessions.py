"""Sessions of the older era: bound to who began them, ended by them, and cancellable inside."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from app.config.tools import McpServer
from tests.fix_tools import BOB, ToolSite, tool_site

SIMULATOR = McpServer(
    command=(sys.executable, str(Path(__file__).parent.parent / "simulators" / "mcp_server.py"))
)
EVERYONE = ["alice *", "bob *"]
PING = {"jsonrpc": "2.0", "id": 2, "method": "ping"}


async def begin(site: ToolSite, version: str = "2025-06-18", path: str = "/mcp/sim") -> tuple[str, Any]:
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    status, answer, headers = await site.post(path, message)
    assert status == 200
    return headers["Mcp-Session-Id"], answer["result"]


async def test_session_belongs_to_who_began_it_and_to_its_endpoint(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": SIMULATOR}, permit=EVERYONE) as site:
        session, result = await begin(site)
        assert result["protocolVersion"] == "2025-06-18"
        assert (await site.post("/mcp/sim", PING, Mcp_Session_Id=session))[0] == 200
        assert (await site.post("/mcp/sim", PING, key=BOB, Mcp_Session_Id=session))[0] == 404
        assert (await site.post("/mcp", PING, Mcp_Session_Id=session))[0] == 404
        assert (await site.post("/mcp/sim", PING, Mcp_Session_Id="made-up"))[0] == 404
        rows = await site.rows("SELECT body ->> 'error' FROM audit_events WHERE status = 'refused'")
    assert rows == [("There is no such session of this principal here.",)] * 3


async def test_unknown_revision_is_answered_with_the_latest_of_the_era(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": SIMULATOR}) as site:
        assert (await begin(site, "2099-01-01"))[1]["protocolVersion"] == "2025-11-25"
        assert (await begin(site, "2025-03-26"))[1]["protocolVersion"] == "2025-03-26"


async def test_deleted_session_is_gone(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": SIMULATOR}) as site:
        session, _ = await begin(site)
        headers = {"Authorization": "Bearer sp_alice", "Mcp-Session-Id": session}
        async with site.session.delete(site.url + "/mcp/sim", headers=headers) as response:
            assert response.status == 204
        async with site.session.delete(site.url + "/mcp/sim", headers=headers) as response:
            assert response.status == 404
        assert (await site.post("/mcp/sim", PING, Mcp_Session_Id=session))[0] == 404


async def test_notification_is_accepted_and_stream_is_not_offered(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": SIMULATOR}) as site:
        session, _ = await begin(site)
        note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        status, body, _ = await site.post("/mcp/sim", note, Mcp_Session_Id=session)
        assert (status, body) == (202, None)
        async with site.session.get(site.url + "/mcp/sim") as response:
            assert (response.status, response.headers["Allow"]) == (405, "POST, DELETE")


async def test_cancelled_request_ends_here_and_at_the_tool(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": SIMULATOR}) as site:
        session, _ = await begin(site)
        params = {"name": "sleep", "arguments": {"seconds": 30}}
        slow = {"jsonrpc": "2.0", "id": "slow", "method": "tools/call", "params": params}
        running = asyncio.create_task(site.post("/mcp/sim", slow, Mcp_Session_Id=session))
        await asyncio.sleep(0.3)
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "slow"}}
        assert (await site.post("/mcp/sim", cancel, Mcp_Session_Id=session))[0] == 202
        async with asyncio.timeout(2):
            _, answer, _ = await running
        assert (answer["id"], answer["error"]["code"]) == ("slow", -32005)
        rows = await site.rows("SELECT status FROM mcp_tool_executions")
        assert rows == [("cancelled",)]
        told = await site.call("tools/call", {"name": "cancelled"}, path="/mcp/sim")
    assert told["result"]["content"][0]["text"].count(",") == 0
    assert told["result"]["content"][0]["text"] != "[]"


@pytest.mark.slow
async def test_nobody_cancels_for_another(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": SIMULATOR}, permit=EVERYONE) as site:
        session, _ = await begin(site)
        params = {"name": "sleep", "arguments": {"seconds": 1}}
        slow = {"jsonrpc": "2.0", "id": "slow", "method": "tools/call", "params": params}
        running = asyncio.create_task(site.post("/mcp/sim", slow, Mcp_Session_Id=session))
        await asyncio.sleep(0.2)
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "slow"}}
        assert (await site.post("/mcp/sim", cancel, key=BOB, Mcp_Session_Id=session))[0] == 404
        assert (await site.post("/mcp/sim", cancel, key=BOB))[0] == 202
        _, answer, _ = await running
    assert "result" in answer
