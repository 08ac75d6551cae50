"""Tool programs: alone in their group, scrubbed, restarted, ended whole, and never able to hold up anybody else."""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.config import Secret
from app.config.tools import McpServer
from app.mcp.supervisor.host.usage import tree
from tests.fix_server import until
from tests.fix_tools import ALICE, ToolSite, tool_site

SIMULATOR = str(Path(__file__).parent.parent / "simulators" / "mcp_server.py")


def simulator(*flags: str, **rest: Any) -> McpServer:
    return McpServer(command=(sys.executable, SIMULATOR, *flags), **rest)


async def use(site: ToolSite, tool: str, *, server: str = "sim", **arguments: Any) -> Any:
    answer = await site.call("tools/call", {"name": tool, "arguments": arguments}, path=f"/mcp/{server}")
    if "error" in answer:
        return answer["error"]
    told = answer["result"]["content"][0]["text"]
    return json.loads(told) if told[:1] in "[{" else told


def pid_of(site: ToolSite, server: str = "sim") -> int:
    """As the host counts; inside, the program has a number of its own."""
    found = site.servers.states()[server].pid
    assert found > 0
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("flags", [(), ("--old",)])
async def test_program_of_either_era_is_used(database: str, tmp_path: Path, flags: tuple[str, ...]):
    async with tool_site(database, tmp_path, servers={"sim": simulator(*flags)}) as site:
        told = await use(site, "echo", number=12345678901234567890123)
        assert told["arguments"] == {"number": 12345678901234567890123}
        assert ("io.modelcontextprotocol/protocolVersion" in told["meta"]) == (not flags)


async def test_child_inherits_nothing_undeclared(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    monkeypatch.setenv("_PYI_ARCHIVE_FILE", "x")
    monkeypatch.setenv("OF_SALLYPORT", "secret")
    servers = {"sim": simulator(environment={"DECLARED": Secret("yes")})}
    async with tool_site(database, tmp_path, servers=servers) as site:
        told = await use(site, "where")
    # The shell that is the first process of the namespace, and Python, add a few of their own.
    added = {"LC_CTYPE", "PWD", "OLDPWD", "SHLVL", "_"}
    environment = {key: value for key, value in told["environment"].items() if key not in added}
    assert set(environment) == {"PATH", "HOME", "LANG", "DECLARED"}
    assert told["folder"] == environment["HOME"] == str(tmp_path / "mcp" / "sim")
    assert (tmp_path / "mcp" / "sim").stat().st_mode & 0o077 == 0
    assert told["group"] == told["session"]
    assert set(told["files"]) - {3} == {0, 1, 2}  # 3 is the folder that is being listed


async def test_everything_a_program_started_ends_with_the_site(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": simulator()}) as site:
        await use(site, "echo")
        before = set(tree(pid_of(site)))
        await use(site, "spawn")
        after = await until(lambda: found if len(found := set(tree(pid_of(site)))) > len(before) else None)
        assert all(alive(pid) for pid in after)
    for _ in range(100):
        if not any(alive(pid) for pid in after):
            break
        await asyncio.sleep(0.02)
    assert not any(alive(pid) for pid in after)


async def test_killed_program_is_back_in_seconds(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": simulator()}) as site:
        await use(site, "echo")
        before = pid_of(site)
        os.kill(before, signal.SIGKILL)
        began = time.monotonic()
        while True:
            told = await use(site, "where")
            if "pid" in told and pid_of(site) != before:
                break
            assert time.monotonic() - began < 60
            await asyncio.sleep(0.05)


async def test_call_in_a_dying_program_fails_in_words_and_is_recorded(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": simulator()}) as site:
        error = await use(site, "die")
        assert error["data"]["reason"] == "upstream_closed"
        rows = await site.rows("SELECT status, error FROM mcp_tool_executions")
    assert rows == [("error", "The tool server sim ended while it was needed.")]


@pytest.mark.slow
async def test_program_that_cannot_start_stops_nobody(database: str, tmp_path: Path):
    servers = {"none": McpServer(command=("/no/such/program",), timeout=1), "sim": simulator()}
    async with tool_site(database, tmp_path, servers=servers) as site:
        assert (await use(site, "echo", a=1))["arguments"] == {"a": 1}
        listed = await site.call("tools/list", path="/mcp")
        assert {tool["name"].partition("__")[0] for tool in listed["result"]["tools"]} == {"sim"}
        assert site.servers.states()["none"].state == "backing off"
        rows = await site.rows(
            "SELECT body -> 'result' -> 'unavailable' FROM audit_events WHERE kind = 'outcome'"
        )
    assert (["none"],) in rows


async def test_hung_tool_holds_up_only_its_own_call(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": simulator(timeout=0.7)}) as site:
        slow = asyncio.create_task(use(site, "sleep", seconds=30))
        assert (await use(site, "echo"))["arguments"] == {}
        assert (await slow)["data"]["reason"] == "upstream_timeout"
        cancelled = await use(site, "cancelled")
        assert len(cancelled) == 1


async def test_caller_that_goes_away_cancels_the_tool(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": simulator()}) as site:
        await use(site, "echo")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await use(site, "sleep", seconds=30)
        await asyncio.sleep(0.3)
        assert len(await use(site, "cancelled")) == 1
        rows = await site.rows("SELECT status FROM mcp_tool_executions WHERE tool = 'sleep'")
    assert rows == [("cancelled",)]


async def test_garbage_and_questions_of_a_program_change_nothing(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": simulator()}) as site:
        assert await use(site, "garbage") == "after garbage"
        assert await use(site, "ask") == "asked"
        assert (await use(site, "echo", a=1))["arguments"] == {"a": 1}


async def test_line_beyond_the_limit_ends_the_program_not_the_site(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": simulator()}) as site:
        assert len(await use(site, "flood", bytes=1_000_000)) == 1_000_000
        error = await use(site, "flood", bytes=17 * 1024 * 1024)
        assert error["data"]["reason"] == "upstream_closed"


async def test_progress_reaches_the_caller_who_asked_for_it(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": simulator()}) as site:
        params = {"name": "progress", "arguments": {"steps": 2}, "_meta": {"progressToken": "mine"}}
        message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
        headers = {"Authorization": f"Bearer {ALICE}", "Accept": "application/json, text/event-stream"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(site.url + "/mcp/sim", json=message, headers=headers) as response,
        ):
            assert response.content_type == "text/event-stream"
            events = [
                json.loads(line[6:])
                for line in (await response.text()).splitlines()
                if line.startswith("data: ")
            ]
    assert [event.get("params", {}).get("progress") for event in events] == [0, 1, None]
    assert {event["params"]["progressToken"] for event in events[:2]} == {"mine"}
    assert events[2]["id"] == 7


async def test_deaf_program_is_a_clear_error(database: str, tmp_path: Path):
    servers = {"sim": simulator("--deaf", timeout=0.4), "ok": simulator()}
    async with tool_site(database, tmp_path, servers=servers) as site:
        assert (await use(site, "echo"))["data"]["reason"] == "upstream_timeout"
        assert (await use(site, "echo", server="ok", a=1))["arguments"] == {"a": 1}
        assert site.servers.states()["sim"].state == "starting"


async def test_caller_that_leaves_in_the_middle_of_a_stream_is_recorded(database: str, tmp_path: Path):
    async with tool_site(database, tmp_path, servers={"sim": simulator()}) as site:
        params = {"name": "progress", "arguments": {"steps": 2, "then": 30}, "_meta": {"progressToken": 1}}
        message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
        headers = {"Authorization": f"Bearer {ALICE}", "Accept": "application/json, text/event-stream"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(site.url + "/mcp/sim", json=message, headers=headers) as response,
        ):
            await response.content.readline()
        for _ in range(50):
            rows = await site.rows("SELECT status FROM mcp_tool_executions")
            if rows == [("cancelled",)]:
                break
            await asyncio.sleep(0.05)
        assert rows == [("cancelled",)]
        assert len(await use(site, "cancelled")) == 1
