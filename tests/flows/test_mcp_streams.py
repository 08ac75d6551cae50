"""What a session hears between its requests, and how it takes up a stream that broke."""

import asyncio
import sys
from pathlib import Path

import pytest

from app.config.tools import McpServer
from tests.fix_modern import request
from tests.fix_streams import begin, events, first
from tests.fix_tools import BOB, tool_site
from tests.flows.test_mcp_sdk import over_http

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
        async with alice.get() as stream:
            await alice.tool("single__touch", uri="memo://secret")
            await alice.tool("single__touch", uri="memo://1")
            _, event = await first(stream)
    assert event["params"]["uri"] == "sallyport://single/memo://1"


async def test_everybody_hears_that_the_lists_of_a_shared_program_changed(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"single": SINGLE}, permit=EVERYONE) as site:
        alice, bob = await begin(site, "/mcp/single"), await begin(site, "/mcp/single", key=BOB)
        assert alice.result["capabilities"]["tools"] == {"listChanged": True}
        async with alice.get() as hers, bob.get() as his:
            await alice.tool("change")
            for stream in (hers, his):
                assert (await first(stream))[1]["method"] == "notifications/tools/list_changed"


async def test_stream_is_taken_up_after_its_last_event(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"single": SINGLE}) as site:
        alice = await begin(site, "/mcp/single")
        await alice.ask("logging/setLevel", {"level": "info"})
        async with alice.get() as stream:
            for name in ("one", "two"):
                await alice.tool("touch", uri=f"memo://{name}")
            last, event = await first(stream)
            assert event["params"]["uri"] == "memo://one"
        await alice.tool("touch", uri="memo://three")
        async with alice.get(last) as stream:
            heard = [(await first(stream))[1]["params"]["uri"] for _ in range(2)]
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
        async with alice.post(alice.message("tools/call", call)) as stream:
            last, event = await first(stream)
            assert event["params"] == {"progressToken": "p", "progress": 0}
        rest = []
        async with alice.get(last) as stream, asyncio.timeout(60):
            async for _, event in stream:
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


@pytest.mark.slow
async def test_remote_server_is_heard_between_requests(database: str, tmp_path: Path):
    async with over_http() as remote, tool_site(database, tmp_path, servers={"sdk": remote}) as site:
        alice = await begin(site, "/mcp/sdk")
        async with alice.get() as stream, asyncio.TaskGroup() as group:
            hearing = group.create_task(first(stream))
            async with asyncio.timeout(60):
                while not hearing.done():  # until our own stream is open there
                    assert await alice.tool("announce") == "announced"
                    await asyncio.wait({hearing}, timeout=0.1)
            _, event = hearing.result()
    assert event["method"] == "notifications/resources/list_changed"


async def test_subscription_of_the_newer_era_is_heard_under_its_own_id(database: str, tmp_path: Path):
    servers = {"single": McpServer(command=(sys.executable, str(SIMULATOR), "--modern"))}
    async with tool_site(database, tmp_path, servers=servers) as site:
        body, headers = request("subscriptions/listen", {"notifications": {}}, id="mine")
        url = site.url + "/mcp/single"
        async with site.session.post(url, json=body, headers=headers) as response:
            heard = events(response)
            _, event = await first(heard)
    assert event["method"] == "notifications/subscriptions/acknowledged"
    assert event["params"]["_meta"] == {"io.modelcontextprotocol/subscriptionId": "mine"}


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
