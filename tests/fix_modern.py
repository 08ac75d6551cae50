"""Requests of 2026-07-28 as its clients send them: the envelope in the body, and the headers that repeat it."""

from typing import Any

from tests.fix_tools import ALICE, ToolSite

PREFIX = "io.modelcontextprotocol/"
TASKS = {"extensions": {PREFIX + "tasks": {}}}
_NAMED = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}


def request(
    method: str,
    params: dict[str, Any] | None = None,
    *,
    key: str = ALICE,
    capabilities: dict[str, Any] | None = None,
    id: int | str = 1,  # noqa: A002 - the wire's name
) -> tuple[dict[str, Any], dict[str, str]]:
    """A body and its headers."""
    meta = {PREFIX + "protocolVersion": "2026-07-28", PREFIX + "clientCapabilities": capabilities or {}}
    body = {"jsonrpc": "2.0", "id": id, "method": method, "params": {**(params or {}), "_meta": meta}}
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": method,
    }
    if method in _NAMED:
        headers["Mcp-Name"] = str((params or {}).get(_NAMED[method]))
    return body, headers


async def modern(
    site: ToolSite,
    method: str,
    params: dict[str, Any] | None = None,
    *,
    path: str,
    key: str = ALICE,
    capabilities: dict[str, Any] | None = None,
) -> Any:
    """The JSON-RPC response."""
    body, headers = request(method, params, key=key, capabilities=capabilities)
    async with site.session.post(site.url + path, json=body, headers=headers) as response:
        return await response.json()
