"""The console through a browser: Debian's Chromium, and a plain client that behaves like one."""

import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from html import unescape
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import pytest

from app.core.call import Resource
from app.server.first_run import host_call
from tests.fix_server import Served

if TYPE_CHECKING:
    from playwright.async_api import Browser

PASSWORD = "correct horse battery staple"
HTML = "text/html,application/xhtml+xml"
BROWSERS = (
    os.environ.get("SALLYPORT_TEST_BROWSER", "chromium"),
    "chromium",
    "chromium-browser",
    "google-chrome",
)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What came back."""

    status: int
    text: str
    headers: Mapping[str, str]
    cookies: Mapping[str, Any]

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")

    @property
    def form(self) -> str:
        """The token of the page's form."""
        found = re.search(r'name="form" value="([^"]*)"', self.text)
        assert found, self.text
        return unescape(found[1])


class Visitor:
    """A browser without an engine: keeps cookies, sends what browsers send, follows nothing by itself."""

    def __init__(self, served: Served, session: aiohttp.ClientSession) -> None:
        self.served = served
        self._session = session

    async def get(self, path: str, **headers: str) -> Page:
        return await self._ask("GET", path, headers={"Accept": HTML, **headers})

    async def post(self, path: str, fields: Mapping[str, str] | bytes, **headers: str) -> Page:
        sent = {"Accept": HTML, "Origin": self.served.url, "Sec-Fetch-Site": "same-origin", **headers}
        return await self._ask("POST", path, headers=sent, data=fields)

    async def sign_in(self, name: str, password: str = PASSWORD, **fields: str) -> Page:
        """Through the form, as a person would."""
        page = await self.get("/console/sign-in")
        return await self.post(
            "/console/sign-in", {"form": page.form, "name": name, "password": password, **fields}
        )

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self._session.cookie_jar}

    def wear(self, **cookies: str) -> None:
        """Put cookies into the jar, as an attacker would."""
        self._session.cookie_jar.update_cookies(cookies, aiohttp.client.URL(self.served.url))

    async def _ask(self, method: str, path: str, *, headers: dict[str, str], data: Any = None) -> Page:
        kept = {name.replace("_", "-"): value for name, value in headers.items() if value}
        async with self._session.request(
            method, self.served.url + path, headers=kept, data=data, allow_redirects=False
        ) as answer:
            return Page(
                status=answer.status,
                text=await answer.text(),
                headers=dict(answer.headers),
                cookies=dict(answer.cookies.items()),
            )


Visit = Callable[[Served], Visitor]


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    """A new visitor, with a cookie jar of its own, for each call."""
    sessions: list[aiohttp.ClientSession] = []

    def arrive(served: Served) -> Visitor:
        session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=aiohttp.ClientTimeout(total=30)
        )
        sessions.append(session)
        return Visitor(served, session)

    yield arrive
    for session in sessions:
        await session.close()


async def person(served: Served, name: str, *roles: str, password: str = PASSWORD) -> None:
    """A user who can sign in."""
    call = host_call("admin.user.create", Resource("user", name))
    async with served.site.admission.admit(call) as passage:
        await served.site.identity.users.create(passage, name=name, password=password, roles=list(roles))


@pytest.fixture
async def chromium() -> "AsyncIterator[Browser]":
    """A real browser."""
    from playwright.async_api import async_playwright

    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on this machine: see setup_browser in scripts/lib.sh")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        await browser.close()
