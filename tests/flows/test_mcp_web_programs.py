"""Programs that serve HTTP on a port: given one, reached in their own network, governed and kept like all others."""

import asyncio
import json
import os
import signal
import socket
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from app.config.tools import McpServer
from tests.fix_process import Program
from tests.fix_server import until
from tests.fix_tools import ALICE, BOB, ToolSite, tool_site

PROGRAM = str(Path(__file__).parent.parent / "simulators" / "web_program.py")
ROOT = Path(__file__).resolve().parents[2]
MODERN = {"protocolVersion": "2026-07-28", "clientCapabilities": {}}
EVERYONE = ["alice *", "bob *"]


def web(*words: str, **members: Any) -> McpServer:
    return McpServer(command=(sys.executable, PROGRAM, *words), transport="http", **members)


async def said(
    site: ToolSite, tool: str, *, path: str = "/mcp/web", key: str = ALICE, **arguments: Any
) -> Any:
    """What a tool answered, or the reason why it did not."""
    answer = await site.call("tools/call", {"name": tool, "arguments": arguments}, path=path, key=key)
    if "error" in answer:
        return answer["error"]["data"]["reason"]
    return json.loads(answer["result"]["content"][0]["text"])


async def ready(site: ToolSite, name: str = "web") -> Any:
    return await until(lambda: (found := site.servers.states()[name]).state == "ready" and found, 60.0)


@pytest.mark.slow
async def test_program_is_called_on_the_port_it_was_given(database: str, tmp_path: Path) -> None:
    servers = {"web": web("--port", "${PORT}")}
    async with tool_site(database, tmp_path, servers=servers, permit=EVERYONE) as site:
        await ready(site)
        first, second, again = [await said(site, "who", key=key) for key in (ALICE, BOB, ALICE)]
        assert first["words"] == ["--port", str(first["port"])]
        assert [one["session"] for one in (first, second, again)] == ["session-1", "session-2", "session-1"]
        rows = await site.rows("SELECT status FROM mcp_tool_executions")
        events = await site.rows("SELECT body FROM audit_events WHERE action = 'mcp.server.start'")
    assert rows == [("ok",)] * 3
    assert events[0][0]["port"] == first["port"]


@pytest.mark.slow
async def test_nobody_else_on_this_host_reaches_the_port(database: str, tmp_path: Path) -> None:
    async with tool_site(database, tmp_path, servers={"web": web()}) as site:
        level = (await ready(site)).level
        port = (await said(site, "who"))["port"]
        assert level.on["network"] == "own network namespace"
        with socket.socket() as stranger:
            stranger.settimeout(2)
            assert stranger.connect_ex(("127.0.0.1", port)) != 0
        listener = socket.create_server(("127.0.0.1", 0))
        assert await said(site, "reach", host="127.0.0.1", port=listener.getsockname()[1]) != "connected"
        listener.close()


@pytest.mark.slow
async def test_two_programs_never_have_one_port(database: str, tmp_path: Path) -> None:
    servers = {"one": web(), "two": web("--six"), "late": web("--late", "1")}
    async with tool_site(database, tmp_path, servers=servers) as site:
        for name in servers:
            await ready(site, name)
        ports = [(await said(site, "who", path=f"/mcp/{name}"))["port"] for name in servers]
    assert len(set(ports)) == 3


@pytest.mark.slow
async def test_more_connections_than_sockets_wait_for_their_turn(database: str, tmp_path: Path) -> None:
    async with tool_site(database, tmp_path, servers={"web": web()}) as site:
        await ready(site)
        for _ in range(3):
            answers = await asyncio.gather(*(said(site, "who") for _ in range(60)))
            assert {answer["session"] for answer in answers} == {"session-1"}


@pytest.mark.slow
async def test_caller_that_goes_away_is_noticed_by_the_program(database: str, tmp_path: Path) -> None:
    async with tool_site(database, tmp_path, servers={"web": web()}) as site:
        await ready(site)
        waiting = asyncio.create_task(said(site, "wait"))
        async with asyncio.timeout(60):
            while await said(site, "gone") != ["waiting"]:
                await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.wait({waiting})
            while await said(site, "gone") != ["waiting", "closed"]:
                await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_killed_and_dead_programs_come_back_on_a_port(database: str, tmp_path: Path) -> None:
    async with tool_site(database, tmp_path, servers={"web": web()}) as site:
        pid = (await ready(site)).pid
        os.kill(pid, signal.SIGKILL)
        await until(lambda: site.servers.states()["web"].starts == 2, 60.0)
        await ready(site)
        assert (await said(site, "who"))["session"] == "session-1", "sessions of the one before are forgotten"
        assert await said(site, "die") in ("upstream_closed", "upstream_connect")
        await until(lambda: site.servers.states()["web"].starts == 3, 60.0)
        await ready(site)
        assert (await said(site, "who"))["session"] == "session-1"


@pytest.mark.slow
async def test_program_that_stops_answering_is_restarted(database: str, tmp_path: Path) -> None:
    async with tool_site(database, tmp_path, servers={"web": web(health=0.5, timeout=1.0)}) as site:
        await ready(site)
        await said(site, "deafen")
        await until(lambda: site.servers.states()["web"].starts == 2, 60.0)
        await ready(site)
        assert await said(site, "who")
        rows = await site.rows("SELECT body->>'why' FROM audit_events WHERE action = 'mcp.server.end'")
    assert "does not answer" in rows[0][0]


@pytest.mark.slow
async def test_what_it_prints_is_in_its_log(database: str, tmp_path: Path) -> None:
    async with tool_site(database, tmp_path, servers={"web": web()}) as site:
        await ready(site)
        await said(site, "spill", text="a line for people")
        log = tmp_path / "logs" / "mcp" / "web.log"
        await until(lambda: "a line for people" in log.read_text(encoding="utf-8"), 60.0)


@pytest.mark.slow
async def test_server_of_the_sdk_is_spoken_to_over_http_in_either_era(database: str, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "tests.simulators.mcp_sdk_server", "${PORT}")
    entry = McpServer(command=command, transport="http", folder=str(ROOT), read=(str(ROOT),))
    async with tool_site(database, tmp_path, servers={"web": entry}) as site:
        await ready(site)
        arguments = {"name": "add", "arguments": {"a": 2, "b": 3}}
        old = await site.call("tools/call", arguments, path="/mcp/web")
        meta = {f"io.modelcontextprotocol/{key}": value for key, value in MODERN.items()}
        message = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {**arguments, "_meta": meta}}
        headers = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/call", "Mcp_Name": "add"}
        _, modern, _ = await site.post("/mcp/web", message, **headers)
    assert old["result"]["content"][0]["text"] == modern["result"]["content"][0]["text"] == "5"
    assert modern["result"]["resultType"] == "complete"


@pytest.mark.slow
def test_program_is_reached_where_the_kernel_holds_the_server(database: str, tmp_path: Path) -> None:
    """Sallyport's own process may connect to no TCP port at all; the program's network is none of this host's."""
    program = Program(tmp_path, database=database, provider="")
    entry = f'    web: {{command: ["{sys.executable}", "{PROGRAM}"], transport: http}}\n'
    text = program.profile.read_text().partition("providers:")[0]
    program.profile.write_text(f"{text}mcp:\n  servers:\n{entry}")
    key = program.key()
    params = {"name": "who", "arguments": {}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
    with program.serving() as process:
        request = urllib.request.Request(f"{process.url}/mcp/web", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            told = json.loads(answer.read())
    assert json.loads(told["result"]["content"][0]["text"])["session"] == "session-1"
    (row,) = program.rows("SELECT body FROM audit_events WHERE action = 'egress.enforce'")
    assert {*row["body"]["on"], *row["body"]["off"]} == {"ports", "sockets", "datagrams"}
