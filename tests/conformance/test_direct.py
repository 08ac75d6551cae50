"""Sallyport's own tools: a provider inside the process, through the same door and corridor as any tool server."""

from pathlib import Path

import pytest

from tests.conformance.fixtures import Fixtures
from tests.conformance.kit import REVISIONS, fetched, server_set
from tests.conformance.published import publish
from tests.fix_tools import ALICE, tool_site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), fetched]


@pytest.mark.parametrize("revision", REVISIONS)
async def test_own_tools_conform(database: str, tmp_path: Path, revision: str):
    async with tool_site(
        database, tmp_path, servers={}, providers={"kit": Fixtures()}, default_key=ALICE
    ) as site:
        run = await server_set(site.url.replace("127.0.0.1", "localhost") + "/mcp/kit", revision)
        calls = await site.rows("SELECT DISTINCT decision FROM mcp_tool_executions")
    publish(f"server {revision} direct", run)
    assert calls == [("permit",)]
