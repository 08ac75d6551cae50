"""Nothing that a tool server does right is wrong through Sallyport."""

import sys
from pathlib import Path

import pytest

from app.config.tools import McpServer
from tests.conformance.everything import OVER_STDIO, over_http
from tests.conformance.kit import REVISIONS, Run, fetched, server_scenarios, server_set
from tests.conformance.published import publish
from tests.fix_tools import ALICE, ToolSite, tool_site

WITH_SKILLS = Path(__file__).resolve().parents[1] / "simulators" / "mcp_skills.py"
WITH_TASKS = Path(__file__).resolve().parents[1] / "simulators" / "mcp_tasks.py"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), fetched]


# `tasks-status-notifications` is left out: the kit has nothing in it.
TASKS = (
    "tasks-capability-negotiation",
    "tasks-dispatch-and-envelope",
    "tasks-lifecycle",
    "tasks-mrtr-composition",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-request-state-removal",
    "tasks-required-task-error",
    "tasks-wire-fields",
)


SKILLS = ("sep-2640-skills-directory", "sep-2640-skills-enumeration", "sep-2640-skills-manifest")


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


async def test_a_server_with_tasks_passes_their_scenarios_through_sallyport(database: str, tmp_path: Path):
    servers = {"every": McpServer(command=(sys.executable, str(WITH_TASKS)), read=(str(WITH_TASKS.parent),))}
    async with tool_site(database, tmp_path, servers=servers, default_key=ALICE) as site:
        url = site.url.replace("127.0.0.1", "localhost") + "/mcp/every"
        publish("server 2026-07-28 through, a program with tasks", await server_scenarios(url, TASKS))
        states = await site.rows(
            "SELECT DISTINCT status FROM mcp_tool_executions WHERE tool = 'slow_compute'"
        )
    assert ("started",) in states


async def test_a_server_with_skills_passes_their_scenarios_through_sallyport(database: str, tmp_path: Path):
    folder = tmp_path / "skills"
    for name in ("git-workflow", "refunds"):
        inner = folder / name / "templates"
        inner.mkdir(parents=True)
        (inner / "mail.md").write_text("Dear customer", encoding="utf-8")
        front = f"---\nname: {name}\ndescription: How to do {name}\n---\nBe kind.\n"
        (folder / name / "SKILL.md").write_text(front, encoding="utf-8")
    command = (sys.executable, str(WITH_SKILLS), str(folder))
    servers = {"every": McpServer(command=command, read=(str(folder), str(WITH_SKILLS.parent)))}
    async with tool_site(database, tmp_path, servers=servers, default_key=ALICE) as site:
        url = site.url.replace("127.0.0.1", "localhost") + "/mcp/every"
        publish("server 2026-07-28 through, a program with skills", await server_scenarios(url, SKILLS))
        read = await site.rows("SELECT count(*) FROM audit_events WHERE action = 'resource.read'")
    assert read > [(0,)]
