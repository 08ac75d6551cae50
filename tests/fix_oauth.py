"""Signing in at the tool server `far` of tests/simulators/oauth_server.py, as persons and programs do."""

import json
from collections.abc import Mapping
from html import unescape
from re import search
from typing import Any

import aiohttp

from app.core.call import Resource
from app.server.first_run import host_call
from tests.fix_browser import Page, Visit, Visitor, person
from tests.fix_server import Served
from tests.simulators.oauth_server import OAuthServer


def profile(far: OAuthServer, *, more: str = "", **oauth: Any) -> str:
    """A site with the server `far` and whatever `more` says."""
    settings = {"issuers": [far.issuer], **oauth}
    entry = {"url": far.mcp, "oauth": settings, "timeout": 30}
    return f"{more}\nmcp: {{recheck: 0, servers: {{far: {json.dumps(entry)}}}}}\n"


async def user_key(served: Served, name: str, *roles: str) -> str:
    """A person, and an API key of theirs."""
    await person(served, name, *(roles or ("developer",)))
    async with served.site.admission.admit(host_call("admin.key.create", Resource("key", name))) as passage:
        made = await served.site.identity.keys.create(passage, owner=name)
    await served.site.identity.refresh()
    return made.token


async def ask(
    served: Served,
    http: aiohttp.ClientSession,
    key: str,
    message: Mapping[str, Any],
    path: str = "/mcp/far",
    **headers: str,
) -> dict[str, Any]:
    """The JSON-RPC response to one message."""
    sent = {"Authorization": f"Bearer {key}", "Accept": "application/json, text/event-stream", **headers}
    async with http.post(
        served.url + path,
        json=message,
        headers={name.replace("_", "-"): value for name, value in sent.items()},
    ) as answer:
        return await answer.json()


async def use(served: Served, http: aiohttp.ClientSession, key: str, tool: str = "whoami") -> dict[str, Any]:
    """A tool call in the older era, without a session."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": {}}}
    return await ask(served, http, key, message)


async def said(served: Served, http: aiohttp.ClientSession, key: str, tool: str = "whoami") -> str:
    """What the tool says."""
    answer = await use(served, http, key, tool)
    assert "result" in answer, answer
    return answer["result"]["content"][0]["text"]


async def sent_back(http: aiohttp.ClientSession, url: str) -> str:
    """The address that the authorization server sends the browser to."""
    async with http.get(url, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        return answer.headers["Location"]


async def begin(
    served: Served, http: aiohttp.ClientSession, key: str, *, site: bool = False
) -> tuple[int, dict[str, Any]]:
    """Through the API."""
    path = f"{served.url}/api/v1/sign-ins/far{'/site' if site else ''}"
    async with http.post(path, headers={"Authorization": f"Bearer {key}"}) as answer:
        return answer.status, await answer.json()


async def complete(
    served: Served, http: aiohttp.ClientSession, key: str, address: str, *, site: bool = False
) -> tuple[int, dict[str, Any]]:
    """Through the API."""
    path = f"{served.url}/api/v1/sign-ins/far{'/site' if site else ''}/complete"
    async with http.post(
        path, json={"address": address}, headers={"Authorization": f"Bearer {key}"}
    ) as answer:
        return answer.status, await answer.json()


async def sign_in(
    served: Served, http: aiohttp.ClientSession, key: str, *, site: bool = False
) -> dict[str, Any]:
    """All of it, through the API."""
    status, begun = await begin(served, http, key, site=site)
    assert status == 200, begun
    status, done = await complete(served, http, key, await sent_back(http, begun["url"]), site=site)
    assert status == 200, done
    return done


async def visitor_of(served: Served, visit: Visit, name: str) -> Visitor:
    """A browser in which this person is signed in."""
    visitor = visit(served)
    assert (await visitor.sign_in(name)).status == 303
    return visitor


async def press(visitor: Visitor, do: str = "in") -> Page:
    """The button on the server's page."""
    page = await visitor.get("/console/sign-ins/far")
    assert page.status == 200, page.text
    return await visitor.post("/console/sign-ins/far", {"form": page.form, "do": do})


def onward(page: Page) -> str:
    """The address behind "Go on"."""
    found = search(r'id="onward"[^>]* href="([^"]+)"', page.text)
    assert found, page.text
    return unescape(found[1])
