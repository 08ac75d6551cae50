"""The admin API of a whole server, with API keys for people of several roles."""

from typing import Any

import aiohttp
import msgspec
import pytest

from app.core.call import Resource
from app.server.first_run import host_call
from app.server.site import Site
from tests.fix_server import Serve, Served

PEOPLE = {"ada": "administrator", "grace": "auditor", "dora": "developer"}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Status, decoded body and headers of a response."""

    status: int
    body: Any
    headers: dict[str, str]


class Api:
    """Asks the API as one of PEOPLE; `served` is the server itself."""

    def __init__(self, *, served: Served, keys: dict[str, str], http: aiohttp.ClientSession) -> None:
        self.served = served
        self.keys = keys
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
        """One request as `who` (or nobody); bytes are sent as YAML, anything else as JSON."""
        sent = {"Authorization": f"Bearer {self.keys[who]}"} if who else {}
        data = body if isinstance(body, bytes) else None if body is None else msgspec.json.encode(body)
        if data is not None:
            sent["Content-Type"] = "application/yaml" if isinstance(body, bytes) else "application/json"
        async with self._http.request(
            method, self.served.url + path, data=data, headers=sent | (headers or {})
        ) as response:
            text = await response.read()
            decoded = msgspec.json.decode(text) if text else None
            return Answer(status=response.status, body=decoded, headers=dict(response.headers))


@pytest.fixture
async def api(serve: Serve, http: aiohttp.ClientSession) -> Api:
    """A running server with PEOPLE and their keys."""
    served = await serve()
    keys = {name: await _person(served.site, name, role) for name, role in PEOPLE.items()}
    return Api(served=served, keys=keys, http=http)


async def _person(site: Site, name: str, role: str) -> str:
    async with site.admission.admit(host_call("admin.user.create", Resource("user", name))) as passage:
        await site.identity.users.create(passage, name=name, roles=[role])
    async with site.admission.admit(host_call("admin.key.create", Resource("key", name))) as passage:
        return (await site.identity.keys.create(passage, owner=name)).token
