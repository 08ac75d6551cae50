"""Authorization servers, tool servers and browsers that lie: each sign-in is refused with a reason, and nothing leaks."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
import pytest

from tests.fix_browser import Visit
from tests.fix_oauth import (
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
from tests.fix_server import Serve, Served, until
from tests.simulators.oauth_server import oauth_server

BEGINNINGS: list[tuple[dict[str, Any], str]] = [
    ({"issuer": "https://elsewhere.example/as"}, "calls itself 'https://elsewhere.example/as'"),
    ({"pkce": ["plain"]}, "does not say that it supports PKCE with S256"),
    ({"pkce": []}, "does not say that it supports PKCE with S256"),
    ({"servers": ["https://login.evil.example"]}, "mcp.servers.far.oauth.issuers"),
    ({"resource": "https://other.example/mcp"}, "metadata of another resource"),
    ({"resource_metadata": "http://169.254.169.254/latest/meta-data"}, "is not a declared destination"),
    ({"resource_metadata": "http://[::ffff:a9fe:a9fe]/latest"}, "is not a declared destination"),
    ({"resource_metadata": "file:///etc/passwd"}, "no plain http or https URL"),
    ({"redirect": "http://169.254.169.254/latest"}, "names metadata that is not there"),
    ({"huge": True}, "longer than"),
    ({"token_endpoint": "javascript:alert(1)"}, "unusable token_endpoint"),
    ({"no_registration": True}, "lets nobody register"),
]
ENDINGS: list[tuple[dict[str, Any], str]] = [
    ({"iss": "https://elsewhere.example/as"}, "The answer comes from"),
    ({"iss": None}, "does not name its authorization server"),
    ({"denied": "access_denied"}, "refused: access_denied"),
    ({"denied": "<script>alert(1)</script>"}, "refused: unknown_error"),
    ({"token_answer": '{"access_token": "at-1", "access_token": "at-2", "token_type": "Bearer"}'}, "cannot be read"),
    ({"token_answer": '{"access_token": "at-1\\r\\nx: y", "token_type": "Bearer"}'}, "no header can carry"),
    ({"token_answer": '{"access_token": "at-12345678", "token_type": "DPoP"}'}, "another type than Bearer"),
    ({"token_answer": '{"access_token": "at-12345678", "token_type": "Bearer", "expires_in": -1}'}, "has ended"),
    ({"token_answer": "[" * 1000}, "cannot be read"),
    ({"token_answer": '{"a": "' + "x" * 400_000 + '"}'}, "longer than"),
]  # fmt: skip


def tokens(served: Served) -> list[dict[str, Any]]:
    return served.select("SELECT server FROM upstream_sign_ins WHERE state = 'signed in'")


async def test_sign_in_is_not_begun_with_those_who_publish_wrongly(serve: Serve, http: aiohttp.ClientSession):
    async with oauth_server() as far:
        served = await serve(profile(far))
        key = await served.key("developer")
        for wrong, reason in BEGINNINGS:
            far.wrong = wrong
            status, told = await begin(served, http, key)
            assert (status, reason in f"{told['error']['message']} {told['error']['remedy']}") == (
                502,
                True,
            ), told
        far.wrong = {}
        await sign_in(served, http, key)
    rows = served.record("action = 'server.sign_in' AND kind = 'outcome'")
    assert [row["status"] for row in rows] == ["error"] * len(BEGINNINGS) + ["ok", "ok"]


@pytest.mark.slow
async def test_sign_in_is_not_completed_with_those_who_answer_wrongly(
    serve: Serve, http: aiohttp.ClientSession
):
    async with oauth_server() as far:
        served = await serve(profile(far))
        key = await served.key("developer")
        for wrong, reason in ENDINGS:
            far.wrong = {}
            _, begun = await begin(served, http, key)
            far.wrong = wrong
            address = await sent_back(http, begun["url"])
            status, told = await complete(served, http, key, address)
            assert (status, reason in told["error"]["message"]) == (502, True), told
            far.wrong = {}
            status, told = await complete(served, http, key, address)
            assert (status, told["error"]["code"]) == (400, "invalid_request"), "a state works once"
        assert tokens(served) == []
    rows = served.record("action = 'server.sign_in' AND kind = 'outcome' AND status = 'error'")
    assert len(rows) == 2 * len(ENDINGS)
    assert "at-1" not in str([row["body"] for row in rows])


async def test_state_of_somebody_else_completes_nothing(
    serve: Serve, visit: Visit, http: aiohttp.ClientSession
):
    async with oauth_server() as far:
        served = await serve(profile(far))
        ada, bob = await user_key(served, "ada"), await user_key(served, "bob")
        there, other, hers = [await visitor_of(served, visit, name) for name in ("ada", "bob", "ada")]
        page = await press(there)
        path = (await sent_back(http, onward(page))).removeprefix(served.url)
        for visitor in (other, hers):
            refused = await visitor.get(path)
            assert (refused.status, "in another session" in refused.text) == (403, True)
        stranger = await visit(served).get(path)
        assert (stranger.status, stranger.location) == (401, "")
        assert "code" not in str(stranger.headers)
        assert tokens(served) == []
        assert (await there.get(path)).status == 303
        assert (await there.get(path)).status == 400
        assert await said(served, http, ada) == "alice"
        _, begun = await begin(served, http, bob)
        address = await sent_back(http, begun["url"])
        for key, status in ((ada, 403), (bob, 200)):
            assert (await complete(served, http, key, address))[0] == status
    outcomes = served.record("action = 'server.sign_in' AND kind = 'outcome' AND status = 'refused'")
    assert len(outcomes) == 3
    assert len(served.record("action = 'server.sign_in' AND kind = 'denial'")) == 1


@pytest.mark.slow
async def test_callback_goes_nowhere_but_to_our_own_pages(
    serve: Serve, visit: Visit, http: aiohttp.ClientSession
):
    async with oauth_server() as far:
        served = await serve(profile(far))
        await user_key(served, "ada")
        visitor = await visitor_of(served, visit, "ada")
        page = await press(visitor)
        fields = dict(parse_qsl(urlsplit(await sent_back(http, onward(page))).query))
        more = {"next": "https://evil.example", "redirect_uri": "//evil.example", **fields}
        done = await visitor.get(f"/oauth/upstream/callback?{urlencode(more)}")
        assert (done.status, done.location) == (303, "/console/sign-ins/far?done=1")
        for hostile in (
            f"{urlencode(fields)}&state=twice",
            "state=" + "x" * 9000,
            "",
            "state=%00&code=%ff",
            "&".join(f"a{number}=1" for number in range(40)),
        ):
            refused = await visitor.get(f"/oauth/upstream/callback?{hostile}")
            assert (refused.status, refused.location) == (400, ""), hostile
        forged = await visitor.post(
            "/console/sign-ins/far", {"form": "wrong", "do": "in"}, Origin="https://evil.example"
        )
        assert forged.status == 403
    assert fields["code"] not in str(
        served.select("SELECT convert_from(entry, 'UTF8') AS entry FROM audit_events")
    )


@pytest.mark.slow
async def test_code_that_is_used_twice_ends_what_it_gave(serve: Serve, http: aiohttp.ClientSession):
    async with oauth_server(lifetime=1) as far:
        served = await serve(profile(far))
        key = await served.key("developer")
        _, begun = await begin(served, http, key)
        address = await sent_back(http, begun["url"])
        assert (await complete(served, http, key, address))[0] == 200
        code = dict(parse_qsl(urlsplit(address).query))["code"]
        stolen = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": "dynamic-1",
            "code_verifier": "x",
        }
        async with http.post(f"{far.issuer}/token", data=stolen) as answer:
            assert answer.status == 400
        refused = await use(served, http, key)
        assert refused["error"]["data"]["reason"] == "sign_in_wanted"
        assert "invalid_grant" in refused["error"]["message"]
    (event,) = served.select("SELECT status, body FROM audit_events WHERE action = 'server.token.refresh'")
    assert (event["status"], event["body"]["failed"]) == ("error", "invalid_grant")


@pytest.mark.slow
async def test_authorization_server_that_hangs_holds_up_nobody_else(
    serve: Serve, http: aiohttp.ClientSession
):
    async with oauth_server(lifetime=1) as far:
        served = await serve(profile(far))
        key, other = await served.key("developer"), await served.key("developer", name="other")
        await sign_in(served, http, key)
        await until(lambda: served.select("SELECT 1 FROM upstream_sign_ins WHERE renew < now()"), 60)
        far.lifetime = 3600
        await sign_in(served, http, other)
        far.wrong = {"hang": True}
        waiting = [asyncio.create_task(use(served, http, key)) for _ in range(20)]
        await until(lambda: far.count("token") == 3, 60)
        async with http.get(f"{served.url}/readyz") as ready:
            assert ready.status == 200
        assert await said(served, http, other) == "alice"
        waiting[0].cancel()  # whoever renews may go away: what is on its way is kept for the others
        far.let_go.set()
        answers = await asyncio.gather(*waiting[1:])
        assert [answer["result"]["content"][0]["text"] for answer in answers] == ["alice"] * 19
        assert far.count("token") == 3
    statuses = [row["status"] for row in served.record("action = 'tool.call' AND kind = 'outcome'")]
    assert statuses.count("ok") >= 20
