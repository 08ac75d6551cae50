"""People sign in at a remote tool server, each for themselves; what they get stays sealed and is used for them alone."""

import re

import aiohttp
import pytest

from app.core.call import Resource
from app.server.first_run import host_call
from tests.fix_browser import Visit
from tests.fix_oauth import (
    ask,
    begin,
    complete,
    onward,
    press,
    profile,
    said,
    sent_back,
    sign_in,
    use,
    user_key,
    visitor_of,
)
from tests.fix_server import Serve, Served
from tests.simulators.oauth_server import oauth_server

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
TOKEN = re.compile(r"(at|rt)-[A-Za-z0-9_-]{20,}")


def everything(served: Served) -> str:
    """All that the database holds, as text."""
    tables = [row["name"] for row in served.select(
        "SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND n.nspname = current_schema()"
    )]  # fmt: skip
    rows = [str(served.select(f"SELECT t::text AS row FROM {table} t")) for table in tables]
    return "\n".join(
        [*rows, str(served.select("SELECT convert_from(entry, 'UTF8') AS entry FROM audit_events"))]
    )


async def test_each_person_signs_in_and_uses_the_server_as_themselves(
    serve: Serve, visit: Visit, http: aiohttp.ClientSession
):
    async with oauth_server() as far:
        served = await serve(profile(far))
        ada, bob = await user_key(served, "ada"), await user_key(served, "bob")
        refused = await use(served, http, ada)
        assert refused["error"]["code"] == -32003
        assert refused["error"]["data"]["sign_in"] == f"{served.url}/console/sign-ins/far"
        assert far.bearers == []
        visitor = await visitor_of(served, visit, "ada")
        page = await press(visitor)
        assert page.status == 200
        far.subject = "ada-there"
        back = await sent_back(http, onward(page))
        assert back.startswith(f"{served.url}/oauth/upstream/callback?")
        done = await visitor.get(back.removeprefix(served.url))
        assert (done.status, done.location) == (303, "/console/sign-ins/far?done=1")
        assert "signed in" in (await visitor.get(done.location)).text
        assert await said(served, http, ada) == "ada-there"
        assert (await use(served, http, bob))["error"]["data"]["reason"] == "sign_in_wanted"
        far.subject = "bob-there"
        await sign_in(served, http, bob)
        assert await said(served, http, bob) == "bob-there"
        assert await said(served, http, ada) == "ada-there"
        asked = dict(far.asked)["authorize"]
        assert (asked["resource"], asked["code_challenge_method"]) == (far.mcp, "S256")
        assert far.registered == 1
        assert (ada in far.bearers, bob in far.bearers) == (False, False)
        assert not TOKEN.search(everything(served))
    calls = served.record("action = 'server.sign_in' AND kind = 'outcome'")
    assert [row["status"] for row in calls] == ["ok"] * 4
    kept = calls[1]["body"]
    assert served.record("action = 'server.sign_in' AND kind = 'intent'")[0]["resource"] == "far"
    assert "sealed" in kept or kept["result"]["issuer"] == far.issuer


async def test_person_is_signed_out_there_and_here(serve: Serve, visit: Visit, http: aiohttp.ClientSession):
    async with oauth_server() as far:
        served = await serve(profile(far))
        ada = await user_key(served, "ada")
        await sign_in(served, http, ada)
        assert await said(served, http, ada) == "alice"
        visitor = await visitor_of(served, visit, "ada")
        assert (await press(visitor, "out")).status == 303
        assert far.count("revoke") == 1
        assert far.access == {}
        assert "not signed in" in (await use(served, http, ada))["error"]["message"]
        (row,) = served.select("SELECT state, wrapped, value FROM upstream_sign_ins")
        assert (row["state"], bytes(row["wrapped"]), bytes(row["value"])) == ("ended", b"", b"")
    (out,) = served.record("action = 'server.sign_out' AND kind = 'outcome'")
    assert out["status"] == "ok"


@pytest.mark.slow
async def test_listing_of_all_servers_names_those_that_want_a_sign_in(
    serve: Serve, http: aiohttp.ClientSession
):
    async with oauth_server() as far:
        served = await serve(profile(far))
        key = await served.key("developer")
        listed = (await ask(served, http, key, LIST, "/mcp"))["result"]
        assert [tool["name"] for tool in listed["tools"] if tool["name"].startswith("far__")] == []
        assert listed["_meta"]["sallyport/sign-in"] == {"far": f"{served.url}/console/sign-ins/far"}
        await sign_in(served, http, key)
        listed = (await ask(served, http, key, LIST, "/mcp"))["result"]
        theirs = [tool["name"] for tool in listed["tools"] if tool["name"].startswith("far__")]
        assert theirs == ["far__admin", "far__echo", "far__whoami"]
        assert "_meta" not in listed
    rows = served.record("action = 'tool.list' AND kind = 'outcome'")
    assert [row["body"]["result"].get("unavailable") for row in rows] == [["far"], None]


async def test_token_that_a_server_repeats_reaches_nobody(serve: Serve, http: aiohttp.ClientSession):
    async with oauth_server() as far:
        served = await serve(profile(far))
        key = await served.key("developer")
        await sign_in(served, http, key)
        told = await said(served, http, key, "echo")
        assert told.startswith("[secret sign-in:far] ")
        assert not TOKEN.search(everything(served))
    (outcome,) = served.record("action = 'tool.call' AND kind = 'outcome'")
    assert outcome["body"]["secrets"] == ["sign-in:far@1"]


@pytest.mark.slow
async def test_missing_scope_is_asked_for_at_the_next_sign_in_and_not_before(
    serve: Serve, http: aiohttp.ClientSession
):
    async with oauth_server() as far:
        served = await serve(profile(far))
        key = await served.key("developer")
        await sign_in(served, http, key)
        for _ in range(2):
            wanted = (await use(served, http, key, "admin"))["error"]
            assert wanted["data"]["scopes"] == ["admin"]
            assert "sign in again" in wanted["message"]
        assert (far.count("token"), far.count("authorize")) == (1, 1)
        assert await said(served, http, key) == "alice"
        done = await sign_in(served, http, key)
        assert done["scopes"] == ["tools", "admin"]
        assert await said(served, http, key, "admin") == "alice"
    statuses = [row["status"] for row in served.record("action = 'tool.call' AND kind = 'outcome'")]
    assert statuses == ["error", "error", "ok", "ok"]


@pytest.mark.slow
async def test_one_sign_in_of_an_administrator_serves_everybody(serve: Serve, http: aiohttp.ClientSession):
    async with oauth_server(subject="site") as far:
        served = await serve(profile(far, per="site"))
        ada, bob = await user_key(served, "ada", "administrator", "developer"), await user_key(served, "bob")
        path = f"{served.url}/api/v1/sign-ins/far"
        for key, tried, status in ((bob, "/site", 403), (bob, "", 400), (ada, "", 400)):
            async with http.post(path + tried, headers={"Authorization": f"Bearer {key}"}) as answer:
                assert answer.status == status, await answer.text()
        await sign_in(served, http, ada, site=True)
        assert await said(served, http, bob) == "site"
        assert await said(served, http, ada) == "site"
    denied = served.record("action = 'admin.server.sign_in' AND kind = 'denial'")
    assert [row["actor"] for row in denied] == ["bob"]


@pytest.mark.slow
async def test_service_accounts_use_the_client_s_own_token(serve: Serve, http: aiohttp.ClientSession):
    async with oauth_server(clients={"site": "client-secret-4711"}) as far:
        served = await serve(
            profile(far, services="client-credentials", client_id="site", client_secret="secret:there")
        )
        key, ada = await served.key("developer"), await user_key(served, "ada")
        assert "There is no secret there" in (await use(served, http, key))["error"]["message"]
        for verb, argument in (("set", b"client-secret-4711"), ("grant", "server:far")):
            call = host_call(f"admin.secret.{verb}", Resource("secret", "there"))
            async with served.site.admission.admit(call) as passage:
                await getattr(served.site.secrets, verb)(passage, "there", argument)
        assert await said(served, http, key) == "site"
        assert await said(served, http, key, "admin") == "site"
        assert "not signed in" in (await use(served, http, ada))["error"]["message"]
        await sign_in(served, http, ada)
        assert await said(served, http, ada) == "alice"
        assert "client-secret-4711" not in everything(served)
    events = served.select(
        "SELECT body, status FROM audit_events WHERE action = 'server.token.refresh' ORDER BY id"
    )
    assert [row["body"]["client_id"] for row in events] == ["site", "site"]


@pytest.mark.slow
async def test_document_at_our_address_says_who_we_are_where_it_is_read(
    serve: Serve, http: aiohttp.ClientSession
):
    async with oauth_server(wrong={"documents": True}) as far:
        served = await serve(profile(far, more="listen: {url: 'https://ai.site'}"))
        key = await served.key("developer")
        _, begun = await begin(served, http, key)
        assert begun["client_id"] == "https://ai.site/oauth/upstream/client.json"
        async with http.get(f"{served.url}/oauth/upstream/client.json") as answer:
            document = await answer.json()
        assert document["client_id"] == begun["client_id"]
        back = await sent_back(http, begun["url"])
        assert back.startswith(f"{document['redirect_uris'][0]}?")
        assert (await complete(served, http, key, back))[0] == 200
        assert await said(served, http, key) == "alice"
        assert far.registered == 0
    rows = served.record("action = 'server.sign_in' AND kind = 'outcome'")
    assert {row["body"]["result"]["client_id"] for row in rows} == {begun["client_id"]}
