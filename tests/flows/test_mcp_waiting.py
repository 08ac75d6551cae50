"""A call that waits for a person: told as a task, as a question, or as a plain denial, by what the client declared."""

import sys
from pathlib import Path
from typing import Any

from app.catalog.review import resource
from app.config.tools import McpServer
from app.core.call import BearerToken, Call
from app.core.ids import new_trace
from tests.fix_modern import TASKS, modern
from tests.fix_streams import begin
from tests.fix_tools import BOB, ToolSite, tool_site

PROGRAM = Path(__file__).parent.parent / "simulators" / "mcp_tasks.py"
SERVERS = {"held": McpServer(command=(sys.executable, str(PROGRAM)))}
GREET = {"name": "greet", "arguments": {"name": "Bo"}}
CALLS = """
    SELECT tool, decision, status FROM mcp_tool_executions ORDER BY time
"""


async def seen(site: ToolSite) -> None:
    """A first look, which puts everything into quarantine."""
    await modern(site, "tools/list", path="/mcp/held")
    await begin(site, "/mcp/held")


async def approve(site: ToolSite) -> None:
    for one in await site.review.pending():
        key = (one.server, one.kind, one.name)
        call = Call(
            door="test",
            action="admin.tool.approve",
            resource=resource(key),
            trace=new_trace(),
            credential=BearerToken("sp_alice"),
        )
        async with site.admission.admit(call) as passage:
            await site.review.approve(passage, key, one.digest)
    await site.catalog.refresh()


async def poll(site: ToolSite, task: str) -> Any:
    answer = await modern(site, "tasks/get", {"taskId": task}, path="/mcp/held", capabilities=TASKS)
    return answer["result"]


async def test_call_is_a_task_until_a_person_approved(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS, pins="approve") as site:
        await seen(site)
        begun = (await modern(site, "tools/call", GREET, path="/mcp/held", capabilities=TASKS))["result"]
        assert (begun["resultType"], begun["status"]) == ("task", "working")
        assert "approval" in begun["statusMessage"]
        assert (await poll(site, begun["taskId"]))["status"] == "working"
        await approve(site)
        shown = await poll(site, begun["taskId"])
        again = await poll(site, begun["taskId"])
        rows = await site.rows(CALLS)
    assert shown["result"]["content"][0]["text"] == "Hello, Bo!"
    assert again == shown
    assert rows[-1] == ("greet", "permit", "ok")
    assert {row[2] for row in rows[:-1]} == {"denied"}


async def test_waiting_call_survives_a_restart_and_is_made_once(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS, pins="approve") as site:
        await seen(site)
        task = (await modern(site, "tools/call", GREET, path="/mcp/held", capabilities=TASKS))["result"][
            "taskId"
        ]
    async with tool_site(database, tmp_path, servers=SERVERS, pins="approve") as site:
        await approve(site)
        assert (await poll(site, task))["status"] == "completed"
        assert (await poll(site, task))["status"] == "completed"
        rows = await site.rows(CALLS)
    assert [row for row in rows if row[2] == "ok"] == [("greet", "permit", "ok")]


async def test_policy_is_asked_again_when_the_call_is_made(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS, pins="approve") as site:
        await seen(site)
        task = (await modern(site, "tools/call", GREET, path="/mcp/held", capabilities=TASKS))["result"][
            "taskId"
        ]
    forbid = ["* tool.call *"]
    async with tool_site(database, tmp_path, servers=SERVERS, pins="approve", forbid=forbid) as site:
        await approve(site)
        shown = await poll(site, task)
    assert shown["status"] == "failed"
    assert shown["error"]["data"]["reason"] == "forbidden_by_rule"


async def test_call_waits_on_when_something_else_is_not_approved_yet(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS, pins="approve") as site:
        await modern(site, "tools/list", path="/mcp/held")
        task = (await modern(site, "tools/call", GREET, path="/mcp/held", capabilities=TASKS))["result"][
            "taskId"
        ]
        await approve(site)  # the tools, while nobody has seen the server's introduction
        assert (await poll(site, task))["status"] == "working"
        await approve(site)
        assert (await poll(site, task))["status"] == "completed"


async def test_cancelled_call_is_never_made(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers=SERVERS, pins="approve") as site:
        await seen(site)
        task = (await modern(site, "tools/call", GREET, path="/mcp/held", capabilities=TASKS))["result"][
            "taskId"
        ]
        await modern(site, "tasks/cancel", {"taskId": task}, path="/mcp/held", capabilities=TASKS)
        await approve(site)
        assert (await poll(site, task))["status"] == "cancelled"
        rows = await site.rows("SELECT count(*) FROM mcp_tool_executions WHERE status = 'ok'")
    assert rows == [(0,)]


async def test_client_that_can_be_asked_is_asked_whether_to_look_again(database: str, tmp_path: Path):
    asked = {"elicitation": {}}
    async with tool_site(database, tmp_path, servers=SERVERS, pins="approve") as site:
        await seen(site)
        wants = (await modern(site, "tools/call", GREET, path="/mcp/held", capabilities=asked))["result"]
        assert wants["resultType"] == "input_required"
        assert "approval" in wants["inputRequests"]["approval"]["params"]["message"]
        state = {"requestState": wants["requestState"]}
        accept = {**GREET, **state, "inputResponses": {"approval": {"action": "accept", "content": {}}}}
        still = await modern(site, "tools/call", accept, path="/mcp/held", capabilities=asked)
        assert still["result"]["resultType"] == "input_required"
        no = {**GREET, **state, "inputResponses": {"approval": {"action": "decline"}}}
        declined = await modern(site, "tools/call", no, path="/mcp/held", capabilities=asked)
        await approve(site)
        done = await modern(site, "tools/call", accept, path="/mcp/held", capabilities=asked)
        other = {**accept, "arguments": {"name": "somebody else"}}
        moved = await modern(site, "tools/call", other, path="/mcp/held", capabilities=asked)
    assert declined["error"]["data"]["reason"].endswith("_quarantined")
    assert done["result"]["content"][0]["text"] == "Hello, Bo!"
    assert moved["error"]["code"] == -32602


async def test_client_that_declared_nothing_is_denied(database: str, tmp_path: Path):
    async with tool_site(
        database, tmp_path, servers=SERVERS, pins="approve", permit=["alice *", "bob *"]
    ) as site:
        await seen(site)
        denied = await modern(site, "tools/call", GREET, path="/mcp/held")
        peer = await begin(site, "/mcp/held", key=BOB, elicitation={})
        old = await peer.ask("tools/call", GREET)
        task = await peer.ask("tools/call", {**GREET, "task": {}})
        kept = await site.rows("SELECT principal, tool, status FROM mcp_tasks")
    assert denied["error"]["data"]["reason"].endswith("_quarantined")
    assert old["error"]["data"]["reason"].endswith("_quarantined")
    assert task["result"]["task"]["status"] == "working"
    assert kept == [("user-bob", "greet", "working")]
