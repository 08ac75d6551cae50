"""The `mcp` SDK's client in front and its server behind, each era on either side, over stdio and HTTP."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from app.config.tools import McpServer
from tests.fix_tools import ALICE, ToolSite, tool_site

ROOT = Path(__file__).parent.parent.parent
OVER_STDIO = McpServer(command=(sys.executable, "-m", "tests.simulators.mcp_sdk_server"), folder=str(ROOT))
MODES = ["legacy", "2026-07-28", "auto"]

pytestmark = pytest.mark.slow


@asynccontextmanager
async def over_http() -> AsyncIterator[McpServer]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = (sys.executable, "-m", "tests.simulators.mcp_sdk_server", str(port))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
        yield McpServer(url=f"http://127.0.0.1:{port}/mcp")
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def client(site: ToolSite, path: str, mode: str, **options: Any) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {ALICE}"}
    async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
        transport = streamable_http_client(site.url + path, http_client=http)
        async with Client(transport, mode=mode, **options) as connected:
            yield connected


def text(result: types.CallToolResult) -> str:
    block = result.content[0]
    assert isinstance(block, types.TextContent)
    return block.text


async def exercise(site: ToolSite, mode: str) -> None:
    seen: list[float] = []

    async def progressed(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    async with client(site, "/mcp/sdk", mode) as one:
        assert one.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
        assert one.server_info is None or one.server_info.name == "sdk-server"
        assert [tool.name for tool in (await one.list_tools()).tools] == [
            "add",
            "announce",
            "confirm",
            "report",
            "settle",
        ]
        assert text(await one.call_tool("add", {"a": 2, "b": 3})) == "5"
        assert text(await one.call_tool("report", {}, progress_callback=progressed)) == "reported"
        assert [item.uri for item in (await one.list_resources()).resources] == ["memo://one"]
        templates = (await one.list_resource_templates()).resource_templates
        assert [item.uri_template for item in templates] == ["memo://by/{name}"]
        content = (await one.read_resource("memo://by/ann")).contents[0]
        assert isinstance(content, types.TextResourceContents)
        assert content.text == "ann remembers."
        assert (await one.get_prompt("greet", {"name": "Bo"})).messages[0].role == "user"
        with pytest.raises(MCPError, match="forbidden_by_rule"):
            await one.call_tool("fail", {})
    assert seen == [0, 1, 2]
    async with client(site, "/mcp", mode) as every:
        assert "sdk__add" in [tool.name for tool in (await every.list_tools()).tools]
        assert text(await every.call_tool("sdk__add", {"a": 1, "b": 1})) == "2"
        read = await every.read_resource("sallyport://sdk/memo://one")
        assert read.contents[0].uri == "sallyport://sdk/memo://one"
    rows = await site.rows("SELECT tool, decision, status FROM mcp_tool_executions ORDER BY time")
    assert rows == [
        ("add", "permit", "ok"),
        ("report", "permit", "ok"),
        ("fail", "forbid", "denied"),
        ("add", "permit", "ok"),
    ]


FORBID = ["* tool.call tool:sdk/fail"]


@pytest.mark.parametrize("mode", MODES)
async def test_every_client_era_works_with_a_program(database: str, tmp_path: Path, mode: str):
    async with tool_site(database, tmp_path, servers={"sdk": OVER_STDIO}, forbid=FORBID) as site:
        await exercise(site, mode)


@pytest.mark.parametrize("mode", MODES)
async def test_every_client_era_works_with_a_remote_server(database: str, tmp_path: Path, mode: str):
    async with (
        over_http() as remote,
        tool_site(database, tmp_path, servers={"sdk": remote}, forbid=FORBID) as site,
    ):
        await exercise(site, mode)


async def agree(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"sure": True})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["program", "remote"])
async def test_question_of_a_server_reaches_the_person(database: str, tmp_path: Path, mode: str, kind: str):
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(over_http()) if kind == "remote" else OVER_STDIO
        site = await stack.enter_async_context(tool_site(database, tmp_path, servers={"sdk": server}))
        one = await stack.enter_async_context(client(site, "/mcp/sdk", mode, elicitation_callback=agree))
        assert text(await one.call_tool("settle", {})) == "accept: True"
        if mode == "legacy" and kind == "remote":
            assert text(await one.call_tool("confirm", {})) == "accept: True"
        rows = await site.rows("SELECT DISTINCT decision, status FROM mcp_tool_executions")
    assert rows == [("permit", "ok")]


async def test_client_that_cannot_be_asked_gets_a_clear_error(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sdk": OVER_STDIO}) as site:
        answer = await site.call("tools/call", {"name": "settle", "arguments": {}}, path="/mcp/sdk")
    assert "error" in answer
