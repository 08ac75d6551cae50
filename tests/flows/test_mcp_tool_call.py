"""A tool call through the front door: permitted, denied, listed, recorded."""

from pathlib import Path

from tests.fix_tools import BOB, tool_site

FORBID = ["* tool.call tool:sample/delete_*"]


async def test_permitted_call_reaches_the_tool_and_is_recorded(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, forbid=FORBID) as site:
        answer = await site.call("tools/call", {"name": "lookup_ticket", "arguments": {"id": "T-2"}})
        assert "VPN certificate" in answer["result"]["content"][0]["text"]
        rows = await site.rows(
            "SELECT server, tool, actor, decision, status, arguments ->> 'id', result ->> 'isError'"
            " FROM mcp_tool_executions"
        )
    assert rows == [("sample", "lookup_ticket", "alice", "permit", "ok", "T-2", "false")]


async def test_denied_call_reaches_nothing_and_says_why(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, forbid=FORBID) as site:
        params = {"name": "delete_ticket", "arguments": {"id": "T-1"}}
        message = {"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": params}
        status, answer, headers = await site.post("/mcp/sample", message)
        assert status == 403
        assert answer["id"] == "a"
        data = answer["error"]["data"]
        assert data["reason"] == "forbidden_by_rule"
        assert data["rule_ids"] == FORBID
        assert data["trace_id"] == headers["traceparent"].split("-")[1]
        still = await site.call("tools/call", {"name": "lookup_ticket", "arguments": {"id": "T-1"}})
        assert still["result"]["isError"] is False
        rows = await site.rows(
            f"SELECT tool, decision, status FROM mcp_tool_executions WHERE trace_id = '{data['trace_id']}'"
        )
    assert rows == [("delete_ticket", "forbid", "denied")]


async def test_listing_shows_only_what_may_be_called(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, forbid=FORBID) as site:
        own = await site.call("tools/list")
        everything = await site.call("tools/list", path="/mcp")
        rows = await site.rows(
            "SELECT action, resource FROM audit_events WHERE kind = 'intent' ORDER BY time"
        )
    assert [tool["name"] for tool in own["result"]["tools"]] == ["lookup_ticket"]
    assert [tool["name"] for tool in everything["result"]["tools"]] == ["sample__lookup_ticket"]
    assert rows == [("tool.list", "sample"), ("tool.list", "*")]


async def test_aggregated_names_reach_the_right_server(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path) as site:
        tool = await site.call(
            "tools/call", {"name": "sample__lookup_ticket", "arguments": {"id": "T-1"}}, path="/mcp"
        )
        assert "Printer" in tool["result"]["content"][0]["text"]
        listed = await site.call("resources/list", path="/mcp")
        uri = listed["result"]["resources"][0]["uri"]
        read = await site.call("resources/read", {"uri": uri}, path="/mcp")
        assert read["result"]["contents"][0]["uri"] == uri == "sallyport://sample/desk://guide"
        prompt = await site.call(
            "prompts/get", {"name": "sample__summarize_ticket", "arguments": {"id": "T-1"}}, path="/mcp"
        )
        assert "T-1" in prompt["result"]["messages"][0]["content"]["text"]
        rows = await site.rows(
            "SELECT action, resource_kind, resource FROM audit_events WHERE kind = 'intent' ORDER BY time"
        )
    assert rows == [
        ("tool.call", "tool", "sample/lookup_ticket"),
        ("resource.list", "server", "*"),
        ("resource.read", "resource", "sample/desk://guide"),
        ("prompt.get", "prompt", "sample/summarize_ticket"),
    ]


async def test_tool_error_is_recorded_as_error(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path) as site:
        answer = await site.call("tools/call", {"name": "lookup_ticket", "arguments": {"id": "none"}})
        assert answer["result"]["isError"] is True
        rows = await site.rows("SELECT status FROM mcp_tool_executions")
    assert rows == [("error",)]


async def test_nobody_and_strangers_are_turned_away(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path) as site:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        status, answer, headers = await site.post("/mcp/sample", message, key="")
        assert (status, answer["error"]["data"]["reason"]) == (401, "credential_missing")
        assert headers["WWW-Authenticate"] == 'Bearer realm="sallyport"'
        status, _, _ = await site.post("/mcp/sample", message, key="sp_wrong")
        assert status == 401
        status, answer, _ = await site.post("/mcp/sample", message, key=BOB)
        assert (status, answer["error"]["data"]["reason"]) == (403, "no_rule_permits")
        rows = await site.rows("SELECT actor, reason FROM audit_events WHERE kind = 'denial' ORDER BY time")
    assert rows == [
        ("anonymous", "credential_missing"),
        ("anonymous", "credential_invalid"),
        ("bob", "no_rule_permits"),
    ]
