"""A stand-in for a service with a part of the control group tree of its own: starts a program in a group below it.

Arguments: the folder of the part (made by the caller), a folder for data, and what the program does: `leave` starts a
process that leaves its session, `eat` takes memory without end. Prints as JSON what was seen.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from app.egress.sandbox import Confinement, Limits, Program, spawn
from app.mcp.supervisor.host.groups import delegated

LEAVE = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    time.sleep(3600)
sys.stdout.write("left\\n")
sys.stdout.flush()
time.sleep(3600)
"""
EAT = """
kept = []
while True:
    kept.append(b"x" * 1_000_000)
"""


async def main() -> None:
    part, data, what = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    (part / "cgroup.procs").write_text(str(os.getpid()))
    groups = delegated(pid=os.getpid(), mounts=(Path(sys.argv[4]),))
    assert groups is not None
    made = groups.make("sim", Limits(memory_mb=32))
    program = Program(
        command=(sys.executable, "-c", LEAVE if what == "leave" else EAT),
        environment={"PATH": "/usr/bin:/bin"},
        folder=data / "home",
        home=data / "home",
        # Its own limit is far above the group's, so that the group is what holds.
        confinement=Confinement(limits=Limits(memory_mb=0)),
    )
    child = await spawn(program, cgroup=made)
    seen: dict[str, object] = {"level": child.level.on.get("cgroup"), "group": made}
    if what == "leave":
        await child.stdout.readline()
        seen["members"] = len((Path(made) / "cgroup.procs").read_text().split())
    else:
        await child.exited(within=60.0)
        seen["why"] = groups.killed("sim")
    groups.remove("sim")
    await child.exited(within=60.0)
    seen |= {"there": Path(made).exists(), "code": child.returncode}
    await child.end(grace=0.1)
    sys.stdout.write(json.dumps(seen))


asyncio.run(main())
