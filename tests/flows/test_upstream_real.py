"""Signing in at real authorization servers: the `mcp` SDK's own, and npm's oidc-provider (`scripts/oidc` fetches it)."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import pytest

from tests.fix_oauth import begin, complete, profile, said, sign_in, use, user_key
from tests.fix_server import Serve, free_port
from tests.simulators.oauth_server import oauth_server

ROOT = Path(__file__).resolve().parents[2]
OIDC = ROOT / ".cache" / "oidc"

pytestmark = pytest.mark.slow


@contextlib.asynccontextmanager
async def sdk_server(http: aiohttp.ClientSession) -> AsyncIterator[str]:
    """The URL of a server of the SDK, once it answers."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.simulators.mcp_sdk_guarded", str(port), cwd=ROOT,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    base = f"http://127.0.0.1:{port}"
    try:
        await _answers(http, f"{base}/.well-known/oauth-authorization-server")
        yield base
    finally:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def oidc_provider(http: aiohttp.ClientSession, resource: str) -> AsyncIterator[str]:
    """The issuer, once it answers."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        str(OIDC / "node"), str(ROOT / "tests" / "simulators" / "oidc_provider.mjs"), str(port), resource, str(OIDC),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    issuer = f"http://127.0.0.1:{port}"
    try:
        await _answers(http, f"{issuer}/.well-known/openid-configuration")
        yield issuer
    finally:
        process.kill()
        await process.wait()


async def _answers(http: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with http.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)


async def agreed(url: str, *, name: str, home: str) -> str:
    """Sign in and consent at its forms, as a person would; the address that it sends the browser to at the end."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        form: dict[str, str] | None = None
        for _ in range(12):
            method = "GET" if form is None else "POST"
            async with browser.request(method, url, data=form, allow_redirects=False) as answer:
                text = await answer.text()
                if "Location" in answer.headers:
                    url, form = urljoin(url, answer.headers["Location"]), None
                    if url.startswith(home):
                        return url
                    continue
                assert answer.status == 200, text
                prompt = "login" if 'value="login"' in text else "consent"
                form = {"prompt": prompt, "login": name, "password": "any"}
    raise AssertionError(f"it never came back: {url}")


@pytest.mark.skipif(
    not OIDC.exists(), reason="oidc-provider is not here; scripts/oidc fetches it (needs npm)"
)
async def test_oidc_provider_is_signed_in_at_renewed_and_signed_out_of(
    serve: Serve, http: aiohttp.ClientSession
):
    async with oauth_server() as far, oidc_provider(http, far.mcp) as issuer:
        far.wrong = {"servers": [issuer]}
        far.introspection = f"{issuer}/token/introspection"
        served = await serve(profile(far, issuers=[issuer]))
        ada, bob = await user_key(served, "ada"), await user_key(served, "bob")
        for key, name in ((ada, "ada-there"), (bob, "bob-there")):
            _, begun = await begin(served, http, key)
            back = await agreed(begun["url"], name=name, home=served.url)
            status, done = await complete(served, http, key, back)
            assert (status, done.get("renewed"), done.get("scopes")) == (200, True, ["tools"]), done
            assert await said(served, http, key) == name
        async with asyncio.timeout(60):
            while len(served.select("SELECT 1 FROM audit_events WHERE action = 'server.token.refresh'")) < 3:
                assert [await said(served, http, key) for key in (ada, bob)] == ["ada-there", "bob-there"]
                await asyncio.sleep(0.2)
        async with http.delete(
            f"{served.url}/api/v1/sign-ins/far", headers={"Authorization": f"Bearer {ada}"}
        ) as answer:
            assert answer.status == 204
        assert (await use(served, http, ada))["error"]["data"]["reason"] == "sign_in_wanted"
        assert await said(served, http, bob) == "bob-there"
    events = served.select("SELECT status, body FROM audit_events WHERE action = 'server.token.refresh'")
    assert {(row["status"], row["body"]["issuer"]) for row in events} == {("ok", issuer)}


@pytest.mark.skipif(
    not OIDC.exists(), reason="oidc-provider is not here; scripts/oidc fetches it (needs npm)"
)
async def test_oidc_provider_gives_the_client_tokens_of_its_own(serve: Serve, http: aiohttp.ClientSession):
    async with oauth_server() as far, oidc_provider(http, far.mcp) as issuer:
        far.wrong = {"servers": [issuer]}
        far.introspection = f"{issuer}/token/introspection"
        machine = {"client_id": "machine", "client_secret": "machine-secret-4711"}
        served = await serve(profile(far, issuers=[issuer], services="client-credentials", **machine))
        key = await served.key("developer")
        async with asyncio.timeout(60):
            while len(served.select("SELECT 1 FROM audit_events WHERE action = 'server.token.refresh'")) < 2:
                assert await said(served, http, key) == "machine"
                await asyncio.sleep(0.2)


async def test_server_of_the_sdk_is_signed_in_at_renewed_and_signed_out_of(
    serve: Serve, http: aiohttp.ClientSession
):
    async with sdk_server(http) as base:
        served = await serve(
            f"mcp: {{servers: {{far: {{url: '{base}/mcp', oauth: {{issuers: ['{base}']}}}}}}}}"
        )
        key = await served.key("developer")
        assert (await use(served, http, key))["error"]["code"] == -32003
        done = await sign_in(served, http, key)
        assert (done["scopes"], done["renewed"]) == (["tools"], True)
        assert await said(served, http, key) == "alice by [secret sign-in:far]"
        async with asyncio.timeout(60):
            while not served.select("SELECT 1 FROM audit_events WHERE action = 'server.token.refresh'"):
                assert await said(served, http, key) == "alice by [secret sign-in:far]"
                await asyncio.sleep(0.2)
        async with http.delete(
            f"{served.url}/api/v1/sign-ins/far", headers={"Authorization": f"Bearer {key}"}
        ) as answer:
            assert answer.status == 204
        assert (await use(served, http, key))["error"]["data"]["reason"] == "sign_in_wanted"
    (out,) = served.record("action = 'server.sign_out' AND kind = 'outcome'")
    # The SDK's endpoint takes back tokens of clients with a secret only; here they are destroyed all the same.
    assert out["status"] == "ok"
    assert served.select("SELECT state FROM upstream_sign_ins") == [{"state": "ended"}]
