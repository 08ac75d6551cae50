"""A tool may be called with some arguments and not with others: decided by the real policy at the MCP door."""

import sys
from typing import Any

import aiohttp
import pytest
import yaml

from app.core.paths import resources
from tests.fix_server import Serve, Served

PROFILE = yaml.safe_dump(
    {
        "mcp": {
            "servers": {
                "sample": {
                    "command": [sys.executable, "-m", "app.demo.sample_mcp"],
                    "folder": str(resources()),
                }
            }
        }
    }
)
POLICY = """\
policy: test
rules:
  - id: some-tickets
    effect: permit
    who: {services: [robot]}
    actions: [tool.call]
    tools: [sample/lookup_ticket]
    when: [{argument: id, matches: "T-*"}]
  - id: not-the-second
    effect: forbid
    actions: [tool.call]
    tools: ["sample/*"]
    when: [{argument: id, equals: T-2}]
    reason: The second ticket is under seal.
"""


class Desk:
    """A clerk with an MCP client."""

    def __init__(self, served: Served, http: aiohttp.ClientSession, key: str) -> None:
        self.served = served
        self._http = http
        self._key = key

    async def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "desk", "version": "1"},
        }
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": method,
        } | ({"Mcp-Name": params["name"]} if "name" in params else {})
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params | {"_meta": meta}}
        async with self._http.post(f"{self.served.url}/mcp/sample", json=message, headers=headers) as answer:
            return await answer.json()

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return await self.ask("tools/call", {"name": tool, "arguments": arguments})


@pytest.fixture
async def desk(serve: Serve, http: aiohttp.ClientSession) -> Desk:
    served = await serve(PROFILE, policy=POLICY)
    return Desk(served, http, await served.key())


async def test_arguments_decide_and_are_recorded(desk: Desk) -> None:
    assert "result" in await desk.call("lookup_ticket", id="T-1")
    sealed = await desk.call("lookup_ticket", id="T-2")
    assert (
        sealed["error"]["message"]
        == "Forbidden by rule test/not-the-second: The second ticket is under seal."
    )
    rows = desk.served.select(
        "SELECT decision, arguments ->> 'id' AS id FROM mcp_tool_executions ORDER BY time"
    )
    assert rows == [{"decision": "permit", "id": "T-1"}, {"decision": "forbid", "id": "T-2"}]
    (denied,) = desk.served.record("kind = 'denial'")
    assert denied["rule_ids"] == ["test/not-the-second"]
    assert denied["policy_hash"] == desk.served.site.engine.snapshot.hash


@pytest.mark.parametrize(
    "arguments", [{}, {"id": None}, {"id": ["T-1"]}, {"id": "X-1"}, {"id": "T-1/../T-2"}, {"ID": "T-1"}]
)
async def test_what_cannot_be_known_reaches_no_tool(desk: Desk, arguments: dict[str, Any]) -> None:
    answer = await desk.call("lookup_ticket", **arguments)
    assert answer["error"]["data"]["reason"] in ("forbidden_by_rule", "no_rule_permits")
    assert [row["kind"] for row in desk.served.record("action = 'tool.call'")] == ["denial"]


async def test_tool_of_which_some_calls_are_permitted_is_listed(desk: Desk) -> None:
    listed = await desk.ask("tools/list", {})
    assert [tool["name"] for tool in listed["result"]["tools"]] == ["lookup_ticket"]
    assert [row["action"] for row in desk.served.record("kind = 'intent'")] == ["tool.list"]
