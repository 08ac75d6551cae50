"""A stand-in for Sallyport that confines hostile_program.py beside a sibling; prints what it saw as JSON.

It is a program of its own so that it can run as any user. With `poor` as second argument it takes from itself the
right to make namespaces, as a host without them would; with `free` the hostile program is not confined at all.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.confined import kernel, seccomp
from app.egress.sandbox import Child, Confinement, Limits, Program, spawn
from app.egress.sandbox.confinement import own_user
from app.mcp.supervisor.host.usage import tree

HOSTILE = Path(__file__).with_name("hostile_program.py")
PYTHON = "/usr/bin/python3"
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


def confined(data: Path, name: str, command: tuple[str, ...], **environment: str) -> Program:
    home = data / "mcp" / name
    user = own_user(data, name) if os.geteuid() == 0 else -1
    limits = Limits(memory_mb=256, processes=64, files=64, file_mb=8)
    return Program(
        command=command,
        environment={**ENVIRONMENT, "HOME": str(home), **environment},
        folder=home,
        home=home,
        confinement=Confinement(user=user, group=user, hide=str(data), limits=limits),
    )


def listeners(data: Path) -> tuple[dict[str, Any], list[socket.socket]]:
    """What there is to reach."""
    tcp = socket.create_server(("127.0.0.1", 0))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.setblocking(False)
    folder = data / "postgres"
    folder.mkdir()
    path = folder / ".s.PGSQL.5432"
    database = socket.socket(socket.AF_UNIX)
    database.bind(str(path))
    database.listen()
    path.chmod(0o777)
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0confining-{os.getpid()}")
    abstract.listen()
    targets = {
        "tcp": tcp.getsockname()[1],
        "udp": udp.getsockname()[1],
        "socket": str(path),
        "abstract": f"confining-{os.getpid()}",
    }
    return targets, [udp, tcp, database, abstract]


def arrived(udp: socket.socket) -> str:
    try:
        return udp.recv(100).decode()
    except BlockingIOError:
        return ""


async def lines_of(child: Child) -> dict[str, str]:
    """Until the last attempt, or the end."""
    found: dict[str, str] = {}
    while (line := await child.stdout.readline()) and "outlive" not in found:
        found.update(json.loads(line))
        if "outlive" in found:
            break
    return found


async def main() -> None:
    data, mode = Path(sys.argv[1]), sys.argv[2]
    if mode == "poor":
        kernel.prctl(kernel.NO_NEW_PRIVS, 1)
        seccomp.install(seccomp.program(os.uname().machine, sockets=list(range(1, 45))))
    for name in ("keys", "mcp"):
        (data / name).mkdir()
    (data / "keys" / "master").write_text("key")
    outside = data.parent / "outside"
    outside.write_text("for people only")
    outside.chmod(0o666)
    targets, sockets = listeners(data)
    sleeping = ("/bin/sleep", "271828")
    sibling = await spawn(confined(data, "sibling", sleeping, SECRET="the-siblings-secret"))
    targets |= {"sibling": sibling.pid, "parent": os.getpid(), "data": str(data), "outside": str(outside)}
    command = (PYTHON, str(HOSTILE), json.dumps(targets))
    if mode == "free":
        free = {**ENVIRONMENT, "HOME": str(data), "LD_LIBRARY_PATH": "/nowhere"}
        plain = subprocess.run(  # noqa: ASYNC221 - nothing else runs here
            (*command, "free"),
            env=free,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        found = {key: value for line in plain.stdout.splitlines() for key, value in json.loads(line).items()}
        await sibling.end(grace=0.1)
        json.dump({"found": found, "words": plain.stderr, "datagram": arrived(sockets[0])}, sys.stdout)
        return
    child = await spawn(confined(data, "hostile", command))
    found = await lines_of(child)
    family = list(tree(child.pid))
    await child.end()
    left = [pid for pid in family if Path(f"/proc/{pid}/cmdline").exists() and _lives(pid)]
    words = (await child.stderr.read()).decode()
    datagram = arrived(sockets[0])
    sibling_lives = not await sibling.exited(within=0.05)
    await sibling.end(grace=0.1)
    seen = {"left": len(left), "family": len(family), "datagram": datagram, "sibling": sibling_lives}
    json.dump(
        {"on": child.level.on, "off": child.level.off, "found": found, "words": words, **seen}, sys.stdout
    )


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


asyncio.run(main())
