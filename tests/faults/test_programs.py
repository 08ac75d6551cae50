"""Tool programs that do their worst: Sallyport stays up, callers get typed errors, and the program is back."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.config.tools import McpLimits, McpServer
from app.mcp.supervisor.host.usage import tree
from tests.fix_server import until
from tests.fix_tools import ToolSite, tool_site

SIMULATOR = str(Path(__file__).parent.parent / "simulators" / "mcp_server.py")
pytestmark = pytest.mark.slow


def simulator(*flags: str, **rest: Any) -> McpServer:
    return McpServer(command=(sys.executable, SIMULATOR, *flags), **rest)


async def use(site: ToolSite, tool: str, *, server: str = "sim", **arguments: Any) -> Any:
    answer = await site.call("tools/call", {"name": tool, "arguments": arguments}, path=f"/mcp/{server}")
    return answer.get("error") or answer["result"]["content"][0]["text"]


async def answers(site: ToolSite, server: str = "sim") -> None:
    """Within seconds, whatever happened before."""
    began = time.monotonic()
    while not isinstance(await use(site, "echo", server=server), str):
        assert time.monotonic() - began < 60
        await asyncio.sleep(0.05)


def pid_of(site: ToolSite, server: str = "sim") -> int:
    return site.servers.states()[server].pid


def why(site: ToolSite, server: str = "sim") -> str:
    return site.servers.states()[server].why


def gone(pids: list[int]) -> Callable[[], bool]:
    def check() -> bool:
        return not any(_lives(pid) for pid in pids)

    return check


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_killed_group_by_group_it_comes_back(database: str, tmp_path: Path) -> None:
    async with tool_site(database, tmp_path, servers={"sim": simulator()}) as site:
        for _ in range(3):
            await answers(site)
            family = list(tree(pid_of(site)))
            os.kill(family[-1], signal.SIGKILL)
            await until(gone(family))
        await answers(site)
        rows = await site.rows("SELECT count(*) FROM mcp_tool_executions WHERE status = 'open'")
    assert rows == [(0,)]


async def test_stopped_program_is_noticed_and_replaced(database: str, tmp_path: Path) -> None:
    async with tool_site(database, tmp_path, servers={"sim": simulator(health=0.3)}) as site:
        await answers(site)
        before = list(tree(pid_of(site)))
        for pid in before:
            os.kill(pid, signal.SIGSTOP)
        await until(gone(before), seconds=15)
        await answers(site)
        assert pid_of(site) not in before


async def test_flood_on_standard_output_ends_the_program_not_the_site(database: str, tmp_path: Path) -> None:
    servers = {"sim": simulator(), "ok": simulator()}
    async with tool_site(database, tmp_path, servers=servers) as site:
        await answers(site)
        flooding = asyncio.create_task(use(site, "noise", where="stdout", seconds=60))
        assert isinstance(await use(site, "echo", server="ok"), str)
        error = await flooding
        assert error["data"]["reason"] == "upstream_closed"
        await answers(site)


async def test_flood_on_standard_error_costs_neither_disk_nor_memory(database: str, tmp_path: Path) -> None:
    async with tool_site(database, tmp_path, servers={"sim": simulator()}) as site:
        await answers(site)
        noisy = asyncio.create_task(use(site, "noise", where="stderr", seconds=60))
        await asyncio.sleep(1.5)
        files = list((tmp_path / "logs" / "mcp").iterdir())
        assert 0 < sum(file.stat().st_size for file in files) < 3 * 1024 * 1024
        assert isinstance(await use(site, "echo"), str)
        noisy.cancel()


async def test_fork_bomb_meets_its_limit_and_ends_with_the_program(database: str, tmp_path: Path) -> None:
    limits = McpLimits(processes=60, memory_mb=512)
    async with tool_site(database, tmp_path, servers={"sim": simulator(limits=limits)}) as site:
        await answers(site)
        level = site.servers.states()["sim"].level
        assert level is not None
        told = await use(site, "forks") if "limits" in level.on else ""
        family = list(tree(pid_of(site)))
        if told:
            assert 10 < json.loads(told)["made"] <= 60
            assert len(family) <= 62
        await site.servers.restart("sim")
        await until(gone(family))
        await answers(site)


async def test_leak_over_many_processes_is_ended_by_its_sum(database: str, tmp_path: Path) -> None:
    servers = {"sim": simulator(limits=McpLimits(memory_mb=150))}
    async with tool_site(database, tmp_path, servers=servers) as site:
        await answers(site)
        family = list(tree(pid_of(site)))
        await use(site, "leak", processes=4, mb=60)
        family += list(tree(pid_of(site)))
        await until(gone(family), seconds=15)
        assert "MiB of memory" in why(site) or site.servers.states()["sim"].state != "backing off"
        rows = await site.rows("SELECT body ->> 'why' FROM audit_events WHERE action = 'mcp.server.end'")
        assert any("limits.memory_mb is 150" in row[0] for row in rows)
        await answers(site)


async def test_program_that_ends_at_once_is_held_with_a_reason_until_released(
    database: str, tmp_path: Path
) -> None:
    servers = {"sim": simulator("--exit"), "ok": simulator()}
    async with tool_site(database, tmp_path, servers=servers, hold_after=2) as site:
        await until(lambda: site.servers.states()["sim"].state == "held", seconds=20)
        assert "exit 3" in why(site)
        assert "simulator up" in why(site)
        error = await use(site, "echo")
        assert "held after 2 failed starts" in error["message"]
        starts = site.servers.states()["sim"].starts
        await site.servers.restart("sim")
        await until(lambda: site.servers.states()["sim"].starts > starts)
        assert isinstance(await use(site, "echo", server="ok"), str)
        actions = {row[0] for row in await site.rows("SELECT action FROM audit_events WHERE kind = 'event'")}
    assert {"mcp.server.end", "mcp.server.hold", "mcp.server.release"} <= actions


async def test_program_that_ignores_every_hint_ends_with_the_site(database: str, tmp_path: Path) -> None:
    async with tool_site(database, tmp_path, servers={"sim": simulator("--stubborn")}) as site:
        await answers(site)
        family = list(tree(pid_of(site)))
    await until(gone(family))


async def test_program_that_closes_its_input_is_replaced(database: str, tmp_path: Path) -> None:
    async with tool_site(database, tmp_path, servers={"sim": simulator(health=0.3, timeout=2)}) as site:
        await answers(site)
        before = pid_of(site)
        assert "data" in await use(site, "mute")
        await until(lambda: pid_of(site) not in (0, before), seconds=20)
        await answers(site)


async def test_program_on_demand_starts_at_the_first_call_and_stops_when_idle(
    database: str, tmp_path: Path
) -> None:
    servers = {"sim": simulator(start="on_demand", idle_stop=0.5)}
    async with tool_site(database, tmp_path, servers=servers) as site:
        assert site.servers.states()["sim"].state == "stopped"
        await answers(site)
        family = list(tree(pid_of(site)))
        await until(lambda: site.servers.states()["sim"].state == "stopped")
        await until(gone(family))
        await answers(site)


async def test_user_that_does_not_exist_stops_its_program_and_nobody_else(
    database: str, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("users are changed by root only")
    servers = {"sim": simulator(user="nobody-like-this"), "ok": simulator()}
    async with tool_site(database, tmp_path, servers=servers) as site:
        await answers(site, "ok")
        await until(lambda: "no user 'nobody-like-this'" in why(site))


async def test_no_more_programs_run_than_allowed(database: str, tmp_path: Path) -> None:
    servers = {"a": simulator(), "b": simulator()}
    async with tool_site(database, tmp_path, servers=servers, programs_at_once=1) as site:
        await until(lambda: "lets 1 programs run" in why(site, "a") + why(site, "b"))
        running = "a" if "lets 1" in why(site, "b") else "b"
        await answers(site, running)
