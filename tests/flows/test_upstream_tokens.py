"""Tokens of sign-ins live: renewed before their end, once on all nodes, ended when nobody may use them any more."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from app.core.call import Resource
from app.server.first_run import host_call
from tests.fix_oauth import ask, profile, said, sign_in, use, user_key
from tests.fix_server import Serve, Served, until
from tests.flows.test_secret_remotes import second_node
from tests.simulators.oauth_server import oauth_server


def sign_ins(served: Served) -> list[dict[str, Any]]:
    return served.select("SELECT state, version, problem FROM upstream_sign_ins ORDER BY server, principal")


@pytest.mark.slow
async def test_token_is_renewed_before_it_ends_once_for_all_callers(
    serve: Serve, http: aiohttp.ClientSession
):
    async with oauth_server(lifetime=1) as far:
        served = await serve(profile(far))
        key = await served.key("developer")
        await sign_in(served, http, key)
        far.lifetime = 3600
        await until(lambda: served.select("SELECT 1 FROM upstream_sign_ins WHERE renew < now()"), 60)
        told = await asyncio.gather(*(said(served, http, key) for _ in range(8)))
        assert told == ["alice"] * 8
        assert far.count("token") == 2
        assert len(far.refresh) == 1
    assert len(served.select("SELECT 1 FROM audit_events WHERE action = 'server.token.refresh'")) == 1


@pytest.mark.slow
async def test_token_that_the_server_refuses_is_renewed_once(serve: Serve, http: aiohttp.ClientSession):
    async with oauth_server() as far:
        served = await serve(profile(far))
        key = await served.key("developer")
        await sign_in(served, http, key)
        assert await said(served, http, key) == "alice"
        far.access.clear()
        assert await said(served, http, key) == "alice"
        assert far.count("token") == 2
        far.wrong = {"resource": "https://other.example/mcp"}  # it takes no token of ours at all from now on
        refused = await use(served, http, key)
        assert "does not accept the token" in refused["error"]["message"]
        assert far.count("token") == 3


@pytest.mark.slow
async def test_two_nodes_renew_one_token_once(
    serve: Serve, http: aiohttp.ClientSession, database: str, tmp_path: Path
):
    async with oauth_server() as far:
        one = await serve(profile(far))
        key = await one.key("developer")
        await sign_in(one, http, key)
        async with second_node(profile(far), database, tmp_path / "two") as two:
            assert [await said(node, http, key) for node in (one, two)] == ["alice", "alice"]
            for _ in range(3):
                far.access.clear()
                before = far.count("token")
                told = await asyncio.gather(*(said(node, http, key) for node in (one, two) for _ in range(4)))
                assert told == ["alice"] * 8
                assert far.count("token") == before + 1
            async with one.site.admission.admit(
                host_call("admin.secret.rekey", Resource("secret", "*"))
            ) as passage:
                await one.site.secrets.rekey(passage)
            far.access.clear()
            assert await said(two, http, key) == "alice"
    events = one.select("SELECT body FROM audit_events WHERE action = 'server.token.refresh' ORDER BY id")
    assert [row["body"]["version"] for row in events] == [2, 3, 4, 5]


@pytest.mark.slow
async def test_disabled_person_s_tokens_are_revoked(serve: Serve, http: aiohttp.ClientSession):
    async with oauth_server() as far:
        served = await serve(profile(far))
        key = await user_key(served, "ada")
        await sign_in(served, http, key)
        assert await said(served, http, key) == "alice"
        async with served.site.admission.admit(
            host_call("admin.user.disable", Resource("user", "ada"))
        ) as passage:
            await served.site.identity.users.disable(passage, "ada")
        await until(lambda: sign_ins(served)[0]["state"] == "ended", 60)
        await until(lambda: far.count("revoke"), 60)
        assert (await use(served, http, key))["error"]["code"] == -32003
        assert far.refresh == {}
    (outcome,) = served.select(
        "SELECT o.status FROM audit_events o WHERE o.action = 'admin.server.sign_out' AND o.kind = 'outcome'"
    )
    assert outcome["status"] == "ok"


@pytest.mark.slow
async def test_row_that_was_changed_behind_our_back_is_not_used(serve: Serve, http: aiohttp.ClientSession):
    async with oauth_server() as far:
        served = await serve(profile(far))
        ada, bob = await user_key(served, "ada"), await user_key(served, "bob")
        for key in (ada, bob):
            await sign_in(served, http, key)
        with psycopg.connect(served.database) as conn:  # somebody gives everybody the tokens of one
            conn.execute(
                "UPDATE upstream_sign_ins SET (wrapped, value) = (SELECT wrapped, value FROM upstream_sign_ins LIMIT 1)"
            )
        answers = [await use(served, http, key) for key in (ada, bob)]
        while sum("result" in answer for answer in answers) != 1:  # what is taken as read is so for a second
            await asyncio.sleep(0.1)
            answers = [await use(served, http, key) for key in (ada, bob)]
        (refused,) = [answer for answer in answers if "result" not in answer]
        assert "cannot be read" in refused["error"]["message"]


@pytest.mark.slow
async def test_token_goes_only_where_it_was_made_for(
    serve: Serve, http: aiohttp.ClientSession, database: str, tmp_path: Path
):
    async with oauth_server() as far, oauth_server() as other:
        one = await serve(profile(far))
        key = await one.key("developer")
        await sign_in(one, http, key)
        moved = profile(far).replace(far.mcp, other.mcp)
        async with second_node(moved, database, tmp_path / "two") as two:
            refused = await use(two, http, key)
            assert "for another address" in refused["error"]["message"]
        assert other.bearers == []
        assert await said(one, http, key) == "alice"
    statuses = [row["status"] for row in one.record("action = 'tool.call' AND kind = 'outcome'")]
    assert statuses == ["error", "ok"]


@pytest.mark.slow
async def test_registration_that_was_forgotten_there_is_made_anew(serve: Serve, http: aiohttp.ClientSession):
    async with oauth_server() as far:
        served = await serve(profile(far))
        key = await served.key("developer")
        await sign_in(served, http, key)
        far.clients.clear()
        far.access.clear()
        refused = await use(served, http, key)
        assert "invalid_client" in refused["error"]["message"]
        await sign_in(served, http, key)
        assert await said(served, http, key) == "alice"
        assert far.registered == 2
    events = served.select("SELECT status FROM audit_events WHERE action = 'server.token.refresh'")
    assert events == [{"status": "error"}]


@pytest.mark.slow
async def test_session_there_ends_with_its_sign_in(serve: Serve, http: aiohttp.ClientSession):
    async with oauth_server() as far:
        served = await serve(profile(far))
        key = await served.key("developer")
        await sign_in(served, http, key)
        heard = [await said(served, http, key, "echo") for _ in range(2)]
        far.subject = "somebody-else"
        await sign_in(served, http, key)
        heard.append(await said(served, http, key, "echo"))
        sessions = [text.rpartition(" ")[2] for text in heard]
        assert sessions[0] == sessions[1] != sessions[2]
        assert await said(served, http, key) == "somebody-else"
    assert len(served.record("action = 'tool.call' AND kind = 'outcome' AND status = 'ok'")) == 4


MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}},
}


@pytest.mark.slow
async def test_client_that_can_open_addresses_is_asked_to(serve: Serve, http: aiohttp.ClientSession):
    async with oauth_server() as far:
        served = await serve(profile(far))
        key = await served.key("developer")
        page = f"{served.url}/console/sign-ins/far"
        params = {"name": "far__whoami", "arguments": {}, "_meta": MODERN}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = {
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": "far__whoami",
        }
        asked = (await ask(served, http, key, message, "/mcp", **headers))["result"]
        assert asked["resultType"] == "input_required"
        ((name, question),) = asked["inputRequests"].items()
        assert (question["method"], question["params"]["mode"], question["params"]["url"]) == (
            "elicitation/create",
            "url",
            page,
        )
        hello = {
            "protocolVersion": "2025-11-25",
            "capabilities": {"elicitation": {"url": {}}},
            "clientInfo": {"name": "c", "version": "1"},
        }
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        given = {"Authorization": f"Bearer {key}", "Accept": "application/json, text/event-stream"}
        async with http.post(f"{served.url}/mcp", json=body, headers=given) as answer:
            session = answer.headers["Mcp-Session-Id"]
        old = {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "far__whoami", "arguments": {}},
        }
        error = (await ask(served, http, key, old, "/mcp", **{"Mcp-Session-Id": session}))["error"]
        assert error["code"] == -32042
        assert error["data"]["elicitations"][0]["url"] == page
        await sign_in(served, http, key)
        message["params"] = {**params, "inputResponses": {name: {"action": "accept"}}}
        answered = (await ask(served, http, key, message, "/mcp", **headers))["result"]
        assert answered["content"][0]["text"] == "alice"
    statuses = [row["status"] for row in served.record("action = 'tool.call' AND kind = 'outcome'")]
    assert statuses == ["error", "error", "ok"]


@pytest.mark.slow
async def test_token_without_renewal_is_used_to_its_end(serve: Serve, http: aiohttp.ClientSession):
    async with oauth_server(lifetime=2, wrong={"no_refresh": True}) as far:
        served = await serve(profile(far))
        key = await served.key("developer")
        await sign_in(served, http, key)
        async with asyncio.timeout(60):
            while "result" in (answer := await use(served, http, key)):
                await asyncio.sleep(0.2)
        assert answer["error"]["data"]["reason"] == "sign_in_wanted"
        assert "cannot be renewed" in answer["error"]["message"]
        assert far.count("token") == 1
    assert sign_ins(served)[0]["state"] == "ended"
