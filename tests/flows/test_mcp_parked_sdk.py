"""The `mcp` SDK before 2 behind Sallyport asks, and the SDK 2 in front answers: over stdio and HTTP."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from mcp import types
from mcp.client.client import Client

from app.config.tools import McpServer
from tests.conformance.kit import KIT, fetched
from tests.fix_listening import listening
from tests.fix_tools import tool_site
from tests.flows.test_mcp_sdk import client, text

SDK1 = KIT / "sdk1"
SERVER = str(Path(__file__).resolve().parent.parent / "simulators" / "mcp_sdk1_server.py")
PYTHON = str(SDK1 / "bin" / "python")
PROGRAM = McpServer(command=(PYTHON, SERVER), read=(str(SDK1.resolve()),), timeout=60.0)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), fetched]


async def agree(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"sure": True})


async def think(context: Any, params: types.CreateMessageRequestParams) -> types.CreateMessageResult:
    content = types.TextContent(type="text", text="This one.")
    return types.CreateMessageResult(role="assistant", content=content, model="test")


async def show(context: Any) -> types.ListRootsResult:
    return types.ListRootsResult(roots=[types.Root(uri="file:///srv/project")])


async def everything(one: Client) -> list[str]:
    """What each tool that asks says."""
    return [text(await one.call_tool(name, {})) for name in ("confirm", "sample", "roots", "thrice")]


@pytest.mark.parametrize("kind", ["program", "remote"])
async def test_server_before_2_asks_a_client_of_2(database: str, tmp_path: Path, kind: str):
    able: dict[str, Any] = {
        "elicitation_callback": agree,
        "sampling_callback": think,
        "list_roots_callback": show,
    }
    async with AsyncExitStack() as stack:
        server = PROGRAM
        if kind == "remote":
            port = await stack.enter_async_context(listening(PYTHON, SERVER))
            server = McpServer(url=f"http://127.0.0.1:{port}/mcp", timeout=60.0)
        site = await stack.enter_async_context(tool_site(database, tmp_path, servers={"sdk1": server}))
        one = await stack.enter_async_context(client(site, "/mcp/sdk1", "2026-07-28", **able))
        said = await everything(one)
        again = await everything(one)
        statuses = await site.rows("SELECT status, count(*) FROM mcp_tool_executions GROUP BY 1 ORDER BY 1")
    assert said == again == ["accept: True", "This one.", "file:///srv/project", "accept, accept, accept"]
    assert statuses == [("ok", 8), ("started", 12)]
