"""An agent asks Sallyport itself: who it is, what it may do, and why it was refused."""

from typing import Any

import aiohttp

from tests.fix_server import Serve, Served

PROFILE = "mcp: {servers: {away: {url: 'https://127.0.0.1:9/mcp', description: Not there}}}"
POLICY = """
policy: test
rules:
  - {id: connect, effect: permit, actions: [server.connect, tool.list], servers: ["*"]}
  - {id: ask, effect: permit, actions: [tool.call], tools: ["sallyport/*"]}
"""


class Agent:
    def __init__(self, served: Served, http: aiohttp.ClientSession, key: str) -> None:
        self._url = f"{served.url}/mcp"
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}

    async def ask(self, method: str, params: dict[str, Any], *, path: str = "/sallyport") -> Any:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self._http.post(
            self._url + path, json=message, headers=self._headers, ssl=False
        ) as answer:
            return await answer.json()

    async def tool(self, name: str, path: str = "/sallyport", **arguments: Any) -> Any:
        answer = await self.ask("tools/call", {"name": name, "arguments": arguments}, path=path)
        return answer["result"]


async def agent(served: Served, http: aiohttp.ClientSession, name: str = "robot") -> Agent:
    return Agent(served, http, await served.key(name=name))


async def test_agent_learns_who_it_is_and_what_it_may(serve: Serve, http: aiohttp.ClientSession) -> None:
    served = await serve(PROFILE, policy=POLICY)
    robot = await agent(served, http)
    listed = (await robot.ask("tools/list", {}))["result"]["tools"]
    assert [tool["name"] for tool in listed] == ["explain_denial", "list_servers", "may_i", "whoami"]
    who = (await robot.tool("whoami"))["structuredContent"]
    assert (who["name"], who["kind"], who["roles"]) == ("robot", "service", [])
    asked = {"action": "tool.call", "resource": "tool:away/delete"}
    assert (await robot.tool("may_i", **asked))["structuredContent"]["may"] is False
    asked["resource"] = "tool:sallyport/whoami"
    assert (await robot.tool("may_i", **asked))["structuredContent"]["may"] is True
    servers = (await robot.tool("list_servers"))["structuredContent"]["servers"]
    assert servers == [{"name": "away", "description": "Not there", "endpoint": "/mcp/away"}]
    wrong = await robot.tool("may_i", action="tool.call")
    assert wrong["isError"]
    assert "resource" in wrong["content"][0]["text"]
    calls = served.record("action = 'tool.call' AND kind = 'intent'")
    assert [row["resource"].partition("/")[2] for row in calls] == [
        "whoami", "may_i", "may_i", "list_servers", "may_i",
    ]  # fmt: skip


async def test_agent_is_told_why_it_was_denied_and_nobody_else_is(
    serve: Serve, http: aiohttp.ClientSession
) -> None:
    served = await serve(PROFILE, policy=POLICY)
    robot, other = await agent(served, http), await agent(served, http, "other")
    denied = await robot.ask("tools/call", {"name": "delete", "arguments": {}}, path="/away")
    trace = denied["error"]["data"]["trace_id"]
    found = (await robot.tool("explain_denial", trace_id=trace))["structuredContent"]["denials"]
    assert [(one["action"], one["resource"], one["reason"]) for one in found] == [
        ("tool.call", "tool:away/delete", "no_rule_permits")
    ]
    assert (await other.tool("explain_denial", trace_id=trace))["structuredContent"]["denials"] == []
    unknown = await robot.tool("explain_denial", trace_id="0" * 32)
    assert unknown["structuredContent"]["denials"] == []
    assert (await robot.tool("explain_denial", trace_id="all"))["isError"]
    assert [row["kind"] for row in served.record("trace_id = %s", trace)] == ["denial"]


async def test_own_tools_stand_beside_the_others_where_policy_permits(
    serve: Serve, http: aiohttp.ClientSession
) -> None:
    served = await serve(policy=POLICY.replace("sallyport/*", "sallyport/whoami"))
    robot = await agent(served, http)
    listed = (await robot.ask("tools/list", {}, path=""))["result"]["tools"]
    assert [tool["name"] for tool in listed] == ["sallyport__whoami"]
    who = await robot.tool("sallyport__whoami", path="")
    assert who["structuredContent"]["name"] == "robot"
    refused = await robot.ask("tools/call", {"name": "list_servers", "arguments": {}})
    assert refused["error"]["data"]["reason"] == "no_rule_permits"
    decided = served.record("action = 'tool.call' AND kind IN ('intent', 'denial')")
    assert [(row["kind"], row["resource"]) for row in decided] == [
        ("intent", "sallyport/whoami"),
        ("denial", "sallyport/list_servers"),
    ]
