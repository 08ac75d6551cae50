"""The bridge's one endpoint over HTTP/1.1 (RFC 9112): no redirects, no other place, errors in words."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ssl import SSLContext, SSLError
from typing import Protocol

from app.core.errors import UpstreamError
from app.egress.http import Connects, Origin
from app.egress.http_connection import HttpConnection, Reply
from app.mcp.remote.sse import EVENT_LIMIT, EventReader

SILENCE = 300.0
"""Seconds without a byte after which an answer is given up; the site sends a comment more often than that."""
_CONNECT = 10.0
_IDLE = 4.0
_FIELDS = (("content-type", "application/json"), ("accept", "application/json, text/event-stream"))
Fields = Sequence[tuple[str, str]]


class Credentials(Protocol):
    """Where the proof of who is calling comes from: a key now, a sign-in flow in the same place later."""

    async def authorization(self) -> str:
        """The value of the Authorization header."""
        ...

    async def refused(self) -> bool:
        """The site said 401; whether there is a new proof to try once more with."""
        ...


class Key:
    """An API key."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def authorization(self) -> str:
        """`Bearer KEY`."""
        return f"Bearer {self._key}"

    async def refused(self) -> bool:
        """A key stays what it is."""
        return False


class Link:
    """The endpoint `origin` + its path, with what every request carries."""

    def __init__(
        self, *, origin: Origin, connector: Connects, tls: SSLContext | None, credentials: Credentials
    ) -> None:
        self._origin = origin
        self._connector = connector
        self._tls = tls if origin.secure else None
        self._credentials = credentials
        self._idle: list[HttpConnection] = []

    @asynccontextmanager
    async def post(self, body: bytes, fields: Fields) -> AsyncIterator[Reply]:
        """Send a message; the reply is read inside the block. UpstreamError says in words what failed."""
        async with await self._send("POST", body, fields) as reply:
            if reply.status != 401 or not await self._credentials.refused():
                yield reply
                return
        async with await self._send("POST", body, fields) as reply:
            yield reply

    async def delete(self, fields: Fields) -> None:
        """End the session."""
        async with await self._send("DELETE", b"", fields) as reply:
            await reply.read(EVENT_LIMIT)

    async def _send(self, method: str, body: bytes, fields: Fields) -> Reply:
        lines = [
            f"{method} {self._origin.path or '/'} HTTP/1.1",
            f"host: {self._origin.authority}",
            f"authorization: {await self._credentials.authorization()}",
            "user-agent: sallyport-connect",
            f"content-length: {len(body)}",
            *(f"{name}: {value}" for name, value in (*_FIELDS, *fields)),
        ]
        if any(char in line for line in lines for char in "\r\n\0"):
            raise UpstreamError("A header would hold a line break.", kind="protocol")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        connection, pooled = await self._take()
        try:
            return await connection.exchange(head, body)
        except UpstreamError as error:
            # A connection that the site closed while it was idle: nothing of the message was taken.
            if not (pooled and error.kind == "closed" and not connection.answered):
                raise
        connection = await self._open()
        return await connection.exchange(head, body)

    async def _take(self) -> tuple[HttpConnection, bool]:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and now - connection.idle_since < _IDLE:
                return connection, True
            connection.abort(UpstreamError("Idle for too long.", kind="closed"))
        return await self._open(), False

    async def _open(self) -> HttpConnection:
        loop, origin = asyncio.get_running_loop(), self._origin
        place = f"{origin.host}:{origin.port}"
        try:
            async with asyncio.timeout(_CONNECT):
                _, connection = await self._connector.connect(
                    origin.host, origin.port, lambda: HttpConnection(loop=loop, timeout=SILENCE, idle=self._settled),
                    tls=self._tls,
                )  # fmt: skip
        except TimeoutError:
            raise UpstreamError(f"{place} did not answer in {_CONNECT:g} seconds.", kind="connect") from None
        except SSLError as error:
            raise UpstreamError(
                f"{place} could not prove who it is ({error.reason or error}); --ca names its authority.",
                kind="connect",
            ) from None
        except OSError as error:
            raise UpstreamError(
                f"{place} cannot be reached ({error.strerror or error}).", kind="connect"
            ) from None
        return connection

    def _settled(self, connection: HttpConnection, reusable: bool) -> None:
        if reusable:
            self._idle.append(connection)

    def close(self) -> None:
        """End the connections that nobody uses."""
        for connection in self._idle:
            connection.abort(UpstreamError("The bridge ends.", kind="closed"))
        self._idle.clear()


async def messages(reply: Reply) -> AsyncIterator[bytes]:
    """The JSON-RPC messages of a reply, one body or a stream of events; UpstreamError when it is neither."""
    kind = reply.header("content-type").partition(";")[0].strip().lower()
    if kind == "text/event-stream" and reply.status == 200:
        reader = EventReader()
        async for chunk in reply:
            for data in reader.feed(chunk):
                yield data
        return
    body = await reply.read(EVENT_LIMIT)
    if kind == "application/json" and body:
        yield body
    elif reply.status != 202 and not (200 <= reply.status < 300 and not body):
        raise UpstreamError(_words(reply), kind="status")


def _words(reply: Reply) -> str:
    if 300 <= reply.status < 400:
        where = reply.header("location")[:200]
        return (
            f"The site redirects (HTTP {reply.status}) to {where!r}, which is not followed; correct the URL."
        )
    if reply.status in (401, 403):
        return f"The site refused the key (HTTP {reply.status})."
    return (
        f"The site answered with HTTP {reply.status} and no JSON-RPC message; is this the URL of a Sallyport?"
    )
