"""What supervision and confinement of tool programs cost: `python -m tests.bench.programs` prints a table.

Ratios and differences of one run on one machine. "Plain" starts the same program as a child without anything.
"""

import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from app.core.clock import SystemClock
from app.egress.sandbox import Confinement, Program, spawn
from app.mcp.supervisor import Lifecycle, Rules, Supervised, Surroundings
from app.mcp.supervisor.host.usage import tree

SAMPLE = ("app.demo.sample_mcp",)
ROUNDS = 15
ROOT = Path(__file__).resolve().parents[2]


def sample(folder: Path) -> Program:
    return Program(
        command=(sys.executable, "-m", *SAMPLE),
        environment={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        folder=folder / "home",
        home=folder / "home",
        confinement=Confinement(hide=str(folder), read=(str(ROOT),)),
    )


async def confined(program: Program) -> float:
    """Seconds from nothing to the first answer."""
    began = time.perf_counter()
    child = await spawn(program)
    child.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    await child.stdout.readline()
    seconds = time.perf_counter() - began
    await child.end()
    return seconds


async def plain(program: Program) -> float:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *program.command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=dict(program.environment),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    await process.stdout.readline()
    seconds = time.perf_counter() - began
    process.stdin.close()
    await process.wait()
    return seconds


def proportional(pid: int) -> int:
    """KiB of a process, shared pages counted by their share (proc_pid_smaps(5))."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


async def kept(program: Program, folder: Path) -> tuple[float, float]:
    """Seconds from a kill to an answer again, and MiB that a supervised program has beside its own."""
    ready: asyncio.Queue[float] = asyncio.Queue()

    def heard(event: Lifecycle) -> None:
        if event.what == "ready":
            ready.put_nowait(time.perf_counter())

    around = Surroundings(clock=SystemClock(), us={"name": "bench", "version": "0"})
    around.bus.listen(heard)
    server = Supervised("sample", lambda: program, rules=Rules(), log=folder / "log", around=around)
    running = asyncio.create_task(server.run())
    await ready.get()
    family = list(tree(server.state().pid))
    beside = sum(proportional(pid) for pid in family[:-1]) / 1024
    began = time.perf_counter()
    os.killpg(server.state().pid, signal.SIGKILL)
    seconds = await ready.get() - began
    running.cancel()
    await asyncio.wait({running})
    return seconds, beside


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        program = sample(folder)
        (folder / "home").mkdir()
        pairs = [(await confined(program), await plain(program)) for _ in range(ROUNDS)]
        ratio = statistics.median(one for one, _ in pairs) / statistics.median(two for _, two in pairs)
        added = statistics.median(one - two for one, two in pairs)
        lives = [await kept(program, folder) for _ in range(3)]
        again, beside = (statistics.median(values) for values in zip(*lives, strict=True))
    lines = (
        ("", "value"),
        ("---", "---:"),
        ("start of a confined program against a plain one", f"{ratio:.1f} x"),
        ("that is, added to each start", f"{added * 1000:.0f} ms"),
        ("from SIGKILL to ready, back-off included", f"{again:.2f} s"),
        ("memory beside the program's own (its first process)", f"{beside:.1f} MiB"),
    )
    sys.stdout.writelines(f"| {name} | {value} |\n" for name, value in lines)


if __name__ == "__main__":
    asyncio.run(main())
