"""A client of the older era that keeps a session open: posts, a standing stream, and answers to questions."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.fix_tools import ALICE, ToolSite

ACCEPT = "application/json, text/event-stream"


class Peer:
    """One session; `open` is how its client introduced itself."""

    def __init__(self, site: ToolSite, path: str, key: str) -> None:
        self.site, self.path, self.key = site, path, key
        self.session = ""
        self.result: dict[str, Any] = {}
        self._ids = iter(range(1, 1000))

    async def open(self, capabilities: dict[str, Any], version: str = "2025-11-25") -> "Peer":
        client = {"name": "peer", "version": "1"}
        params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": client}
        message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        status, answer, headers = await self.site.post(self.path, message, key=self.key)
        assert status == 200, answer
        self.session, self.result = headers["Mcp-Session-Id"], answer["result"]
        return self

    @property
    def headers(self) -> dict[str, str]:
        given = {"Authorization": f"Bearer {self.key}", "Accept": ACCEPT, "Content-Type": "application/json"}
        return {**given, "Mcp-Session-Id": self.session}

    def message(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}

    async def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The response of one request; what comes before it is dropped."""
        async with self.post(self.message(method, params)) as events:
            found = [event async for _, event in events]
        return found[-1]

    async def tool(self, name: str, **arguments: Any) -> Any:
        """The text of a tool's result."""
        answer = await self.ask("tools/call", {"name": name, "arguments": arguments})
        assert "result" in answer, answer
        return answer["result"]["content"][0]["text"]

    async def respond(self, question: dict[str, Any], result: dict[str, Any]) -> None:
        body = {"jsonrpc": "2.0", "id": question["id"], "result": result}
        async with self.site.session.post(
            self.site.url + self.path, json=body, headers=self.headers
        ) as response:
            assert response.status == 202

    @asynccontextmanager
    async def post(self, message: Any) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        url = self.site.url + self.path
        async with self.site.session.post(url, json=message, headers=self.headers) as response:
            yield events(response)

    @asynccontextmanager
    async def get(self, last: str = "") -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """The standing stream, or from where another broke off."""
        headers = {**self.headers, **({"Last-Event-ID": last} if last else {})}
        async with self.site.session.get(self.site.url + self.path, headers=headers) as response:
            assert response.status == 200, await response.text()
            found = events(response)
            yield found


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    """Id and value of each event; of a plain JSON answer, that."""
    if "json" in response.content_type:
        yield "", await response.json()
        return
    identifier = ""
    async for line in response.content:
        field, _, value = line.decode().rstrip("\r\n").partition(":")
        if field == "id":
            identifier = value.strip()
        elif field == "data" and value.strip():
            yield identifier, json.loads(value)


async def first(found: AsyncIterator[tuple[str, Any]]) -> tuple[str, Any]:
    """The next event, within a minute."""
    async with asyncio.timeout(60):
        return await anext(found)


async def begin(site: ToolSite, path: str, *, key: str = ALICE, **capabilities: Any) -> Peer:
    """A session of a client that declares these capabilities."""
    return await Peer(site, path, key).open(capabilities)
