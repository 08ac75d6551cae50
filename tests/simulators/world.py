"""Everything beyond a site, in a network of its own: a provider, a tool server, a collector, a name server, and nobody.

`python -m tests.simulators.world FOLDER` waits for its interface `beyond`, serves on 10.77.0.2, appends each question to
its name server to FOLDER/questions, and says "ready". Addresses in 198.51.100.0/24 exist too, so that what is sent to
one of them is really sent.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from app.demo.provider import SimulatedProvider
from app.demo.sample_mcp import Desk

ADDRESS = "10.77.0.2"
PROVIDER, COLLECTOR, TOOLS = 4000, 5000, 6000
ELSEWHERE = "198.51.100.9"


class Questions(asyncio.DatagramProtocol):
    """A name server that answers nothing and remembers who asked."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def datagram_received(self, data: bytes, addr: Any) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{addr[0]} {data.hex()}\n")


class Far(SimulatedProvider):
    """The simulated provider on an address of the network, and one that sends its callers on to another place."""

    async def __aenter__(self) -> "Far":
        await self._runner.setup()
        await web.TCPSite(self._runner, ADDRESS, PROVIDER).start()
        return self

    async def _route(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        if request.path.startswith("/turning/"):
            raise web.HTTPTemporaryRedirect(f"http://{ELSEWHERE}:{PROVIDER}/v1/chat/completions")
        return await super()._route(request, body)


def application(folder: Path) -> web.Application:
    """Collector and tool server by path."""
    desk = Desk()

    async def collect(request: web.Request) -> web.Response:
        with (folder / "rows").open("ab") as rows:
            rows.write(await request.read())
        return web.Response()

    async def tools(request: web.Request) -> web.Response:
        answer = desk.answer(json.loads(await request.read()))
        return web.json_response(answer) if answer is not None else web.Response(status=202)

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/rows", collect)
    app.router.add_post("/mcp", tools)
    return app


def join_the_network() -> None:
    while subprocess.run(["ip", "link", "show", "beyond"], capture_output=True, check=False).returncode:
        pass
    for words in (
        "link set lo up",
        f"address add {ADDRESS}/24 dev beyond",
        "link set beyond up",
        "route add local 198.51.100.0/24 dev lo",
    ):
        subprocess.run(["ip", *words.split()], check=True)


async def serve(folder: Path) -> None:
    join_the_network()
    runner = web.AppRunner(application(folder), access_log=None)
    await runner.setup()
    for port in (COLLECTOR, TOOLS):
        await web.TCPSite(runner, ADDRESS, port).start()
    await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Questions(folder / "questions"), local_addr=(ADDRESS, 53)
    )
    async with Far():
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
