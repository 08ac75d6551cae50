"""A whole server on a free loopback port, with keys for people of several roles."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from app.config.schema import Database, Listen, Profile
from app.config.secret import Secret
from app.core.call import Resource
from app.db import connect
from app.egress import Connector, Destinations, Guard
from app.server.first_run import host_call
from app.server.serve import running
from app.server.site import Site

PEOPLE = {"ada": "administrator", "grace": "auditor", "dora": "developer"}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Status, decoded body and headers of a response."""

    status: int
    body: Any
    headers: dict[str, str]


class ApiSite:
    """The server's URL, a key for each of PEOPLE, and what its record holds."""

    def __init__(self, *, url: str, keys: dict[str, str], site: Site, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.keys = keys
        self.site = site
        self._http = http

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        who: str = "ada",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request as one of PEOPLE (or nobody); bytes are sent as YAML, anything else as JSON."""
        sent = {"Authorization": f"Bearer {self.keys[who]}"} if who else {}
        data = body if isinstance(body, bytes) else None if body is None else msgspec.json.encode(body)
        if data is not None:
            sent["Content-Type"] = "application/yaml" if isinstance(body, bytes) else "application/json"
        async with self._http.request(
            method, self.url + path, data=data, headers=sent | (headers or {})
        ) as response:
            text = await response.read()
            decoded = msgspec.json.decode(text) if text else None
            return Answer(status=response.status, body=decoded, headers=dict(response.headers))

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the record answers."""
        async with await connect(self.site.database_url, purpose="test") as conn:
            cursor = await conn.execute(statement)  # pyright: ignore[reportArgumentType]
            return await cursor.fetchall()


@asynccontextmanager
async def api_site(database: str, folder: Path) -> AsyncIterator[ApiSite]:
    """A running server on the database of one test."""
    profile = Profile(
        listen=Listen(address="127.0.0.1:0", plain_http="loopback", drain=1.0),
        database=Database(url=Secret(database)),
    )
    nowhere = Destinations([])
    connector = Connector(destinations=nowhere, guard=Guard(nowhere))
    async with (
        running(profile, folder=folder, connector=connector) as server,
        aiohttp.ClientSession() as http,
    ):
        keys = {name: await _person(server.site, name, role) for name, role in PEOPLE.items()}
        yield ApiSite(url=server.url, keys=keys, site=server.site, http=http)


async def _person(site: Site, name: str, role: str) -> str:
    async with site.admission.admit(host_call("admin.user.create", Resource("user", name))) as passage:
        await site.identity.users.create(passage, name=name, roles=[role])
    async with site.admission.admit(host_call("admin.key.create", Resource("key", name))) as passage:
        return (await site.identity.keys.create(passage, owner=name)).token
