"""Programs that serve one client: a caller that needs one of its own gets it, and shares it with nobody."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from app.config.tools import McpServer
from app.mcp.supervisor.instances import MOST_OF_ONE
from tests.fix_streams import begin, first
from tests.fix_tools import BOB, ToolSite, tool_site

SIMULATOR = Path(__file__).parent.parent / "simulators" / "mcp_single_client.py"
SINGLE = McpServer(command=(sys.executable, str(SIMULATOR)))
pytestmark = pytest.mark.slow
EVERYONE = ["alice *", "bob *"]


async def about(site: ToolSite, *, key: str = "sp_alice", path: str = "/mcp/single") -> Any:
    params = {"name": "about", "arguments": {}}
    answer = await site.call("tools/call", params, path=path, key=key)
    return json.loads(answer["result"]["content"][0]["text"])


async def test_question_of_a_program_reaches_the_client_whose_call_it_is(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"single": SINGLE}, permit=EVERYONE) as site:
        alice = await begin(site, "/mcp/single", elicitation={})
        bob = await begin(site, "/mcp/single", key=BOB, elicitation={})
        async with alice.post(alice.message("tools/call", {"name": "ask", "arguments": {}})) as events:
            _, question = await first(events)
            assert question["method"] == "elicitation/create"
            await bob.respond(question, {"action": "accept", "content": {"from": "bob"}})
            await alice.respond(question, {"action": "accept", "content": {"from": "alice"}})
            _, answer = await first(events)
        assert "alice" in answer["result"]["content"][0]["text"]
        assert json.loads(await alice.tool("about"))["client"] == {"elicitation": {}}
        assert (
            json.loads(await bob.tool("about"))["process"] != json.loads(await alice.tool("about"))["process"]
        )
        rows = await site.rows("SELECT tool, status FROM mcp_tool_executions WHERE tool = 'ask'")
        started = await site.rows(
            "SELECT body ->> 'process' FROM audit_events WHERE action = 'mcp.server.start'"
            " AND body ? 'process' ORDER BY 1"
        )
    assert rows == [("ask", "ok")]
    assert started == [("single@1",), ("single@2",)]


async def test_caller_that_needs_nothing_of_its_own_shares_the_program(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"single": SINGLE}, permit=EVERYONE) as site:
        plain = await begin(site, "/mcp/single")
        processes = {
            json.loads(await plain.tool("about"))["process"],
            (await about(site, key=BOB))["process"],
        }
        assert len(processes) == 1
        assert "result" in await plain.ask("logging/setLevel", {"level": "debug"})
        own = json.loads(await plain.tool("about"))
        assert own["level"] == "debug"
        assert own["process"] not in processes
        assert (await about(site))["level"] == ""


async def test_setting_outlives_the_process_that_was_told(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"single": SINGLE}) as site:
        alice = await begin(site, "/mcp/single")
        await alice.ask("logging/setLevel", {"level": "warning"})
        await alice.ask("resources/subscribe", {"uri": "memo://1"})
        before = json.loads(await alice.tool("about"))
        assert "error" in await alice.ask("tools/call", {"name": "die", "arguments": {}})
        async with asyncio.timeout(60):
            while "result" not in (
                answer := await alice.ask("tools/call", {"name": "about", "arguments": {}})
            ):
                pass
        after = json.loads(answer["result"]["content"][0]["text"])
    assert after["process"] != before["process"]
    assert (after["level"], after["subscribed"]) == ("warning", ["memo://1"])


async def test_no_state_crosses_principals(database: str, tmp_path: Path):
    servers = {"single": replace(SINGLE, instances="principal")}
    async with tool_site(database, tmp_path, servers=servers, permit=EVERYONE) as site:
        alice = await begin(site, "/mcp/single")
        await alice.tool("note", text="a word of hers")
        mine, same, other = (
            await about(site),
            json.loads(await alice.tool("about")),
            await about(site, key=BOB),
        )
    assert mine["process"] == same["process"] != other["process"]
    assert mine["note"] == "a word of hers"
    assert other["note"] == ""
    assert mine["home"] != other["home"]


async def test_program_ends_with_its_session(database: str, tmp_path: Path):
    servers = {"single": replace(SINGLE, instances="session")}
    async with tool_site(database, tmp_path, servers=servers) as site:
        one, two = await begin(site, "/mcp/single"), await begin(site, "/mcp/single")
        first_process, second_process = [
            json.loads(await peer.tool("about"))["process"] for peer in (one, two)
        ]
        assert first_process != second_process
        url, headers = site.url + "/mcp/single", one.headers
        async with site.session.delete(url, headers=headers) as response:
            assert response.status == 204
        for _ in range(600):
            if site.servers.states()["single"].instances == 1:
                break
            await about(site)  # a call without a session has the principal's own
        assert json.loads(await two.tool("about"))["process"] == second_process


async def test_of_too_many_sessions_the_one_that_rested_longest_gives_way(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"single": SINGLE}) as site:
        peers = [await begin(site, "/mcp/single", elicitation={}) for _ in range(MOST_OF_ONE + 1)]
        await peers[0].ask("logging/setLevel", {"level": "alert"})
        told = [json.loads(await peer.tool("about"))["process"] for peer in peers]
        again = json.loads(await peers[0].tool("about"))
    assert len(set(told)) == MOST_OF_ONE + 1
    assert again["process"] not in told
    assert again["level"] == "alert"


async def test_without_room_the_shared_program_serves_and_questions_are_refused(
    database: str, tmp_path: Path
):
    async with tool_site(database, tmp_path, servers={"single": SINGLE}, programs_at_once=1) as site:
        alice = await begin(site, "/mcp/single", elicitation={})
        assert json.loads(await alice.tool("about"))["client"] == {}
        assert "not available to a program that serves several" in await alice.tool("ask")


async def test_without_room_a_program_of_ones_own_is_refused(database: str, tmp_path: Path):
    servers = {"other": SINGLE, "single": replace(SINGLE, instances="session")}
    async with tool_site(database, tmp_path, servers=servers, programs_at_once=1) as site:
        assert (await about(site, path="/mcp/other"))["process"]
        answer = await site.call("tools/call", {"name": "about", "arguments": {}}, path="/mcp/single")
        rows = await site.rows("SELECT status FROM mcp_tool_executions ORDER BY time")
    assert "no room for another process" in answer["error"]["message"]
    assert rows == [("ok",), ("error",)]


async def test_session_of_the_older_era_uses_a_program_of_the_newer(database: str, tmp_path: Path):
    servers = {"single": McpServer(command=(sys.executable, str(SIMULATOR), "--modern"))}
    async with tool_site(database, tmp_path, servers=servers) as site:
        alice = await begin(site, "/mcp/single", elicitation={})
        assert "result" in await alice.ask("logging/setLevel", {"level": "error"})
        meta = json.loads(await alice.tool("about"))["meta"]
        refused = await alice.ask("resources/subscribe", {"uri": "memo://1"})
    assert meta["io.modelcontextprotocol/logLevel"] == "error"
    assert refused["error"]["code"] == -32601
    assert "2026-07-28 only" in refused["error"]["message"]
