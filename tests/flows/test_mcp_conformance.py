"""The MCP conformance kit: nothing that passes directly fails through Sallyport (`scripts/conformance` fetches it)."""

import asyncio
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.config.tools import McpServer
from tests.fix_tools import ALICE, tool_site

KIT = Path(__file__).resolve().parents[2] / ".cache" / "conformance"
SERVER = KIT / "everything-server"
SCORED = {"2025-11-25": 30, "2026-07-28": 37}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not SERVER.exists(), reason="the kit is not here; scripts/conformance fetches it (needs npm)"
    ),
]


@asynccontextmanager
async def everything() -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = (sys.executable, "-m", "mcp_everything_server", "--port", str(port), "--log-level", "ERROR")
    process = await asyncio.create_subprocess_exec(
        *command, cwd=SERVER, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
        yield f"http://localhost:{port}/mcp"
    finally:
        process.terminate()
        await process.wait()


async def run(url: str, revision: str) -> dict[str, int]:
    """Scenario to number of failed checks."""
    kit = KIT / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    command = (str(KIT / "node"), str(kit), "server", "--url", url, "--requirements", revision)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=KIT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    found = re.findall(r"(?m)^[✓✗] ([\w-]+): \d+ passed, (\d+) failed", out.decode())
    return {name: int(failed) for name, failed in found}


@pytest.mark.parametrize("revision", list(SCORED))
async def test_nothing_is_lost_on_the_way(database: str, tmp_path: Path, revision: str):
    async with everything() as url:
        servers = {"every": McpServer(url=url.replace("localhost", "127.0.0.1"))}
        async with tool_site(database, tmp_path, servers=servers, default_key=ALICE) as site:
            direct = await run(url, revision)
            through = await run(site.url.replace("127.0.0.1", "localhost") + "/mcp/every", revision)
    sys.stdout.write(
        f"{revision}: {sum(not n for n in direct.values())} scenarios pass directly, "
        f"{sum(not n for n in through.values())} through Sallyport, of {len(direct)}\n"
    )
    assert len(direct) >= SCORED[revision]
    assert sum(not failed for failed in through.values()) >= SCORED[revision]
    assert {name: failed for name, failed in through.items() if failed > direct[name]} == {}
