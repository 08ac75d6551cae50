"""Calls whose answer comes later: tasks of a tool server in either era, recorded when they begin and when they end."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from app.config.tools import McpServer
from tests.fix_modern import TASKS, modern, request
from tests.fix_streams import begin
from tests.fix_tools import ALICE, BOB, ToolSite, tool_site

PROGRAM = Path(__file__).parent.parent / "simulators" / "mcp_tasks.py"
SERVERS = {
    "modern": McpServer(command=(sys.executable, str(PROGRAM))),
    "old": McpServer(command=(sys.executable, str(PROGRAM), "--old")),
}
EVERYONE = ["alice *", "bob *"]
ROWS = """
    SELECT coalesce(o.status, e.status), e.kind, e.resource FROM audit_events e
    LEFT JOIN audit_events o ON o.call = e.id AND o.kind = 'outcome'
    WHERE e.action IN ('tool.call', 'tool.end') AND e.kind IN ('intent', 'event') ORDER BY e.time
"""


async def call(
    site: ToolSite, tool: str, *, path: str = "/mcp/modern", key: str = ALICE, **arguments: Any
) -> Any:
    params = {"name": tool, "arguments": arguments}
    answer = await modern(site, "tools/call", params, path=path, key=key, capabilities=TASKS)
    return answer["result"]


async def ask(
    site: ToolSite, method: str, task: str, *, path: str = "/mcp/modern", key: str = ALICE, **more: Any
):
    params = {"taskId": task, **more}
    return await modern(site, method, params, path=path, key=key, capabilities=TASKS)


async def over(site: ToolSite, task: str, *, path: str = "/mcp/modern") -> Any:
    async with asyncio.timeout(60):
        while (shown := (await ask(site, "tasks/get", task, path=path))["result"])["status"] in (
            "working",
            "input_required",
        ):
            await asyncio.sleep(0.05)
    return shown


@pytest.mark.parametrize("server", ["modern", "old"])
async def test_task_of_a_server_of_either_era_reaches_a_client_of_the_newer(
    database: str, tmp_path: Path, server: str
):
    path = f"/mcp/{server}"
    async with tool_site(database, tmp_path, servers=SERVERS) as site:
        begun = await call(site, "slow_compute", path=path, seconds=0.2)
        assert (begun["resultType"], begun["status"]) == ("task", "working")
        assert [row[:2] for row in await site.rows(ROWS)] == [("started", "intent")]
        shown = await over(site, begun["taskId"], path=path)
        failed = await call(site, "protocol_error_job", path=path)
        error = await over(site, failed["taskId"], path=path)
        rows = await site.rows(ROWS)
    assert shown["result"]["content"][0]["text"] == "done"
    assert shown["resultType"] == "complete"
    assert error["status"] == "failed"
    assert error["error"]["code"] == -32603
    tools = [f"{server}/{tool}" for tool in ("slow_compute", "protocol_error_job")]
    assert [row for row in rows if row[1] == "event"] == [
        ("ok", "event", tools[0]),
        ("error", "event", tools[1]),
    ]


@pytest.mark.parametrize("server", ["modern", "old"])
async def test_task_of_a_server_of_either_era_reaches_a_client_of_the_older(
    database: str, tmp_path: Path, server: str
):
    async with tool_site(database, tmp_path, servers=SERVERS) as site:
        peer = await begin(site, f"/mcp/{server}")
        assert "tasks" in peer.result["capabilities"]
        params = {"name": "slow_compute", "arguments": {"seconds": 0.2}, "task": {"ttl": 60000}}
        task = (await peer.ask("tools/call", params))["result"]["task"]
        assert task["status"] == "working"
        listed = (await peer.ask("tasks/list", {}))["result"]["tasks"]
        result = (await peer.ask("tasks/result", {"taskId": task["taskId"]}))["result"]
        shown = (await peer.ask("tasks/get", {"taskId": task["taskId"]}))["result"]
        greeted = await peer.ask("tools/call", {"name": "greet", "arguments": {"name": "Bo"}, "task": {}})
        rows = await site.rows(ROWS)
    assert [one["taskId"] for one in listed] == [task["taskId"]]
    assert result["content"][0]["text"] == "done"
    assert result["_meta"]["io.modelcontextprotocol/related-task"] == {"taskId": task["taskId"]}
    assert (shown["status"], shown["ttl"]) == ("completed", 60000)
    assert greeted["result"]["task"]["status"] == "completed"
    assert [row[:2] for row in rows] == [("started", "intent"), ("ok", "event"), ("ok", "intent")]


@pytest.mark.parametrize("server", ["modern", "old"])
async def test_who_listens_for_a_task_is_told_how_it_goes(database: str, tmp_path: Path, server: str):
    path, everyone = f"/mcp/{server}", ["alice *", "bob *"]
    async with tool_site(database, tmp_path, servers=SERVERS, permit=everyone) as site:
        mine = (await call(site, "slow_compute", path=path, seconds=1))["taskId"]
        other = (await call(site, "slow_compute", path=path, seconds=0, key=BOB))["taskId"]
        wishes = {"notifications": {"taskIds": [mine, other, "none"]}}
        body, headers = request("subscriptions/listen", wishes, capabilities=TASKS, id="mine")
        told: list[Any] = []
        async with (
            asyncio.timeout(60),
            site.session.post(site.url + path, json=body, headers=headers) as response,
        ):
            async for line in response.content:
                if line.startswith(b"data: "):
                    told.append(json.loads(line[6:]))
                if told and told[-1]["params"].get("status") == "completed":
                    break
        refused = await modern(site, "subscriptions/listen", wishes, path=path)
    acknowledged, *changes = told
    assert acknowledged["params"]["notifications"] == {"taskIds": [mine]}
    assert {one["method"] for one in changes} == {"notifications/tasks"}
    assert {one["params"]["taskId"] for one in changes} == {mine}
    assert changes[-1]["params"]["result"]["content"][0]["text"] == "done"
    subscriptions = [one["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] for one in told]
    assert set(subscriptions) == {"mine"}
    assert "error" in refused


async def test_task_is_its_principals_alone(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS, permit=EVERYONE) as site:
        task = (await call(site, "slow_compute", seconds=30))["taskId"]
        for method in ("tasks/get", "tasks/cancel"):
            answer = await ask(site, method, task, key=BOB)
            assert answer["error"]["code"] == -32602
        assert (await ask(site, "tasks/get", task, path="/mcp/old"))["error"]["code"] == -32602
        assert (await ask(site, "tasks/get", task))["result"]["status"] == "working"
        assert (await ask(site, "tasks/cancel", task))["result"] == {"resultType": "complete"}
        assert (await over(site, task))["status"] == "cancelled"


async def test_input_that_a_task_wants_comes_from_its_client(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS) as site:
        task = (await call(site, "confirm_delete"))["taskId"]
        async with asyncio.timeout(60):
            while (shown := (await ask(site, "tasks/get", task))["result"])["status"] != "input_required":
                await asyncio.sleep(0.05)
        responses = {key: {"action": "accept", "content": {}} for key in shown["inputRequests"]}
        await ask(site, "tasks/update", task, inputResponses=responses)
        assert (await over(site, task))["result"]["content"][0]["text"] == "deleted"


async def test_client_that_follows_no_tasks_gets_none(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS) as site:
        params = {"name": "slow_compute", "arguments": {"seconds": 0}}
        plain = await modern(site, "tools/call", params, path="/mcp/modern")
        refused = await modern(site, "tasks/get", {"taskId": "x"}, path="/mcp/modern")
        removed = [
            await modern(site, method, {}, path="/mcp/modern", capabilities=TASKS)
            for method in ("tasks/list", "tasks/result")
        ]
    assert plain["result"]["content"][0]["text"] == "done at once"
    assert refused["error"]["code"] == -32021
    assert [one["error"]["code"] for one in removed] == [-32601, -32601]


async def test_task_is_found_on_another_node(database: str, tmp_path: Path):
    async with (
        tool_site(database, tmp_path / "a", servers=SERVERS) as one,
        tool_site(database, tmp_path / "b", servers=SERVERS) as other,
    ):
        task = (await call(one, "slow_compute", seconds=0))["taskId"]
        assert (await over(one, task))["status"] == "completed"
        shown = (await ask(other, "tasks/get", task))["result"]
        lost = (await call(one, "slow_compute", seconds=30))["taskId"]
        forgotten = await over(other, lost)  # a program of its own does not know the other's task
    assert shown["result"]["content"][0]["text"] == "done"
    assert (forgotten["status"], forgotten["statusMessage"]) == ("failed", "The tool server forgot the task.")


async def test_awaited_result_of_a_cancelled_task_is_an_error(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS) as site, asyncio.TaskGroup() as group:
        peer = await begin(site, "/mcp/old")
        params = {"name": "slow_compute", "arguments": {"seconds": 60}, "task": {}}
        task = (await peer.ask("tools/call", params))["result"]["task"]
        waiting = group.create_task(peer.ask("tasks/result", {"taskId": task["taskId"]}))
        cancelled = (await peer.ask("tasks/cancel", {"taskId": task["taskId"]}))["result"]
        assert "error" in await waiting
    assert cancelled["status"] == "cancelled"
