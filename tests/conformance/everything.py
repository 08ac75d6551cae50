"""The example server of the `mcp` package, which has a tool for every scenario of the kit."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.config.tools import McpServer
from tests.conformance.kit import KIT

SOURCE = KIT / "everything-server"
OVER_STDIO = McpServer(
    command=(
        sys.executable,
        "-c",
        "from mcp_everything_server.server import mcp; mcp.run(transport='stdio')",
    ),
    folder=str(SOURCE),
)


@asynccontextmanager
async def over_http() -> AsyncIterator[str]:
    """Its URL while it runs."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = (sys.executable, "-m", "mcp_everything_server", "--port", str(port), "--log-level", "ERROR")
    process = await asyncio.create_subprocess_exec(
        *command, cwd=SOURCE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(60):
            while not await _listens(port):
                await asyncio.sleep(0.05)
        yield f"http://localhost:{port}/mcp"
    finally:
        process.kill()  # it would wait for its clients
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
