"""Nothing that a tool server does right is wrong through Sallyport."""

from pathlib import Path

import pytest

from app.config.tools import McpServer
from tests.conformance.everything import OVER_STDIO, over_http
from tests.conformance.kit import REVISIONS, Run, fetched, server_set
from tests.conformance.published import publish
from tests.fix_tools import ALICE, ToolSite, tool_site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), fetched]


async def through(site: ToolSite, revision: str) -> Run:
    run = await server_set(site.url.replace("127.0.0.1", "localhost") + "/mcp/every", revision)
    calls = await site.rows("SELECT DISTINCT decision FROM mcp_tool_executions")
    assert calls == [("permit",)]
    return run


@pytest.mark.parametrize("revision", REVISIONS)
async def test_remote_server_through_sallyport_is_the_server(database: str, tmp_path: Path, revision: str):
    async with over_http() as url:
        servers = {"every": McpServer(url=url.replace("localhost", "127.0.0.1"))}
        async with tool_site(database, tmp_path, servers=servers, default_key=ALICE) as site:
            direct = await server_set(url, revision)
            run = await through(site, revision)
    publish(f"server {revision}, the same server without Sallyport", direct)
    publish(f"server {revision} through, remote", run)
    assert [name for name, passed in direct.scored.items() if passed and not run.scored[name]] == []


@pytest.mark.parametrize("revision", REVISIONS)
async def test_program_through_sallyport_is_the_server(database: str, tmp_path: Path, revision: str):
    async with tool_site(database, tmp_path, servers={"every": OVER_STDIO}, default_key=ALICE) as site:
        publish(f"server {revision} through, program", await through(site, revision))
