"""The kit's servers that want a sign-in, behind a whole site, and somebody who signs in at them and uses them."""

import itertools
import re
import ssl
from typing import Any

import aiohttp
import msgspec

from app.config.secret import Secret
from app.config.tools import McpOAuth, McpServer
from app.core.call import BearerToken, Call, Resource
from app.core.ids import new_trace
from app.egress import Connector, Destinations, Guard
from app.egress.destinations import declared
from app.egress.trust import client_context
from app.mcp import remotes
from app.mcp.oauth import SignInError, SignIns, sign_in_by
from app.server.tools import US, sign_in_parts
from tests.conformance.driving import attempts
from tests.fix_server import Served

POLICY = """
policy: test
rules:
  - {id: servers, effect: permit, actions: [server.*, tool.list, resource.list, prompt.list], servers: ["*"]}
  - {id: tools, effect: permit, actions: [tool.call], tools: ["*"]}
"""
PROFILE = "listen: {url: 'https://sallyport.example'}"
_NAMED = re.compile(r"sends people to '([^']+)'")
_ROUNDS = 4


class SigningIn:
    """Plays scenarios one after another or at once: each has a server of its own, in a site that all share."""

    def __init__(self, served: Served, key: str, mode: str) -> None:
        self._served = served
        self._key = key
        self._mode = mode
        self._numbers = itertools.count(1)

    async def drive(self, scenario: str, url: str, context: dict[str, Any]) -> None:
        """Sign in as often as the server wants it within reason, and use it; what is refused at last is raised."""
        name = f"kit{next(self._numbers)}"
        secret = context.get("client_secret")
        oauth = McpOAuth(
            issuers=("https://issuer.example",),
            client_id=context.get("client_id", ""),
            client_secret=Secret(secret) if secret else None,
        )
        entry = McpServer(url=url, oauth=oauth, timeout=20.0)
        sign_ins = self._take_up(name, entry)
        for _ in range(_ROUNDS):
            try:
                await self._sign_in(sign_ins, name)
            except SignInError as error:
                entry = _as_it_asks(entry, error)
                sign_ins = self._take_up(name, entry)
                continue
            endpoint = f"{self._served.url}/mcp/{name}"
            if not await attempts(endpoint, self._mode, context, key=self._key):
                return
        raise AssertionError(f"{scenario}: it wants a sign-in again and again")

    def _take_up(self, name: str, entry: McpServer) -> SignIns:
        """As if the profile had this entry from the start."""
        site, servers = self._served.site, self._served.running.doors.servers
        mcp = msgspec.structs.replace(site.declared.mcp, servers={**site.declared.mcp.servers, name: entry})
        site.declared.mcp = mcp
        destinations = Destinations(declared(msgspec.structs.replace(site.profile, mcp=mcp)))
        connector = Connector(destinations=destinations, guard=Guard(destinations))
        parts = sign_in_parts(site, connector, client_context(site.profile.egress))
        tls = ssl.create_default_context()
        made = remotes({name: entry}, connector=connector, tls=tls, clock=site.clock, us=US, sign_in=parts)
        servers.apply({**servers._upstreams, **made}, mcp)
        return SignIns(parts)

    async def _sign_in(self, sign_ins: SignIns, name: str) -> None:
        call = Call(
            door="cli",
            action=sign_ins.action(name),
            resource=Resource("server", name),
            trace=new_trace(),
            credential=BearerToken(self._key),
        )
        async with self._served.site.admission.admit(call) as passage:
            await sign_in_by(sign_ins, passage, name, _sent_back)


def _as_it_asks(entry: McpServer, error: SignInError) -> McpServer:
    """The entry with the authorization server that the error says is not declared; otherwise the error stands."""
    named = _NAMED.search(str(error))
    if named is None or named[1] in entry.oauth.issuers:
        raise error
    oauth = msgspec.structs.replace(entry.oauth, issuers=(named[1],))
    return msgspec.structs.replace(entry, oauth=oauth)


async def _sent_back(url: str) -> str:
    async with aiohttp.ClientSession() as http, http.get(url, allow_redirects=False) as answer:
        assert answer.status in (302, 303), await answer.text()
        return answer.headers["Location"]
