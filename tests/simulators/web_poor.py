"""A stand-in for Sallyport on a host that lets nobody make namespaces: starts web_program.py there and looks at it.

Prints as JSON what was reached of the confinement and what the program's tools answered.
"""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from app.confined import kernel, seccomp
from app.egress.sandbox import Confinement, Program, spawn
from app.mcp.supervisor.host.listening import foreign
from app.mcp.web import Lent

PYTHON = "/usr/bin/python3"
WEB = Path(__file__).with_name("web_program.py")


async def asked(lent: Lent, tool: str, **arguments: Any) -> Any:
    """One call of a tool, on a connection of its own."""
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }
    body = json.dumps(call).encode()
    head = (
        f"POST /mcp HTTP/1.1\r\nmcp-session-id: s\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    loop, sock = asyncio.get_running_loop(), await lent.open()
    await loop.sock_sendall(sock, head.encode() + body)
    said = b""
    while chunk := await loop.sock_recv(sock, 65536):
        said += chunk
    lent.give_back(sock)
    return json.loads(json.loads(said.partition(b"\r\n\r\n")[2])["result"]["content"][0]["text"])


async def main() -> None:
    data = Path(sys.argv[1])
    kernel.prctl(kernel.NO_NEW_PRIVS, 1)
    seccomp.install(seccomp.program(os.uname().machine, sockets=list(range(1, 45))))
    listener = socket.create_server(("127.0.0.1", 0))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = data / "mcp" / "web"
    program = Program(
        command=(PYTHON, str(WEB), "--port", str(port)),
        environment={"PATH": "/usr/bin:/bin", "HOME": str(home)},
        folder=home,
        home=home,
        confinement=Confinement(hide=str(data)),
        port=port,
    )
    child = await spawn(program)
    try:
        lent = Lent(child.sockets, port)
        async with asyncio.timeout(60):
            while not await child.stdout.readline():
                pass
        found = {"who": await _soon(lent), "own": not foreign(child.pid, port)}
        found["connects"] = await asked(lent, "reach", host="127.0.0.1", port=listener.getsockname()[1])
        found["binds"] = await asked(lent, "bind", port=0)
        found["datagram"] = await asked(lent, "datagram")
    finally:
        await child.end()
    json.dump({"on": child.level.on, "off": child.level.off, **found}, sys.stdout)


async def _soon(lent: Lent) -> Any:
    """It says that it listens just before it does."""
    for _ in range(600):
        try:
            return await asked(lent, "who")
        except Exception:  # noqa: BLE001 - not there yet
            await asyncio.sleep(0.05)
    return None


asyncio.run(main())
