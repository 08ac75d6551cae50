"""A thousand restarts leave nothing behind: no process, no descriptor, no memory."""

import asyncio
import gc
import os
from pathlib import Path

import pytest

from app.core.clock import SystemClock
from app.egress.sandbox import Confinement, Program
from app.mcp.supervisor import Lifecycle, Rules, Supervised, Surroundings
from app.mcp.supervisor.host.usage import tree
from app.mcp.supervisor.stand import Backoff

RESTARTS, WARM = 1000, 50
# Answers `initialize` and is gone: a shell starts a hundred times faster than an interpreter.
PROGRAM = """
read -r line
echo '{"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "unknown"}}'
read -r line
echo '{"jsonrpc": "2.0", "id": 2, "result": {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {}}}'
read -r line
"""


def held() -> tuple[int, int]:
    """Open files and children of this process."""
    return len(list(Path("/proc/self/fd").iterdir())), len(list(tree(os.getpid())))


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_thousand_restarts_leave_nothing_behind(tmp_path: Path) -> None:
    ends, before, memory = 0, held(), 0
    done = asyncio.Event()

    def heard(event: Lifecycle) -> None:
        nonlocal ends, memory
        ends += event.what == "end"
        if ends == WARM and not memory:
            memory = resident()
        if ends >= RESTARTS:
            done.set()

    around = Surroundings(clock=SystemClock(), us={"name": "test", "version": "0"})
    around.bus.listen(heard)
    program = Program(
        command=("/bin/sh", "-c", PROGRAM),
        environment={"PATH": "/usr/bin:/bin"},
        folder=tmp_path / "home",
        home=tmp_path / "home",
        confinement=Confinement(hide=str(tmp_path)),
    )
    rules = Rules(backoff=Backoff(first=0.001, longest=0.001, hold_after=0))
    servers = [
        Supervised(name, lambda: program, rules=rules, log=tmp_path / f"{name}.log", around=around)
        for name in ("one", "two", "three")
    ]
    running = {asyncio.create_task(server.run()) for server in servers}
    await done.wait()
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    assert sum(server.stand.starts for server in servers) >= RESTARTS
    assert held() <= (before[0] + 2, before[1])  # the loop's own two
    assert resident() - memory < 8 * 1024 * 1024
