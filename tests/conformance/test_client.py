"""Sallyport is a client as the specification wants it, towards the tool servers behind it."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.driving import add_upstream, listening, use_everything, use_skills
from tests.conformance.kit import REVISIONS, client_scenarios, client_set, fetched
from tests.conformance.published import publish
from tests.conformance.signing_in import POLICY, PROFILE, SigningIn
from tests.fix_server import Serve
from tests.fix_tools import ALICE, tool_site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), fetched]
SKILLS = tuple(
    f"sep-2640-client-{what}"
    for what in ("no-prefetch", "verify-digest", "verify-size", "verify-frontmatter")
)
MODES = {"2025-11-25": "legacy", "2026-07-28": "2026-07-28"}


@pytest.mark.parametrize("revision", REVISIONS)
async def test_servers_of_the_kit_find_a_client_that_conforms(
    serve: Serve, database: str, tmp_path: Path, revision: str
) -> None:
    numbers = itertools.count(1)
    served = await serve(PROFILE, policy=POLICY)
    signing_in = SigningIn(served, await served.key(), MODES[revision])
    async with tool_site(database, tmp_path, servers={}, default_key=ALICE) as site:

        async def drive(scenario: str, url: str, context: dict[str, Any]) -> None:
            if scenario.startswith("auth/"):
                await signing_in.drive(scenario, url, context)
                return
            name = f"open{next(numbers)}"
            add_upstream(site, name, url)
            await use_everything(f"{site.url}/mcp/{name}", MODES[revision], context)

        async with listening(drive) as command:
            run = await client_set(command, revision)
        calls = await site.rows("SELECT DISTINCT decision FROM mcp_tool_executions")
    assert calls == [("permit",)]
    assert served.record("action = 'server.sign_in' AND kind = 'outcome' AND status = 'ok'")
    publish(f"client {revision}", run)


async def test_servers_of_skills_find_a_client_that_verifies_them(database: str, tmp_path: Path) -> None:
    numbers = itertools.count(1)
    async with tool_site(database, tmp_path, servers={}, default_key=ALICE) as site:

        async def drive(scenario: str, url: str, context: dict[str, Any]) -> None:
            name = f"skilled{next(numbers)}"
            add_upstream(site, name, url)
            await use_skills(site, f"/mcp/{name}", load="prefetch" not in scenario)

        async with listening(drive) as command:
            publish("client, skills", await client_scenarios(command, SKILLS))
        refused = await site.rows(
            "SELECT count(*) FROM audit_events o JOIN audit_events i ON i.id = o.call"
            " WHERE i.action = 'resource.read' AND o.kind = 'outcome' AND o.status = 'error'"
        )
    assert refused == [(3,)]
