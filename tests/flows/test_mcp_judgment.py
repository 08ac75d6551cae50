"""A person judges what a tool server offers: by API, in the console and at the shell, always by digest and on record."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fix_browser import Visit, person
from tests.fix_server import Serve, Served, until
from tests.simulators.mcp_turncoat import HONEST

ROOT = Path(__file__).resolve().parents[2]
DEFINITIONS = "/api/v1/definitions"


def written(folder: Path, **members: Any) -> str:
    """The definitions that the server reads, and a profile in which they wait for a person."""
    path = folder / "definitions.json"
    path.write_text(json.dumps({**HONEST, **members}), encoding="utf-8")
    command = json.dumps([sys.executable, "-m", "tests.simulators.mcp_turncoat", str(path)])
    return f"mcp: {{pins: approve, recheck: 0, servers: {{coat: {{command: {command}, folder: {ROOT}}}}}}}\n"


class Caller:
    """Somebody with a key."""

    def __init__(self, served: Served, http: aiohttp.ClientSession, key: str) -> None:
        self.served, self.http, self.key = served, http, key

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with self.http.request(method, self.served.url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def rpc(self, method: str, **params: Any) -> Any:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        _, value = await self.ask("POST", "/mcp/coat", message)
        return value

    async def tools(self) -> list[str]:
        return [tool["name"] for tool in (await self.rpc("tools/list"))["result"]["tools"]]


async def caller(served: Served, http: aiohttp.ClientSession, *roles: str) -> Caller:
    return Caller(served, http, await served.key(*roles, name=f"robot-{'-'.join(roles)}"))


async def test_api_shows_the_difference_and_takes_the_judgment(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    served = await serve(written(tmp_path, tools=[{**HONEST["tools"][0], "name": "a/b"}]))
    robot, ada = await caller(served, http, "developer"), await caller(served, http, "administrator")
    assert await robot.tools() == []
    await robot.rpc("initialize", protocolVersion="2025-06-18", capabilities={})
    status, waiting = await ada.ask("GET", f"{DEFINITIONS}?state=pending")
    assert (status, [(one["kind"], one["name"]) for one in waiting["items"]]) == (
        200,
        [("server", ""), ("tool", "a/b")],
    )
    status, shown = await ada.ask("GET", f"{DEFINITIONS}/tools/coat/a%2Fb")
    assert (status, shown["state"]) == (200, "new")
    assert '+description: "Say a text."' in shown["diff"]
    judged = {"digest": shown["digest"]}
    status, refused = await robot.ask("POST", f"{DEFINITIONS}/tools/coat/a%2Fb/approve", judged)
    assert (status, refused["error"]["code"]) == (403, "no_rule_permits")
    status, refused = await ada.ask("POST", f"{DEFINITIONS}/tools/coat/a%2Fb/approve", {"digest": "0" * 64})
    assert (status, refused["error"]["code"]) == (409, "conflict")
    assert (await ada.ask("POST", f"{DEFINITIONS}/tools/coat/a%2Fb/approve", judged))[0] == 200
    status, server = await ada.ask("GET", f"{DEFINITIONS}/servers/coat")
    assert (await ada.ask("POST", f"{DEFINITIONS}/servers/coat/approve", {"digest": server["digest"]}))[
        0
    ] == 200
    assert await robot.tools() == ["a/b"]
    assert (await ada.ask("POST", f"{DEFINITIONS}/tools/coat/a%2Fb/reject", judged))[0] == 200
    assert await robot.tools() == []
    rows = served.record("action LIKE 'admin.tool.%%' AND decision IS NOT NULL AND action NOT LIKE '%%list'")
    assert [(row["action"], row["resource_kind"], row["resource"], row["decision"]) for row in rows] == [
        ("admin.tool.show", "tool", "coat/a/b", "permit"),
        ("admin.tool.approve", "tool", "coat/a/b", "forbid"),
        ("admin.tool.approve", "tool", "coat/a/b", "permit"),
        ("admin.tool.approve", "tool", "coat/a/b", "permit"),
        ("admin.tool.show", "server", "coat", "permit"),
        ("admin.tool.approve", "server", "coat", "permit"),
        ("admin.tool.reject", "tool", "coat/a/b", "permit"),
    ]


async def test_everything_that_waits_is_approved_as_it_was_listed(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    served = await serve(written(tmp_path))
    robot, ada = await caller(served, http, "developer"), await caller(served, http, "administrator")
    await robot.tools()
    _, before = await ada.ask("GET", f"{DEFINITIONS}/waiting/coat")
    await robot.rpc("initialize", protocolVersion="2025-06-18", capabilities={})
    path = f"{DEFINITIONS}/waiting/coat/approve"
    assert (await ada.ask("POST", path, {"digest": before["digest"]}))[0] == 409
    _, now = await ada.ask("GET", f"{DEFINITIONS}/waiting/coat")
    status, done = await ada.ask("POST", path, {"digest": now["digest"]})
    assert (status, {one["kind"] for one in done["approved"]}) == (200, {"server", "tool"})
    assert await robot.tools() == ["say"]
    assert (await ada.ask("POST", path, {"digest": now["digest"]}))[0] == 404


async def test_console_shows_the_difference_and_its_form_approves_exactly_that(
    serve: Serve, http: aiohttp.ClientSession, visit: Visit, tmp_path: Path
) -> None:
    served = await serve(
        written(tmp_path, tools=[{**HONEST["tools"][0], "description": "Say <b>\u202etxet</b>"}])
    )
    robot = await caller(served, http, "developer")
    await robot.tools()
    await person(served, "ada", "administrator")
    await person(served, "grace", "auditor")
    ada, grace = visit(served), visit(served)
    assert (await ada.sign_in("ada")).status == (await grace.sign_in("grace")).status == 303
    listed = await ada.get("/console/definitions")
    assert "/console/definitions/tool/coat/say" in listed.text
    assert "1 definition waits" in (await ada.get("/console/servers")).text
    page = await ada.get("/console/definitions/tool/coat/say")
    assert r"Say &lt;b&gt;\u202etxet&lt;/b&gt;" in page.text
    assert "bidi" in page.text
    digest = re.search(r'name="digest" value="(sha256:[0-9a-f]{64})"', page.text)
    assert digest
    fields = {"kind": "tool", "server": "coat", "name": "say", "digest": digest[1], "verdict": "approve"}
    forged = await ada.post(
        "/console/definitions", {**fields, "form": page.form}, Origin="https://evil.example"
    )
    assert forged.status == 403
    stale = await ada.post(
        "/console/definitions", {**fields, "form": page.form, "digest": "sha256:" + "0" * 64}
    )
    assert stale.status == 409
    other = await grace.get("/console/definitions/tool/coat/say")
    assert (await grace.post("/console/definitions", {**fields, "form": other.form})).status == 403
    done = await ada.post("/console/definitions", {**fields, "form": page.form})
    assert (done.status, done.location) == (303, "/console/definitions")
    assert await robot.tools() == ["say"]
    rows = served.record("action = 'admin.tool.approve' AND decision IS NOT NULL")
    assert [(row["actor"], row["decision"], row["reason"]) for row in rows] == [
        ("anonymous", "forbid", "credential_missing"),
        ("ada", "permit", "permitted_by_rule"),
        ("grace", "forbid", "no_rule_permits"),
        ("ada", "permit", "permitted_by_rule"),
    ]


async def sallyport(database: str, profile: Path, *words: str) -> tuple[int, str, str]:
    """Exit code, output and standard error of one command on the site's database."""
    environment = {**os.environ, "SALLYPORT_DATABASE_URL": database}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "mcp", *words, "--profile", str(profile), "--data", str(profile.parent / "shell"),
        cwd=ROOT, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.mark.slow
async def test_shell_judges_by_digest_and_a_running_server_notices(
    serve: Serve, http: aiohttp.ClientSession, database: str, tmp_path: Path
) -> None:
    served = await serve(written(tmp_path))
    robot = await caller(served, http, "developer")
    await robot.tools()
    await robot.rpc("initialize", protocolVersion="2025-06-18", capabilities={})
    profile = tmp_path / "profile.yaml"
    code, out, _ = await sallyport(database, profile, "diff", "coat", "say")
    assert code == 0
    assert '+description: "Say a text."' in out
    code, _, err = await sallyport(database, profile, "approve", "coat", "say")
    assert (code, "--digest" in err) == (2, True)
    code, _, err = await sallyport(database, profile, "approve", "coat", "say", "--digest", "0" * 64)
    assert (code, "no longer" in err) == (1, True)
    code, out, _ = await sallyport(database, profile, "pending", "coat")
    assert code == 0
    given = re.search(r"--digest (\S+)", out)
    assert given
    code, out, _ = await sallyport(database, profile, "approve", "coat", "--all", "--digest", given[1])
    assert (code, out) == (0, "2 definitions of coat are approved.\n")
    assert await until(lambda: served.site.catalog.waiting() == 0)
    assert await robot.tools() == ["say"]
    rows = served.record("action = 'admin.tool.approve' AND kind = 'intent'")
    assert [(row["door"], row["actor_kind"], row["resource"]) for row in rows] == [
        ("cli", "operator", "coat/say"),
        ("cli", "operator", "coat"),
    ]
