"""Servers and clients that others wrote: the `mcp` SDK before 2, the reference servers for Node, the Inspector."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from app.config.tools import McpServer
from tests.conformance.kit import KIT, NODE, fetched
from tests.fix_tools import ALICE, ToolSite, tool_site

HERE = Path(__file__).resolve().parent.parent / "simulators"
SDK1 = KIT / "sdk1"
MODULES = KIT.resolve() / "node_modules"
SERVERS = MODULES / "@modelcontextprotocol"
CALLS = "SELECT tool, decision, status FROM mcp_tool_executions ORDER BY time"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), fetched]


def node(package: str, *arguments: str, **members: Any) -> McpServer:
    program = SERVERS / package / "dist" / "index.js"
    read = (str(MODULES), *members.pop("read", ()))
    return McpServer(
        command=(str(NODE.resolve()), str(program), *arguments), read=read, timeout=60.0, **members
    )


async def run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def call(site: ToolSite, server: str, name: str, **arguments: Any) -> Any:
    answer = await site.call("tools/call", {"name": name, "arguments": arguments}, path=f"/mcp/{server}")
    return answer.get("result", answer)


async def test_sdk_before_2_is_served_and_supervised(database: str, tmp_path: Path):
    program = (str(SDK1 / "bin" / "python"), str(HERE / "mcp_sdk1_server.py"))
    servers = {"sdk1": McpServer(command=program, read=(str(SDK1.resolve()),), timeout=60.0)}
    async with tool_site(database, tmp_path, servers=servers, forbid=["* tool.call tool:sdk1/fail"]) as site:
        client = str(HERE / "mcp_sdk1_client.py")
        seen = json.loads(await run(program[0], client, f"{site.url}/mcp/sdk1", ALICE))
        rows = await site.rows(CALLS)
    assert seen == {
        "tools": ["add", "confirm", "roots", "sample", "thrice"],
        "add": "5",
        "confirm": "accept: True",
        "resource": "ann remembers.",
        "denied": "forbidden_by_rule",
    }
    assert rows == [("add", "permit", "ok"), ("confirm", "permit", "ok"), ("fail", "forbid", "denied")]


async def test_reference_server_for_node_is_confined_and_works(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"every": node("server-everything", "stdio")}) as site:
        added = await call(site, "every", "get-sum", a=2, b=3)
        image = await call(site, "every", "get-tiny-image")
        environment = await call(site, "every", "get-env")
        listed = (await site.call("prompts/list", path="/mcp/every"))["result"]["prompts"]
        rows = await site.rows(CALLS)
    assert "5" in added["content"][0]["text"]
    assert "image" in [block["type"] for block in image["content"]]
    assert "SALLYPORT" not in environment["content"][0]["text"]
    assert listed
    assert rows == [(name, "permit", "ok") for name in ("get-sum", "get-tiny-image", "get-env")]


async def test_reference_file_server_reaches_its_folder_and_no_other(database: str, tmp_path: Path):
    shared, other = tmp_path / "shared", tmp_path / "other"
    for folder in (shared, other):
        folder.mkdir()
        (folder / "note.txt").write_text(f"From {folder.name}.", encoding="utf-8")
    data = tmp_path / "data"
    data.mkdir()
    server = node("server-filesystem", str(shared), write=(str(shared),))
    async with tool_site(database, data, servers={"files": server}) as site:
        own = await call(site, "files", "read_text_file", path=str(shared / "note.txt"))
        written = await call(site, "files", "write_file", path=str(shared / "new.txt"), content="New.")
        outside = await call(site, "files", "read_text_file", path=str(other / "note.txt"))
        rows = await site.rows(CALLS)
    assert outside["isError"]
    assert "From other" not in str(outside)
    assert own["content"][0]["text"] == "From shared."
    assert not written.get("isError"), written
    assert (shared / "new.txt").read_text(encoding="utf-8") == "New."
    assert rows == [
        ("read_text_file", "permit", "ok"),
        ("write_file", "permit", "ok"),
        ("read_text_file", "permit", "error"),
    ]


async def test_inspector_lists_and_calls(database: str, tmp_path: Path):
    inspector = SERVERS / "inspector" / "clients" / "launcher" / "build" / "index.js"

    async def inspect(url: str, *arguments: str) -> Any:
        header = f"Authorization: Bearer {ALICE}"
        command = (str(NODE), str(inspector), "--cli", url, "--transport", "http", "--header", header)
        return json.loads(await run(*command, *arguments))

    async with tool_site(database, tmp_path) as site:
        url = f"{site.url}/mcp/sample"
        listed = await inspect(url, "--method", "tools/list")
        arguments = ("--tool-name", "lookup_ticket", "--tool-arg", "id=T-1")
        called = await inspect(url, "--method", "tools/call", *arguments)
        rows = await site.rows(CALLS)
    assert "lookup_ticket" in [tool["name"] for tool in listed["tools"]]
    assert called["content"][0]["type"] == "text"
    assert rows == [("lookup_ticket", "permit", "ok")]
