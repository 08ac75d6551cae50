"""What a session hears between its requests, and how it takes up a stream that broke."""

import asyncio
import sys
from pathlib import Path

from app.config.tools import McpServer
from tests.fix_streams import begin, first
from tests.fix_tools import BOB, tool_site

SIMULATOR = Path(__file__).parent.parent / "simulators" / "mcp_single_client.py"
SINGLE = McpServer(command=(sys.executable, str(SIMULATOR)))
LISTENED = """
    SELECT o.status FROM audit_events i JOIN audit_events o ON o.call = i.call AND o.kind = 'outcome'
    WHERE i.kind = 'intent' AND i.body -> 'details' ->> 'method' = 'session/listen'
"""
EVERYONE = ["alice *", "bob *"]


async def test_announcement_reaches_the_session_it_is_for(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"single": SINGLE}, permit=EVERYONE) as site:
        alice, bob = await begin(site, "/mcp/single"), await begin(site, "/mcp/single", key=BOB)
        for peer in (alice, bob):
            await peer.ask("resources/subscribe", {"uri": "memo://1"})
        async with alice.get() as hers, bob.get() as his:
            await alice.tool("touch", uri="memo://1")
            await bob.tool("touch", uri="memo://2")
            assert (await first(hers))[1]["params"]["uri"] == "memo://1"
            assert (await first(his))[1]["params"]["uri"] == "memo://2"


async def test_announcement_of_what_may_not_be_read_is_dropped(database: str, tmp_path: Path):
    forbid = ["* resource.read resource:single/memo://secret"]
    async with tool_site(database, tmp_path, servers={"single": SINGLE}, forbid=forbid) as site:
        alice = await begin(site, "/mcp")
        await alice.ask("resources/subscribe", {"uri": "sallyport://single/memo://1"})
        async with alice.get() as events:
            await alice.tool("single__touch", uri="memo://secret")
            await alice.tool("single__touch", uri="memo://1")
            _, event = await first(events)
    assert event["params"]["uri"] == "sallyport://single/memo://1"


async def test_everybody_hears_that_the_lists_of_a_shared_program_changed(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"single": SINGLE}, permit=EVERYONE) as site:
        alice, bob = await begin(site, "/mcp/single"), await begin(site, "/mcp/single", key=BOB)
        assert alice.result["capabilities"]["tools"] == {"listChanged": True}
        async with alice.get() as hers, bob.get() as his:
            await alice.tool("change")
            for events in (hers, his):
                assert (await first(events))[1]["method"] == "notifications/tools/list_changed"


async def test_stream_is_taken_up_after_its_last_event(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"single": SINGLE}) as site:
        alice = await begin(site, "/mcp/single")
        await alice.ask("logging/setLevel", {"level": "info"})
        async with alice.get() as events:
            for name in ("one", "two"):
                await alice.tool("touch", uri=f"memo://{name}")
            last, event = await first(events)
            assert event["params"]["uri"] == "memo://one"
        await alice.tool("touch", uri="memo://three")
        async with alice.get(last) as events:
            heard = [(await first(events))[1]["params"]["uri"] for _ in range(2)]
        assert heard == ["memo://two", "memo://three"]
        headers = {**alice.headers, "Last-Event-ID": "a99-1"}
        async with site.session.get(site.url + "/mcp/single", headers=headers) as response:
            assert response.status == 400
        async with asyncio.timeout(60):
            while len(rows := await site.rows(LISTENED)) < 3:
                await asyncio.sleep(0.05)
    assert sorted(rows) == [("cancelled",), ("cancelled",), ("refused",)]


async def test_answer_is_fetched_after_its_connection_broke(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"single": SINGLE}) as site:
        alice = await begin(site, "/mcp/single")
        call = {"name": "steps", "arguments": {"steps": 4, "each": 0.2}, "_meta": {"progressToken": "p"}}
        async with alice.post(alice.message("tools/call", call)) as events:
            last, event = await first(events)
            assert event["params"] == {"progressToken": "p", "progress": 0}
        rest = []
        async with alice.get(last) as events, asyncio.timeout(60):
            async for _, event in events:
                rest.append(event)
        rows = await site.rows("SELECT tool, status FROM mcp_tool_executions")
    assert [event["params"]["progress"] for event in rest[:-1]] == [1, 2, 3]
    assert rest[-1]["result"]["content"][0]["text"] == "done"
    assert rows == [("steps", "ok")]


async def test_stream_belongs_to_its_session_and_its_principal(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"single": SINGLE}, permit=EVERYONE) as site:
        alice = await begin(site, "/mcp/single")
        for headers, status in (
            ({**alice.headers, "Authorization": f"Bearer {BOB}"}, 404),
            ({**alice.headers, "Mcp-Session-Id": "made-up"}, 404),
            ({**alice.headers, "MCP-Protocol-Version": "2026-07-28"}, 405),
            ({**alice.headers, "Accept": "application/json"}, 406),
        ):
            async with site.session.get(site.url + "/mcp/single", headers=headers) as response:
                assert response.status == status


async def test_session_is_of_one_node_and_begun_again_on_another(database: str, tmp_path: Path):
    async with (
        tool_site(database, tmp_path / "a", servers={"single": SINGLE}) as one,
        tool_site(database, tmp_path / "b", servers={"single": SINGLE}) as other,
    ):
        alice = await begin(one, "/mcp/single")
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        assert (await one.post("/mcp/single", ping, Mcp_Session_Id=alice.session))[0] == 200
        status, answer, _ = await other.post("/mcp/single", ping, Mcp_Session_Id=alice.session)
        assert (status, answer["error"]["message"]) == (404, "There is no such session; initialize again.")
        again = await begin(other, "/mcp/single")
        assert (await other.post("/mcp/single", ping, Mcp_Session_Id=again.session))[0] == 200
